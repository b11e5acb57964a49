// The state of one rule as bytes: its groups in the order of their captures.
#include <algorithm>
#include <utility>

#include "rules/state/rule_state.h"
#include "rules/state/snapshot.h"

namespace weir::rules {
namespace {

bool gives_text(const Aggregate& aggregate) {
  const AggregateKind kind = aggregate.kind;
  return aggregate.of_text &&
         (kind == AggregateKind::first || kind == AggregateKind::last || kind == AggregateKind::mode);
}

// Of a reading; kLongAgo: of none.
bool may_have_come(Timestamp time) { return time == kLongAgo || (time >= -kFarthest && time <= kFarthest); }

}  // namespace

void RuleState::save_pending(const PendingReadings& readings, std::string& out) {
  put_varint(out, readings.size());
  readings.each([&](const Pending& reading) {
    put_time(out, reading.time);
    put_double(out, reading.number);
    put_varint(out, reading.quality);
    put_varint(out, reading.member == kNone ? 0 : std::uint64_t{reading.member} + 1);
    put_varint(out, reading.slot);
    put_flag(out, reading.text != nullptr);
    if (reading.text) put_bytes(out, *reading.text);
  });
}

bool RuleState::restore_pending(std::uint32_t g, ByteReader& in, std::uint64_t most, PendingReadings& to) const {
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > most || count > in.rest().size()) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    Pending one{};
    one.time = get_time(in);
    one.number = in.float64();
    one.quality = static_cast<std::uint32_t>(in.varint());
    const std::uint64_t member = in.varint(), slot = in.varint();
    if (!in.ok() || slot >= rule_->inputs.size() || member > members(g)) return false;
    if (rule_->inputs[slot].of_member != (member > 0)) return false;
    if (one.time == kLongAgo || !may_have_come(one.time)) return false;
    one.member = member == 0 ? kNone : static_cast<std::uint32_t>(member - 1);
    one.slot = static_cast<std::uint16_t>(slot);
    if (get_flag(in)) one.text = std::make_unique<std::string>(in.bytes());
    if (!to.add(std::move(one))) return false;
  }
  return true;
}

void RuleState::save_computation(std::uint32_t g, std::string& out) const {
  const std::size_t inputs = rule_->inputs.size(), aggregates = rule_->aggregates.size(), steps = rule_->steps.size();
  const auto put_slot = [&](const Slot& slot) {
    put_time(out, slot.time);
    put_double(out, slot.number);
    put_varint(out, slot.quality);
  };
  for (std::size_t i = g * inputs; i < (g + 1) * inputs; ++i) {
    put_slot(slots_[i]);
    if (rule_->has_texts) put_bytes(out, texts_[i]);
  }
  if (rule_->members) {
    put_varint(out, members_[g].all.size());
    for (const Member& member : members_[g].all)
      for (std::size_t i = 0; i < inputs; ++i) {
        put_slot(member.slots[i]);
        if (rule_->has_texts) put_bytes(out, member.texts[i]);
      }
  }
  for (std::size_t i = 0; i < steps; ++i) rules::save(rule_->steps[i], steps_[g * steps + i], out);
  if (!rule_->window) return;
  for (std::size_t i = 0; i < aggregates; ++i) {
    rules::save(rule_->aggregates[i], accumulators_[g * aggregates + i], out);
    if (slides_) sliding_[g * aggregates + i].save(rule_->aggregates[i], out);
  }
}

bool RuleState::restore_computation(std::uint32_t g, ByteReader& in) {
  const std::size_t inputs = rule_->inputs.size(), aggregates = rule_->aggregates.size(), steps = rule_->steps.size();
  const auto get_slot = [&](Slot& slot) {
    slot.time = get_time(in);
    slot.number = in.float64();
    slot.quality = static_cast<std::uint32_t>(in.varint());
    return in.ok() && may_have_come(slot.time);
  };
  for (std::size_t i = g * inputs; i < (g + 1) * inputs; ++i) {
    if (!get_slot(slots_[i])) return false;
    if (rule_->has_texts) texts_[i] = in.bytes();
  }
  if (rule_->members) {
    // Those that have joined since then had said nothing yet.
    const std::uint64_t count = in.varint();
    if (!in.ok() || count > members_[g].all.size()) return false;
    for (std::size_t m = 0; m < members_[g].all.size(); ++m)
      for (std::size_t i = 0; i < inputs; ++i) {
        Slot& slot = members_[g].all[m].slots[i];
        if (m >= count) slot.time = kLongAgo, slot.quality = model::kBad.code;
        else if (!get_slot(slot)) return false;
        if (m < count && rule_->has_texts) members_[g].all[m].texts[i] = in.bytes();
      }
  }
  for (std::size_t i = 0; i < steps; ++i) {
    steps_[g * steps + i] = {};
    if (!rules::restore(rule_->steps[i], steps_[g * steps + i], in)) return false;
  }
  if (!rule_->window) return in.ok();
  for (std::size_t i = 0; i < aggregates; ++i) {
    accumulators_[g * aggregates + i] = {};
    if (!rules::restore(rule_->aggregates[i], accumulators_[g * aggregates + i], in)) return false;
    if (!slides_) continue;
    sliding_[g * aggregates + i] = {};
    if (!sliding_[g * aggregates + i].restore(rule_->aggregates[i], in)) return false;
    // What comes next is added behind it.
    const Timestamp newest =
        rule_->window.kind == Window::Kind::hopping ? saturated(groups_[g].passed, 1) : groups_[g].newest;
    if (sliding_[g * aggregates + i].newest() > newest) return false;
  }
  return in.ok();
}

