#include "rules/rule_state.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace weir::rules {
namespace {

Timestamp saturated(Timestamp time, Nanoseconds by) {
  Timestamp out = 0;
  return __builtin_add_overflow(time, by, &out) ? kNever : out;
}

// The end of the window, aligned to the epoch, that holds `time`.
Timestamp window_end(Timestamp time, Nanoseconds size) {
  const Timestamp into = time % size;
  return time - (into < 0 ? into + size : into) + size;
}

}  // namespace

void RuleState::resize_inputs() {
  judged_inputs_ = rule_->when.inputs | rule_->clear.inputs;
  threshold_ = !rule_->holds_back && rule_->window == 0 && rule_->emits.empty() && rule_->where.empty() &&
               rule_->when.code.size() == 1 && rule_->when.code.front().op >= Op::slot_less;
  const std::size_t count = groups_.size();
  slots_.resize(count * rule_->inputs.size());
  if (rule_->has_texts) texts_.resize(count * rule_->inputs.size());
  if (rule_->window > 0) accumulators_.resize(count * rule_->aggregates.size());
  if (keeps_results()) results_.resize(count * rule_->aggregates.size(), {0, nullptr, model::kBad.code, false});
  if (rule_->holds_back) backlogs_.resize(count);
  if (rule_->has_readers) derived_.resize(count * rule_->emits.size(), Timers::kNowhere);
}

bool RuleState::set_derived(std::uint32_t g, std::size_t emit, std::uint32_t node) {
  std::uint32_t& at = derived_[g * rule_->emits.size() + emit];
  return std::exchange(at, node) == Timers::kNowhere;
}

void RuleState::forget_bindings() {
  for (Slot& slot : slots_) slot.unit = 0;
  derived_.clear();
  resize_inputs();
}

std::uint32_t RuleState::find_or_create(const std::string& captures, bool& created) {
  created = false;
  if (const auto found = index_.find(captures); found != index_.end()) return found->second;
  if (groups_.size() >= kMostGroups) return Timers::kNowhere;
  created = true;
  const auto g = static_cast<std::uint32_t>(groups_.size());
  groups_.emplace_back().captures = &index_.emplace(captures, g).first->first;
  resize_inputs();
  return g;
}

void RuleState::copy_input(std::uint32_t from, std::uint32_t to, std::uint16_t slot) {
  const std::size_t inputs = rule_->inputs.size();
  slots_[to * inputs + slot] = slots_[from * inputs + slot];
  if (rule_->has_texts) texts_[to * inputs + slot] = texts_[from * inputs + slot];
}

std::vector<std::string_view> RuleState::captures_of(std::uint32_t g) const {
  if (rule_->captures.empty()) return {};
  return split(*groups_[g].captures, '/');
}

Scene RuleState::scene(std::uint32_t g, Timestamp time, Sink& sink) const {
  const std::size_t first = g * rule_->inputs.size();
  return {slots_.data() + first,
          rule_->has_texts ? texts_.data() + first : nullptr,
          rule_->within.data(),
          keeps_results() ? results_.data() + g * rule_->aggregates.size() : nullptr,
          time,
          &sink.counters.arithmetic};
}

RuleState::Incoming RuleState::admit(std::uint16_t slot, Timestamp time, model::Quality quality, double number,
                                     const std::string* text, model::ValueType type, Sink& sink) const {
  Incoming out{time, number, text, quality.code};
  if (quality.bad()) return out;
  const Type wanted = rule_->inputs[slot].type;
  const bool is_text = type == model::ValueType::string;
  if (wanted != Type::any && (is_text != (wanted == Type::text) || type == model::ValueType::bytes)) {
    out.quality = model::kBadTypeMismatch.code;
  } else if (!std::isfinite(number)) {
    ++sink.counters.arithmetic;
    out.quality = model::kBadOutOfRange.code;
  } else if (wanted == Type::truth) {
    out.number = number != 0 ? 1 : 0;
  }
  return out;
}

