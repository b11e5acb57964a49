// In which order things happen in a group: watermarks, readings that wait for theirs, what falls due.
#include <algorithm>
#include <functional>
#include <utility>

#include "rules/state/rule_state.h"

namespace weir::rules {
namespace {

// So many looks at once at rules that watch the time, and no more: after a jump of years they are wide apart.
constexpr Nanoseconds kMostLooks = 100'000;

}  // namespace

void RuleState::hold_back(std::uint32_t g, std::uint16_t i, const Incoming& reading, Nanoseconds now, Sink& sink) {
  Group& group = groups_[g];
  Slot& input = slot(g, reading.member, i);
  if (reading.time <= group.passed) return too_late(g, i, reading, input.time, sink);
  PendingReadings& waiting = backlogs_[g].readings;
  const bool text = reading.text != nullptr && rule_->inputs[i].type == Type::text;
  if (!waiting.add({reading.time, reading.number, reading.quality, reading.member, i,
                    text ? std::make_unique<std::string>(*reading.text) : nullptr})) {
    ++sink.counters.duplicate;
    return;
  }
  if (group.newest == kLongAgo)
    // Inputs that never sent anything are waited for, too, but from now on only.
    each_source(*this, g, [&](Slot& source, auto, auto) { source.arrived = std::max(source.arrived, now); });
  settle(g, now);
  input.arrived = now;
  input.newest = std::max(input.newest, reading.time);
  if (reading.time > group.newest) {
    group.newest = reading.time;
    group.newest_at = now;
  }
  if (waiting.size() > kMostPending) drain(g, waiting.first().time, sink);
  move_on(g, now, sink);
}

// Drains as far as the watermark has come, without a look at each of many members with each reading: while all are
// heard it is the least of them, and what is idle moves only with the idle mark.
void RuleState::move_on(std::uint32_t g, Nanoseconds now, Sink& sink) {
  if (!rule_->members) return drain(g, watermark(g, now), sink);
  const Timestamp idle = idle_mark(g, now), least = least_newest(g);
  if (least >= idle) {
    if (least > reach(g)) drain(g, least - rule_->lateness, sink);
    return;
  }
  if (idle <= reach(g)) return;
  if (const Members::Source& holds = members_[g].holds; holds.newest != kLongAgo) {
    const Slot& source = slot(g, holds.member, holds.input);
    if (source.newest <= reach(g) && now - source.arrived < kIdleAfter) return;
  }
  drain(g, watermark(g, now), sink);
  find_holder(g);
}

// Of those that are behind, the one that was heard last.
void RuleState::find_holder(std::uint32_t g) {
  Members& members = members_[g];
  Nanoseconds heard = kLongAgo;
  members.holds.newest = kLongAgo;
  each_source(*this, g, [&](const Slot& source, std::uint32_t member, std::uint16_t input) {
    if (source.newest > reach(g) || source.newest == kLongAgo || source.arrived <= heard) return;
    heard = source.arrived;
    members.holds = {source.newest, member, input};
  });
}

Timestamp RuleState::least_newest(std::uint32_t g) {
  auto& heap = members_[g].sources;
  if (heap.empty()) {
    each_source(*this, g, [&](const Slot& source, std::uint32_t member, std::uint16_t input) {
      heap.push_back({source.newest, member, input});
    });
    std::ranges::make_heap(heap, std::greater(), &Members::Source::newest);
  }
  for (;;) {
    const Timestamp newest = slot(g, heap.front().member, heap.front().input).newest;
    if (newest == heap.front().newest) return newest;
    std::ranges::pop_heap(heap, std::greater(), &Members::Source::newest);
    heap.back().newest = newest;
    std::ranges::push_heap(heap, std::greater(), &Members::Source::newest);
  }
}

void RuleState::settle(std::uint32_t g, Nanoseconds now) {
  Backlog& backlog = backlogs_[g];
  if (now - backlog.staged_at < kIdleAfter) return;
  backlog.settled = backlog.staged;
  backlog.staged = groups_[g].newest;
  backlog.staged_at = now;
}

// As far as time has come for those that are idle.
Timestamp RuleState::idle_mark(std::uint32_t g, Nanoseconds now) const {
  const Group& group = groups_[g];
  const Nanoseconds quiet = now - group.newest_at;
  const Timestamp idle = quiet < kIdleAfter ? kLongAgo : saturated(group.newest, quiet - kIdleAfter);
  return rule_->holds_back ? std::max(idle, backlogs_[g].settled) : idle;
}

// The event time up to which nothing more is expected: the least of the inputs', those left out that
// are idle.
Timestamp RuleState::watermark(std::uint32_t g, Nanoseconds now) const {
  const Group& group = groups_[g];
  if (group.newest == kLongAgo) return kLongAgo;
  const Timestamp idle = idle_mark(g, now);
  if (!rule_->holds_back) return std::max(group.newest, idle);
  Timestamp least = kNever;
  each_source(*this, g, [&](const Slot& source, auto, auto) {
    Timestamp own = source.newest;
    if (now - source.arrived >= kIdleAfter) own = std::max(own, idle);
    least = std::min(least, own);
  });
  return least == kLongAgo || least == kNever ? kLongAgo : least - rule_->lateness;
}

void RuleState::drain(std::uint32_t g, Timestamp until, Sink& sink) {
  PendingReadings& waiting = backlogs_[g].readings;
  while (!waiting.empty() && waiting.first().time <= until) {
    const Timestamp time = waiting.first().time;
    pass(g, time, false, sink);
    fresh_.clear();
    for (; !waiting.empty() && waiting.first().time == time; waiting.drop_first()) arrive(g, waiting.first());
    sort_fresh(g);
    if (rule_->members) members_[g].expiry = kLongAgo;
    event(g, time, fresh_, sink);
  }
  if (until == kLongAgo) return;
  pass(g, until, true, sink);
  groups_[g].passed = std::max(groups_[g].passed, until);
}

void RuleState::pass_time(std::uint32_t g, Nanoseconds now, Sink& sink) {
  Group& group = groups_[g];
  const Nanoseconds quiet = now - group.newest_at;
  if (rule_->missing > 0) {
    if (group.phase == Phase::active || quiet < rule_->missing) return;
    // Of what never came, there is no time but that at which it was missed.
    group.since = group.newest != kLongAgo ? group.newest : sink.arrival - rule_->missing;
    group.judged = std::max(group.judged, saturated(group.since, rule_->missing));
    return raise(g, group.judged, whole_scene(g, group.judged, sink), sink);
  }
  if (rule_->holds_back) settle(g, now);
  const Timestamp until = watermark(g, now);
  if (until == kLongAgo) return;
  if (rule_->holds_back) drain(g, until, sink);
  else pass(g, until, true, sink);
}

Nanoseconds RuleState::wake_time(std::uint32_t g, Nanoseconds set) {
  const Group& group = groups_[g];
  if (rule_->missing > 0) return group.phase == Phase::active ? kNever : saturated(group.newest_at, rule_->missing);
  Timestamp due = std::min({group.window_end, alert_deadline(g), repeat_due(g), write_due(g)});
  if (rule_->expires) due = std::min(due, expiry(g));
  if (rule_->watches_time && group.newest != kLongAgo) due = std::min(due, next_look(g, kLongAgo));
  if (rule_->holds_back)
    if (const PendingReadings& waiting = backlogs_[g].readings; !waiting.empty())
      due = std::min(due, waiting.first().time);
  if (due == kNever) return kNever;
  Nanoseconds wake = saturated(group.newest_at, saturated(due, rule_->lateness) - group.newest + kIdleAfter);
  if (rule_->holds_back && saturated(wake, kIdleAfter) < set)
    each_source(*this, g, [&](const Slot& source, auto, auto) {
      if (source.newest == kLongAgo || source.newest - rule_->lateness < due)
        wake = std::max(wake, source.arrived + kIdleAfter);
    });
  return wake;
}

// What falls due before a reading at `until` (a `for` that ends at the same instant comes after it), or,
// if inclusive, up to and with it.
void RuleState::pass(std::uint32_t g, Timestamp until, bool inclusive, Sink& sink) {
  for (;;) {
    const Group& group = groups_[g];
    const Timestamp deadline = alert_deadline(g);
    const auto due = [&](Timestamp time) { return time != kNever && (inclusive ? time <= until : time < until); };
    const Timestamp small = std::min(repeat_due(g), write_due(g));
    if (group.window_end <= until && group.window_end <= std::min(deadline, small)) {
      close_window(g, until, sink);
      continue;
    }
    const Timestamp expires = rule_->expires && !rule_->window ? expiry(g) : kNever;
    const Timestamp look = rule_->watches_time && !rule_->window ? next_look(g, until) : kNever;
    const Timestamp first = std::min({deadline, small, expires, look});
    if (!due(first)) return;
    if (first == deadline) run_out(g, deadline, sink);
    else if (first == small && repeat_due(g) == small) repeat(g, small, sink);
    else if (first == small) write(g, small, whole_scene(g, small, sink), sink);
    else look_again(g, first, sink);
  }
}

// Judges what has become of the group while nothing came; an instant that `where` leaves out judges nothing.
void RuleState::look_again(std::uint32_t g, Timestamp time, Sink& sink) {
  Scene now = whole_scene(g, time, sink);
  if (rule_->where.empty() || is_true(run(rule_->where, now))) return judge(g, time, now, sink);
  groups_[g].judged = std::max(groups_[g].judged, time);
}

// When the next of the inputs that the alert depends on gets too old.
Timestamp RuleState::expiry(std::uint32_t g) {
  const Group& group = groups_[g];
  Timestamp next = kNever;
  if (group.newest == kLongAgo || (group.phase == Phase::idle && !rule_->watches_expiry) || rule_->window)
    return next;
  if (rule_->members && members_[g].expiry > group.judged) return members_[g].expiry;
  const auto consider = [&](const Slot& slot, std::size_t i) {
    if ((judged_inputs_ >> i & 1) == 0 || rule_->within[i] == kForever || slot.time == kLongAgo) return;
    if (slot.quality >= model::kBad.code) return;
    const Timestamp end = saturated(slot.time, rule_->within[i] + 1);
    if (end > group.judged) next = std::min(next, end);
  };
  const std::size_t count = rule_->inputs.size();
  for (std::size_t i = 0; i < count; ++i) consider(slots_[g * count + i], i);
  if (rule_->members)
    for (const Member& member : members_[g].all)
      for (std::size_t i = 0; i < count; ++i) consider(member.slots[i], i);
  if (rule_->members) members_[g].expiry = next;
  return next;
}

// The next whole second, for a rule that says something else as time passes.
Timestamp RuleState::next_look(std::uint32_t g, Timestamp until) const {
  const Group& group = groups_[g];
  if (group.judged == kLongAgo) return kNever;
  Timestamp from = std::max(group.judged, group.newest - kDay);
  if (until != kLongAgo && until - from > kMostLooks * kSecond) from = until - kMostLooks * kSecond;
  const Timestamp into = from % kSecond;
  return from - (into < 0 ? into + kSecond : into) + kSecond;
}

}  // namespace weir::rules