void RuleState::save(std::string& out, const Timers& timers) const {
  std::vector<std::uint32_t> order(groups_.size());
  for (std::uint32_t g = 0; g < order.size(); ++g) order[g] = g;
  std::ranges::sort(order, {}, [this](std::uint32_t g) -> const std::string& { return *groups_[g].captures; });

  put_varint(out, readings_);
  put_varint(out, late_);
  put_varint(out, order.size());
  for (const std::uint32_t g : order) {
    const Group& group = groups_[g];
    put_bytes(out, *group.captures);
    for (const Timestamp time :
         {group.newest, group.newest_at, group.judged, group.passed, group.since, group.clearing, group.window_end,
          group.timer == Timers::kNowhere ? kNever : timers.wake(group.timer)})
      put_time(out, time);
    put_varint(out, group.window_count);
    out.push_back(static_cast<char>(group.phase));
    put_flag(out, group.uncertain);
    if (rule_->members) {
      put_varint(out, members_[g].all.size());
      for (const Member& member : members_[g].all) put_bytes(out, member.name);
    }
    save_computation(g, out);
    if (keeps_results_)
      for (std::size_t i = g * rule_->aggregates.size(); i < (g + 1) * rule_->aggregates.size(); ++i) {
        put_double(out, results_[i].number);
        put_varint(out, results_[i].quality);
        put_flag(out, results_[i].known);
      }
    if (rule_->holds_back) {
      each_source(*this, g, [&](const Slot& source, auto, auto) {
        put_time(out, source.arrived);
        put_time(out, source.newest);
      });
      const Backlog& backlog = backlogs_[g];
      for (const Timestamp time : {backlog.settled, backlog.staged, backlog.staged_at}) put_time(out, time);
      save_pending(backlog.readings, out);
    }
    if (rule_->detect) {
      const Detection& detection = detections_[g];
      put_double(out, detection.last.score);
      put_flag(out, detection.last.anomalous);
      put_flag(out, detection.detector != nullptr);
      std::string bytes;
      if (detection.detector) detection.detector->save(bytes);
      put_bytes(out, bytes);
    }
    if (rule_->late == Late::revise) {
      put_varint(out, kept_[g].size());
      for (const Kept& kept : kept_[g]) {
        put_time(out, kept.begin);
        put_time(out, kept.end);
        put_bytes(out, kept.before);
        save_pending(kept.readings, out);
        put_varint(out, kept.said.size());
        for (const double said : kept.said) put_double(out, said);
        put_flag(out, kept.full);
      }
    }
    const auto alarm = alarms_.find(g);
    put_flag(out, alarm != alarms_.end());
    if (alarm != alarms_.end()) {
      const Alarm& one = alarm->second;
      for (const std::string& text : {one.message, one.who, one.why}) put_bytes(out, text);
      for (const Timestamp time : {one.since, one.time, one.repeat_at, one.shelved_until}) put_time(out, time);
      for (const bool flag : {one.acknowledged, one.latched, one.suppressed}) put_flag(out, flag);
    }
    const auto writer = writers_.find(g);
    put_flag(out, writer != writers_.end());
    if (writer != writers_.end()) {
      put_time(out, writer->second.last);
      put_time(out, writer->second.due);
      put_flag(out, writer->second.raised);
      put_flag(out, writer->second.renews);
      put_varint(out, writer->second.count);
    }
  }
}