// Most readings of most rules are known, in order, and do not meet the condition: all that they leave is
// themselves. Goes over them as take() would, but quicker, up to the first that is different.
template <class T>
std::size_t RuleState::skip_quiet(std::uint32_t g, const model::Series& series, const std::vector<T>& column,
                                  std::size_t begin, Nanoseconds now) {
  Group& group = groups_[g];
  Slot& slot = slots_[g];
  if (group.phase != Phase::idle) return begin;
  const Instruction condition = rule_->when.code.front();
  const double limit = rule_->when.constants[condition.index];
  Timestamp last = std::max({slot.time, group.passed, group.judged});
  const std::size_t count = series.size();
  const auto skip = [&](auto met) {
    std::size_t i = begin;
    for (; i < count; ++i) {
      const Timestamp time = series.times[i];
      const auto number = static_cast<double>(column[i]);
      if (time <= last || time > kFarthest || time < -kFarthest || !std::isfinite(number) || met(number) ||
          series.quality(i).bad())
        break;
      last = time;
    }
    return i;
  };
  std::size_t end = begin;
  switch (condition.op) {
    case Op::slot_less: end = skip([limit](double x) { return x < limit; }); break;
    case Op::slot_less_equal: end = skip([limit](double x) { return x <= limit; }); break;
    case Op::slot_greater: end = skip([limit](double x) { return x > limit; }); break;
    default: end = skip([limit](double x) { return x >= limit; }); break;
  }
  if (end == begin) return begin;
  group.newest = group.judged = last;
  group.newest_at = now;
  store(g, 0, last, static_cast<double>(column[end - 1]), series.quality(end - 1).code, nullptr);
  return end;
}

void RuleState::feed(std::uint32_t g, std::uint16_t slot, const model::Series& series, Nanoseconds now, Sink& sink) {
  const std::size_t count = series.size();
  std::visit(
      [&]<class T>(const std::vector<T>& column) {
        for (std::size_t i = 0; i < count; ++i) {
          if constexpr (std::is_arithmetic_v<T>)
            if (threshold_ && (i = skip_quiet(g, series, column, i, now)) == count) return;
          double number = 0;
          const std::string* text = nullptr;
          if constexpr (std::is_arithmetic_v<T>) number = static_cast<double>(column[i]);
          else if constexpr (std::is_same_v<T, std::string>) text = &column[i];
          take(g, slot, admit(slot, series.times[i], series.quality(i), number, text, series.type(), sink), now, sink);
        }
      },
      series.values);
}

void RuleState::feed(std::uint32_t g, std::uint16_t slot, const model::Reading& reading, Nanoseconds now, Sink& sink) {
  double number = 0;
  const std::string* text = nullptr;
  std::visit(
      [&]<class T>(const T& value) {
        if constexpr (std::is_arithmetic_v<T>) number = static_cast<double>(value);
        else if constexpr (std::is_same_v<T, std::string>) text = &value;
      },
      reading.value);
  const model::ValueType type = model::type_of(reading.value);
  take(g, slot, admit(slot, reading.time, reading.quality, number, text, type, sink), now, sink);
}

void RuleState::store(std::uint32_t g, std::uint16_t slot, Timestamp time, double number, std::uint32_t quality,
                      const std::string* text) {
  const std::size_t at = g * rule_->inputs.size() + slot;
  slots_[at].time = time;
  slots_[at].number = number;
  slots_[at].quality = quality;
  if (text != nullptr && rule_->inputs[slot].type == Type::text) texts_[at] = *text;
}

void RuleState::take(std::uint32_t g, std::uint16_t slot, const Incoming& reading, Nanoseconds now, Sink& sink) {
  if (reading.time > kFarthest || reading.time < -kFarthest) {
    ++sink.counters.late;
    return;
  }
  if (rule_->holds_back) return hold_back(g, slot, reading, now, sink);
  Group& group = groups_[g];
  const Timestamp last = slots_[g * rule_->inputs.size() + slot].time;
  if (reading.time <= last || reading.time <= group.passed) {
    ++(reading.time == last ? sink.counters.duplicate : sink.counters.late);
    return;
  }
  group.newest = reading.time;
  group.newest_at = now;
  if (group.phase != Phase::idle || group.window_end != kNever) pass(g, reading.time, false, sink);
  store(g, slot, reading.time, reading.number, reading.quality, reading.text);
  event(g, reading.time, 1U << slot, sink);
}

void RuleState::hold_back(std::uint32_t g, std::uint16_t slot, const Incoming& reading, Nanoseconds now, Sink& sink) {
  Group& group = groups_[g];
  Slot& input = slots_[g * rule_->inputs.size() + slot];
  if (reading.time <= group.passed) {
    ++(reading.time == input.time ? sink.counters.duplicate : sink.counters.late);
    return;
  }
  Backlog& backlog = backlogs_[g];
  auto at = backlog.readings.end();
  const auto first = backlog.readings.begin() + static_cast<std::ptrdiff_t>(backlog.begin);
  while (at != first && std::pair(std::prev(at)->time, std::prev(at)->slot) >= std::pair(reading.time, slot)) --at;
  if (at != backlog.readings.end() && at->time == reading.time && at->slot == slot) {
    ++sink.counters.duplicate;
    return;
  }
  const bool text = reading.text != nullptr && rule_->inputs[slot].type == Type::text;
  backlog.readings.insert(at, {reading.time, reading.number, reading.quality, slot,
                               text ? std::make_unique<std::string>(*reading.text) : nullptr});
  if (group.newest == kLongAgo) {
    // Inputs that never sent anything are waited for, too, but from now on only.
    Slot* const first_input = &input - slot;
    for (std::size_t i = 0; i < rule_->inputs.size(); ++i) first_input[i].arrived = std::max(first_input[i].arrived, now);
  }
  settle(g, now);
  input.arrived = now;
  input.newest = std::max(input.newest, reading.time);
  if (reading.time > group.newest) {
    group.newest = reading.time;
    group.newest_at = now;
  }
  if (backlog.readings.size() - backlog.begin > kMostPending) release_first(g, sink);
  drain(g, watermark(g, now), sink);
}

void RuleState::settle(std::uint32_t g, Nanoseconds now) {
  Backlog& backlog = backlogs_[g];
  if (now - backlog.staged_at < kIdleAfter) return;
  backlog.settled = backlog.staged;
  backlog.staged = groups_[g].newest;
  backlog.staged_at = now;
}

// The event time up to which nothing more is expected: the least of the inputs', those left out that
// are idle.
Timestamp RuleState::watermark(std::uint32_t g, Nanoseconds now) const {
  const Group& group = groups_[g];
  if (group.newest == kLongAgo) return kLongAgo;
  const Nanoseconds quiet = now - group.newest_at;
  Timestamp idle = quiet < kIdleAfter ? kLongAgo : group.newest + quiet - kIdleAfter;
  if (!rule_->holds_back) return std::max(group.newest, idle);
  idle = std::max(idle, backlogs_[g].settled);
  const std::size_t count = rule_->inputs.size();
  Timestamp least = kNever;
  for (std::size_t i = g * count; i < (g + 1) * count; ++i) {
    Timestamp own = slots_[i].newest;
    if (now - slots_[i].arrived >= kIdleAfter) own = std::max(own, idle);
    least = std::min(least, own);
  }
  return least == kLongAgo ? kLongAgo : least - rule_->lateness;
}

void RuleState::release_first(std::uint32_t g, Sink& sink) {
  const Backlog& backlog = backlogs_[g];
  drain(g, backlog.readings[backlog.begin].time, sink);
}

void RuleState::drain(std::uint32_t g, Timestamp until, Sink& sink) {
  Backlog& backlog = backlogs_[g];
  while (!backlog.empty() && backlog.readings[backlog.begin].time <= until) {
    const Timestamp time = backlog.readings[backlog.begin].time;
    pass(g, time, false, sink);
    std::uint32_t fresh = 0;
    for (; !backlog.empty() && backlog.readings[backlog.begin].time == time; ++backlog.begin) {
      const Pending& next = backlog.readings[backlog.begin];
      store(g, next.slot, time, next.number, next.quality, next.text.get());
      fresh |= 1U << next.slot;
    }
    event(g, time, fresh, sink);
  }
  if (backlog.begin > 16 && backlog.begin * 2 > backlog.readings.size()) {
    backlog.readings.erase(backlog.readings.begin(), backlog.readings.begin() + static_cast<std::ptrdiff_t>(backlog.begin));
    backlog.begin = 0;
  } else if (backlog.empty()) {
    backlog.readings.clear();
    backlog.begin = 0;
  }
  if (until == kLongAgo) return;
  pass(g, until, true, sink);
  groups_[g].passed = std::max(groups_[g].passed, until);
}

void RuleState::pass_time(std::uint32_t g, Nanoseconds now, Sink& sink) {
  if (rule_->holds_back) settle(g, now);
  const Timestamp until = watermark(g, now);
  if (until == kLongAgo) return;
  if (rule_->holds_back) drain(g, until, sink);
  else pass(g, until, true, sink);
}