bool RuleState::restore(ByteReader& in, Nanoseconds now, std::vector<Nanoseconds>& wakes) {
  readings_ = in.varint();
  late_ = in.varint();
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > kMostGroups || count > in.rest().size()) return false;
  wakes.clear();
  for (std::uint32_t g = 0; g < count; ++g) {
    bool created = false;
    const std::string captures(in.bytes());
    const auto parts = static_cast<std::size_t>(std::ranges::count(captures, '/')) + 1;
    if (!in.ok() || (rule_->group_captures.empty() ? !captures.empty() : parts != rule_->group_captures.size()))
      return false;
    if (find_or_create(captures, now, created) != g || !created) return false;
    Group& group = groups_[g];
    Nanoseconds wake = kNever;
    for (Timestamp* time : {&group.newest, &group.newest_at, &group.judged, &group.passed, &group.since,
                            &group.clearing, &group.window_end, &wake})
      *time = get_time(in);
    for (const Timestamp time :
         {group.newest, group.judged, group.passed, group.since, group.clearing, group.window_end})
      if (!possible(time)) return false;
    if (!may_have_come(group.newest) || group.newest_at < 0 || group.newest_at > now || wake < 0) return false;
    wakes.push_back(wake);
    group.window_count = static_cast<std::uint32_t>(in.varint());
    const std::string_view phase = in.take(1);
    if (phase.empty() || static_cast<unsigned char>(phase.front()) > 2) return false;
    group.phase = static_cast<Phase>(phase.front());
    if (group.phase != Phase::idle && !rule_->alert && rule_->writes.empty() && rule_->clear_writes.empty())
      return false;
    if (group.window_end != kNever && !rule_->window) return false;
    group.uncertain = get_flag(in);
    if (rule_->members) {
      const std::uint64_t members = in.varint();
      if (members > kMostMembers || members > in.rest().size()) return false;
      for (std::uint32_t m = 0; m < members; ++m)
        if (find_or_create_member(g, std::string(in.bytes())) != m) return false;
    }
    if (!restore_computation(g, in)) return false;
    if (keeps_results_)
      for (std::size_t i = g * rule_->aggregates.size(); i < (g + 1) * rule_->aggregates.size(); ++i) {
        const double number = in.float64();
        const auto quality = static_cast<std::uint32_t>(in.varint());
        results_[i] = {number, nullptr, quality, get_flag(in)};
        // A text was not kept.
        if (gives_text(rule_->aggregates[i % rule_->aggregates.size()])) results_[i].known = false;
      }
    if (rule_->holds_back) {
      bool fine = true;
      each_source(*this, g, [&](Slot& slot, auto, auto) {
        slot.arrived = get_time(in);
        slot.newest = get_time(in);
        fine = fine && possible(slot.newest) && slot.newest != kNever && slot.arrived >= 0 && slot.arrived <= now;
      });
      if (!fine) return false;
      Backlog& backlog = backlogs_[g];
      for (Timestamp* time : {&backlog.settled, &backlog.staged, &backlog.staged_at}) *time = get_time(in);
      if (!possible(backlog.settled) || !possible(backlog.staged) || backlog.staged_at < 0 || backlog.staged_at > now)
        return false;
      if (!restore_pending(g, in, kMostPending + 1, backlog.readings)) return false;
    }
    if (rule_->detect) {
      Detection& detection = detections_[g];
      detection.last.score = in.float64();
      detection.last.anomalous = get_flag(in);
      const bool there = get_flag(in);
      ByteReader bytes(in.bytes());
      if (there) {
        auto made = detect::make_detector(*rule_->detect, rule_->calendar);
        if (!made || !(*made)->restore(bytes)) return false;
        detection.detector = std::move(*made);
      }
    }
    if (rule_->late == Late::revise) {
      const std::uint64_t windows = in.varint();
      if (windows > in.rest().size()) return false;
      for (std::uint64_t i = 0; i < windows; ++i) {
        Kept& kept = kept_[g].emplace_back();
        kept.begin = get_time(in);
        kept.end = get_time(in);
        kept.before = in.bytes();
        if (!in.ok() || !possible(kept.begin) || !possible(kept.end) || kept.end <= kept.begin || kept.before.empty())
          return false;
        if (!restore_pending(g, in, kMostPending, kept.readings)) return false;
        const std::uint64_t said = in.varint();
        if (said != 0 && said != 2 * rule_->emits.size()) return false;
        for (std::uint64_t s = 0; s < said; ++s) kept.said.push_back(in.float64());
        kept.full = get_flag(in);
      }
    }
    if (get_flag(in)) {
      Alarm& one = alarms_[g];
      for (std::string* text : {&one.message, &one.who, &one.why}) *text = in.bytes();
      for (Timestamp* time : {&one.since, &one.time, &one.repeat_at, &one.shelved_until}) *time = get_time(in);
      for (bool* flag : {&one.acknowledged, &one.latched, &one.suppressed}) *flag = get_flag(in);
      if (!possible(one.since) || !possible(one.repeat_at)) return false;
      if (one.shelved_until != 0) ++shelved_;
    } else if (group.phase == Phase::active) {
      return false;
    }
    if (get_flag(in)) {
      Writer& writer = writers_[g];
      writer.last = get_time(in);
      writer.due = get_time(in);
      writer.raised = get_flag(in);
      writer.renews = get_flag(in);
      writer.count = static_cast<std::uint32_t>(in.varint());
      if (!possible(writer.last) || !possible(writer.due)) return false;
    }
    if (!in.ok()) return false;
  }
  return in.at_end();
}

}  // namespace weir::rules