Nanoseconds RuleState::wake_time(std::uint32_t g) const {
  const Group& group = groups_[g];
  Timestamp due = std::min(group.window_end, alert_deadline(group));
  if (rule_->expires) due = std::min(due, expiry(g));
  Nanoseconds least = kLongAgo;
  if (rule_->holds_back) {
    if (!backlogs_[g].empty()) due = std::min(due, backlogs_[g].readings[backlogs_[g].begin].time);
    const std::size_t count = rule_->inputs.size();
    for (std::size_t i = g * count; due != kNever && i < (g + 1) * count; ++i)
      if (slots_[i].newest == kLongAgo || slots_[i].newest - rule_->lateness < due)
        least = std::max(least, slots_[i].arrived + kIdleAfter);
  }
  if (due == kNever) return kNever;
  return std::max(least, group.newest_at + (due + rule_->lateness - group.newest) + kIdleAfter);
}

// What falls due before a reading at `until` (a `for` that ends at the same instant comes after it), or,
// if inclusive, up to and with it.
void RuleState::pass(std::uint32_t g, Timestamp until, bool inclusive, Sink& sink) {
  for (;;) {
    const Group& group = groups_[g];
    const Timestamp deadline = alert_deadline(group);
    const auto due = [&](Timestamp time) { return time != kNever && (inclusive ? time <= until : time < until); };
    if (group.window_end <= until && group.window_end <= deadline) {
      close_window(g, sink);
      continue;
    }
    const Timestamp expires = rule_->expires && rule_->window == 0 ? expiry(g) : kNever;
    if (due(deadline) && deadline <= expires) run_out(g, deadline, sink);
    else if (due(expires)) judge(g, expires, sink);
    else return;
  }
}

// One event time, with the inputs as of then. `fresh`: which of them came with it.
void RuleState::event(std::uint32_t g, Timestamp time, std::uint32_t fresh, Sink& sink) {
  const Rule& rule = *rule_;
  const Scene now = scene(g, time, sink);
  if (!rule.where.empty() && !is_true(run(rule.where, now))) return;
  if (rule.window > 0) {
    if (groups_[g].window_end == kNever) open_window(g, time);
    Accumulator* const first = accumulators_.data() + g * rule.aggregates.size();
    for (std::size_t i = 0; i < rule.aggregates.size(); ++i)
      if ((rule.aggregates[i].argument.inputs & fresh) != 0) add(rule.aggregates[i], first[i], run(rule.aggregates[i].argument, now));
    return;
  }
  for (std::size_t i = 0; i < rule.emits.size(); ++i) emit(g, i, time, run(rule.emits[i].value, now), sink);
  if (rule.when.empty()) return;
  judge(g, time, sink);
  if (groups_[g].phase != Phase::idle) pass(g, time, true, sink);
}

void RuleState::open_window(std::uint32_t g, Timestamp time) {
  groups_[g].window_end = window_end(time, rule_->window);
  const auto first = accumulators_.begin() + static_cast<std::ptrdiff_t>(g * rule_->aggregates.size());
  std::fill_n(first, rule_->aggregates.size(), Accumulator{});
}

void RuleState::close_window(std::uint32_t g, Sink& sink) {
  const Rule& rule = *rule_;
  Group& group = groups_[g];
  const Timestamp end = std::exchange(group.window_end, kNever);
  group.passed = std::max(group.passed, end - 1);
  results_now_.clear();
  for (std::size_t i = 0; i < rule.aggregates.size(); ++i)
    results_now_.push_back(finish(rule.aggregates[i], accumulators_[g * rule.aggregates.size() + i], sink.counters.arithmetic));
  if (keeps_results())
    std::ranges::copy(results_now_, results_.begin() + static_cast<std::ptrdiff_t>(g * rule.aggregates.size()));
  Scene now = scene(g, end, sink);
  now.aggregates = results_now_.data();
  for (std::size_t i = 0; i < rule.emits.size(); ++i) emit(g, i, end, run(rule.emits[i].value, now), sink);
  if (rule.when.empty()) return;
  judge(g, end, sink);
  if (const Timestamp deadline = alert_deadline(group); deadline <= group.judged) run_out(g, deadline, sink);
}

Timestamp RuleState::alert_deadline(const Group& group) const {
  if (group.phase == Phase::pending) return saturated(group.since, rule_->hold);
  if (group.phase == Phase::active && group.clearing != kNever) return saturated(group.clearing, rule_->clear_hold);
  return kNever;
}

// When the next of the inputs that the alert depends on gets too old.
Timestamp RuleState::expiry(std::uint32_t g) const {
  const Group& group = groups_[g];
  Timestamp next = kNever;
  if (group.phase == Phase::idle || rule_->window > 0) return next;
  const std::size_t count = rule_->inputs.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Slot& slot = slots_[g * count + i];
    if ((judged_inputs_ >> i & 1) == 0 || rule_->within[i] == kForever || slot.time == kLongAgo) continue;
    if (slot.quality >= model::kBad.code) continue;
    const Timestamp end = saturated(slot.time, rule_->within[i] + 1);
    if (end > group.judged) next = std::min(next, end);
  }
  return next;
}

void RuleState::judge(std::uint32_t g, Timestamp time, Sink& sink) {
  Group& group = groups_[g];
  // A `for` that ran out while nothing came may have moved the group past this reading.
  time = group.judged = std::max(group.judged, time);
  const Scene now = scene(g, time, sink);
  const Result3 condition = run(rule_->when, now);
  if (group.phase == Phase::idle) {
    if (!is_true(condition)) return;
    group.phase = Phase::pending;
    group.since = time;
  } else if (group.phase == Phase::pending) {
    if (!is_true(condition)) group.phase = Phase::idle;
  } else {
    Result3 clear = condition;
    if (!rule_->clear.empty()) clear = run(rule_->clear, now);
    else clear.number = 1 - clear.number;
    if (!is_true(clear)) group.clearing = kNever;
    else if (group.clearing == kNever) group.clearing = time;
    if (group.uncertain == clear.known) {
      group.uncertain = !clear.known;
      change(g, time, group.uncertain ? "uncertain" : "certain", sink);
    }
  }
}

void RuleState::run_out(std::uint32_t g, Timestamp time, Sink& sink) {
  Group& group = groups_[g];
  group.judged = std::max(group.judged, time);
  const bool raised = group.phase == Phase::pending;
  group.phase = raised ? Phase::active : Phase::idle;
  group.clearing = kNever;
  group.uncertain = false;
  change(g, time, raised ? "raised" : "cleared", sink);
}

void RuleState::change(std::uint32_t g, Timestamp time, const char* what, Sink& sink) {
  const auto captures = captures_of(g);
  std::string message = fill(rule_->alert->message, captures, scene(g, time, sink));
  sink.outputs.alerts.push_back(alert_event(g, time, what, message));
  if (groups_[g].phase == Phase::active) active_[g] = {std::move(message), time};
  else active_.erase(g);
}

AlertEvent RuleState::alert_event(std::uint32_t g, Timestamp time, const char* what, const std::string& message) const {
  const Group& group = groups_[g];
  AlertEvent event;
  event.rule = rule_->name;
  Hash128 id;
  id.add_text(rule_->name);
  id.add_text(*group.captures);
  id.add_number(static_cast<std::uint64_t>(group.since));
  event.id = id.hex();
  const auto captures = captures_of(g);
  for (std::size_t i = 0; i < captures.size(); ++i)
    event.group[rule_->captures[i].empty() ? std::to_string(i + 1) : rule_->captures[i]] = captures[i];
  event.severity = rule_->alert->severity;
  event.active = group.phase == Phase::active;
  event.uncertain = group.uncertain;
  event.since = group.since;
  event.time = time;
  event.message = message;
  event.change = what;
  return event;
}

void RuleState::active_alerts(std::vector<AlertEvent>& out) const {
  std::vector<std::uint32_t> groups;
  for (const auto& [g, active] : active_) groups.push_back(g);
  std::ranges::sort(groups, {}, [this](std::uint32_t g) -> const std::string& { return *groups_[g].captures; });
  for (const std::uint32_t g : groups) {
    const Active& active = active_.at(g);
    out.push_back(alert_event(g, active.time, groups_[g].uncertain ? "uncertain" : "raised", active.message));
  }
}

void RuleState::emit(std::uint32_t g, std::size_t index, Timestamp time, const Result3& result, Sink& sink) {
  const Emit& emit = rule_->emits[index];
  model::Reading reading;
  reading.time = time;
  reading.quality = {result.quality};
  // What is unknown goes out too, as bad: whoever reads it must not go on with the value before.
  switch (emit.value.type) {
    case Type::truth: reading.value = result.known && result.number != 0; break;
    case Type::text: reading.value = result.known ? *result.text : std::string(); break;
    default: reading.value = result.known ? result.number : std::nan(""); break;
  }
  if (emit.has_readers) {
    const std::uint32_t node = derived_[g * rule_->emits.size() + index];
    if (node != Timers::kNowhere) sink.derived.push_back({node, reading});
  }
  const std::uint16_t unit = emit.unit_of < 0 ? 0 : slots_[g * rule_->inputs.size() + static_cast<std::size_t>(emit.unit_of)].unit;
  sink.outputs.emitted.push_back({emit.path.fill(captures_of(g)), sink.units[unit], std::move(reading)});
}

}  // namespace weir::rules
