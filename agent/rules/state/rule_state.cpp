#include "rules/state/rule_state.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace weir::rules {

// --- groups ----------------------------------------------------------------------------------------

void RuleState::prepare() {
  const Rule& rule = *rule_;
  judged_inputs_ = rule.when.inputs | rule.clear.inputs | rule.suppress.inputs;
  member_inputs_ = 0;
  for (std::size_t i = 0; i < rule.inputs.size(); ++i)
    if (rule.inputs[i].of_member) member_inputs_ |= 1U << i;
  const bool simple = !rule.holds_back && !rule.members && rule.missing == 0 && !rule.detect && rule.where.empty();
  only_alerts_ = simple && !rule.window && rule.emits.empty() && !rule.when.empty() && rule.suppress.empty() &&
                 rule.inputs.front().type != Type::text;
  threshold_ = only_alerts_ && rule.steps.empty() && !rule.watches_time && rule.when.code.size() == 1 &&
               rule.when.code.front().op >= Op::slot_less;
  for (bool& stage : has_stage_) stage = false;
  for (const Step& step : rule.steps) has_stage_[static_cast<std::size_t>(step.stage)] = true;
  plain_window_ = simple && rule.steps.empty() && rule.inputs.size() == 1 && rule.late == Late::drop &&
                  (rule.window.kind == Window::Kind::tumbling || rule.window.kind == Window::Kind::hopping) &&
                  std::ranges::all_of(rule.aggregates, [](const Aggregate& aggregate) {
                    return aggregate.argument.code.size() == 1 && aggregate.argument.code.front().op == Op::slot &&
                           !aggregate.of_text;
                  });
  slides_ = rule.window.kind == Window::Kind::hopping || rule.window.kind == Window::Kind::last;
  emits_reason_ = rule.detect && std::ranges::any_of(rule.emits, [](const Emit& emit) {
                    return std::ranges::any_of(emit.value.code, [](Instruction in) {
                      return in.op == Op::aggregate && in.index == kReason;
                    });
                  });
  keeps_results_ = rule.window && (rule.alert || !rule.writes.empty() || !rule.clear_writes.empty());
  for (Members& members : members_) members.expiry = kLongAgo;
}

void RuleState::resize() {
  const Rule& rule = *rule_;
  const std::size_t count = groups_.size();
  slots_.resize(count * rule.inputs.size());
  if (rule.has_texts) texts_.resize(count * rule.inputs.size());
  steps_.resize(count * rule.steps.size());
  if (rule.window) accumulators_.resize(count * rule.aggregates.size());
  if (slides_) sliding_.resize(count * rule.aggregates.size());
  if (keeps_results_) results_.resize(count * rule.aggregates.size(), {0, nullptr, model::kBad.code, false});
  if (rule.holds_back) backlogs_.resize(count);
  if (rule.members) members_.resize(count);
  if (rule.detect) detections_.resize(count);
  if (rule.late == Late::revise) kept_.resize(count);
  if (rule.has_readers) derived_.resize(count * rule.emits.size(), kNone);
}

std::uint32_t RuleState::find_or_create(const std::string& captures, Nanoseconds now, bool& created) {
  created = false;
  if (const auto found = index_.find(captures); found != index_.end()) return found->second;
  if (groups_.size() >= kMostGroups) return kNone;
  created = true;
  const auto g = static_cast<std::uint32_t>(groups_.size());
  Group& group = groups_.emplace_back();
  group.captures = &index_.emplace(captures, g).first->first;
  group.newest_at = now;
  resize();
  return g;
}

std::uint32_t RuleState::find_or_create_member(std::uint32_t g, const std::string& captures) {
  Members& members = members_[g];
  const auto at = std::ranges::lower_bound(
      members.by_name, captures, {}, [&](std::uint32_t m) -> const std::string& { return members.all[m].name; });
  if (at != members.by_name.end() && members.all[*at].name == captures) return *at;
  if (members.all.size() >= kMostMembers) return kNone;
  const auto m = static_cast<std::uint32_t>(members.all.size());
  members.by_name.insert(at, m);
  members.ranked = false;
  members.sources.clear();
  Member& member = members.all.emplace_back();
  member.name = captures;
  member.slots.resize(rule_->inputs.size());
  if (rule_->has_texts) member.texts.resize(rule_->inputs.size());
  return m;
}

void RuleState::copy_input(std::uint32_t from, std::uint32_t to, std::uint16_t slot) {
  const std::size_t inputs = rule_->inputs.size();
  slots_[to * inputs + slot] = slots_[from * inputs + slot];
  if (rule_->has_texts) texts_[to * inputs + slot] = texts_[from * inputs + slot];
}

std::vector<std::string_view> RuleState::captures_of(std::uint32_t g, std::uint32_t member) const {
  std::vector<std::string_view> out(rule_->captures.size());
  const auto put = [&](std::size_t at, const std::string& values) {
    for (const std::string_view value : split(values, '/'))
      if (at < out.size()) out[at++] = value;
  };
  const std::size_t group = rule_->group_captures.size();  // they go first
  if (group > 0) put(0, *groups_[g].captures);
  if (member != kNone) put(group, member_name(g, member));
  return out;
}

void RuleState::set_derived(std::uint32_t g, std::size_t emit, std::uint32_t node) {
  derived_[g * rule_->emits.size() + emit] = node;
}

void RuleState::set_unit(std::uint32_t g, std::uint32_t member, std::uint16_t i, std::uint16_t unit,
                         std::uint16_t conversion) {
  Slot& at = slot(g, member, i);
  at.unit = unit;
  at.conversion = conversion;
  // What it emits has the unit of the group's slot, whichever member it is of.
  if (member != kNone) slot(g, kNone, i).unit = unit;
}

void RuleState::forget_bindings() {
  for (Slot& slot : slots_) slot.unit = slot.conversion = 0;
  for (Members& members : members_)
    for (Member& member : members.all)
      for (Slot& slot : member.slots) slot.unit = slot.conversion = 0;
  derived_.clear();
  resize();
}

bool RuleState::outlived(std::uint32_t g, Nanoseconds now) const {
  const Group& group = groups_[g];
  // An alert of silence lasts as long as the silence.
  if (rule_->missing > 0 && group.phase == Phase::active) return false;
  return group.newest != kLongAgo && now - group.newest_at >= rule_->forget;
}

// Begins anew, as a group that has just been seen.
void RuleState::forget(std::uint32_t g, Sink& sink) {
  Group& group = groups_[g];
  if (group.phase == Phase::active) {
    const Timestamp time = std::max(group.judged, group.newest);
    clear(g, time, "forgotten", whole_scene(g, time, sink), sink);
  }
  for (std::uint16_t i = 0; i < rule_->inputs.size(); ++i)
    // What is common to groups is not the group's to forget.
    if (Slot& own = slot(g, kNone, i); rule_->inputs[i].whole) own = {.unit = own.unit, .conversion = own.conversion};
  const auto reset = [g]<class T>(std::vector<T>& all, std::size_t each) {
    if (all.empty()) return;
    for (std::size_t i = g * each; i < (g + 1) * each; ++i) all[i] = T();
  };
  reset(steps_, rule_->steps.size());
  reset(accumulators_, rule_->aggregates.size());
  reset(sliding_, rule_->aggregates.size());
  reset(backlogs_, 1);
  reset(detections_, 1);
  reset(kept_, 1);
  if (rule_->members) {
    for (Member& member : members_[g].all)
      for (Slot& slot : member.slots) slot = {.unit = slot.unit, .conversion = slot.conversion};
    members_[g].sources.clear();
    members_[g].holds.newest = kLongAgo;
    members_[g].expiry = kLongAgo;
  }
  const Group before = std::exchange(group, {});
  group.captures = before.captures;
  group.timer = before.timer;
  group.newest_at = before.newest_at;
  writers_.erase(g);
}

// --- readings --------------------------------------------------------------------------------------

RuleState::Incoming RuleState::admit(std::uint32_t g, std::uint32_t member, std::uint16_t i, Timestamp time,
                                     model::Quality quality, double number, const std::string* text,
                                     model::ValueType type, Sink& sink) const {
  Incoming out{time, number, text, quality.code, member};
  if (quality.bad()) return out;
  const Type wanted = rule_->inputs[i].type;
  const bool is_text = type == model::ValueType::string;
  if (wanted != Type::any && (is_text != (wanted == Type::text) || type == model::ValueType::bytes)) {
    out.quality = model::kBadTypeMismatch.code;
    return out;
  }
  if (const std::uint16_t conversion = slot(g, member, i).conversion; conversion == kCannotConvert) {
    ++sink.counters.units;
    out.quality = model::kBadConfiguration.code;
    return out;
  } else if (conversion != 0 && !is_text) {
    out.number = sink.conversions[conversion](number);
  }
  if (!std::isfinite(out.number)) {
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
  if (group.phase != Phase::idle || slot.conversion != 0) return begin;
  const Instruction condition = rule_->when.code.front();
  const double limit = rule_->when.constants[condition.index];
  const Timestamp farthest = farthest_quiet(g);
  Timestamp last = std::max({slot.time, group.passed, group.judged});
  const std::size_t count = series.size();
  const auto skip = [&](auto met) {
    std::size_t i = begin;
    for (; i < count; ++i) {
      const Timestamp time = series.times[i];
      const auto number = static_cast<double>(column[i]);
      if (time <= last || time > farthest || time < -kFarthest || !std::isfinite(number) || met(number) ||
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
  store(g, kNone, 0, last, static_cast<double>(column[end - 1]), series.quality(end - 1).code, nullptr);
  return end;
}

// Up to where nothing happens between readings.
Timestamp RuleState::farthest_quiet(std::uint32_t g) const {
  const Timestamp due = std::min(
      {alert_deadline(g), repeat_due(g), write_due(g), rule_->watches_time ? next_look(g, kLongAgo) : kNever});
  return std::min(kFarthest, due - 1);
}

// Judges readings that are known and in order as take() would, but with all that they share made once, up to the
// first that is different.
template <class T>
std::size_t RuleState::judge_run(std::uint32_t g, const model::Series& series, const std::vector<T>& column,
                                 std::size_t begin, Nanoseconds now, Sink& sink) {
  Group& group = groups_[g];
  Slot& slot = slots_[g];
  // The first reading tells a rule that watches the time from when on to look.
  if (slot.conversion != 0 || (rule_->watches_time && group.judged == kLongAgo)) return begin;
  const bool truth = rule_->inputs.front().type == Type::truth;
  Scene scene = this->scene(g, 0, sink);
  std::size_t i = begin;
  for (bool changed = true; changed && i < series.size();) {
    changed = false;
    const Timestamp farthest = farthest_quiet(g);
    const bool expires = group.phase != Phase::idle || rule_->watches_expiry;
    const Nanoseconds within = expires ? rule_->within.front() : kForever;
    const Program& condition = asked(group);
    for (; i < series.size() && !changed; ++i) {
      const Timestamp time = series.times[i];
      const auto number = static_cast<double>(column[i]);
      const model::Quality quality = series.quality(i);
      if (time <= slot.time || time <= group.judged || time <= group.passed || time > farthest || time < -kFarthest ||
          !std::isfinite(number) || quality.bad() ||
          (within != kForever && slot.time != kLongAgo && time - slot.time > within))
        return i;
      slot.time = scene.time = group.newest = group.judged = time;
      slot.number = truth ? (number != 0 ? 1 : 0) : number;
      slot.quality = quality.code;
      group.newest_at = now;
      if (!made_.empty()) made_.clear();
      if (!rule_->steps.empty()) {
        forget_steps();
        take_steps(g, Stage::reading, 1, scene);
        take_steps(g, Stage::result, 1, scene);
      }
      const Result3 result = run(condition, scene);
      changed = !stays(group, result);
      if (!changed) continue;
      decide(g, time, result, scene, sink);
      if (group.phase != Phase::idle || !writers_.empty()) pass(g, time, true, sink);
    }
  }
  return i;
}

// Likewise for a window of one input: as far as the window that is open reaches.
template <class T>
std::size_t RuleState::gather_run(std::uint32_t g, const model::Series& series, const std::vector<T>& column,
                                  std::size_t begin, Nanoseconds now) {
  Group& group = groups_[g];
  Slot& slot = slots_[g];
  if (group.window_end == kNever || group.phase != Phase::idle || slot.conversion != 0) return begin;
  const std::size_t aggregates = rule_->aggregates.size();
  Accumulator* const first = accumulators_.data() + g * aggregates;
  const bool truth = rule_->inputs.front().type == Type::truth;
  Timestamp last = std::max(slot.time, group.passed);
  std::size_t i = begin;
  for (; i < series.size(); ++i) {
    const Timestamp time = series.times[i];
    auto number = static_cast<double>(column[i]);
    const model::Quality quality = series.quality(i);
    if (time <= last || time >= group.window_end || !std::isfinite(number) || quality.bad()) break;
    last = time;
    if (truth) number = number != 0 ? 1 : 0;
    const Result3 value{number, nullptr, quality.code, true};
    for (std::size_t a = 0; a < aggregates; ++a) add(rule_->aggregates[a], first[a], time, value);
  }
  if (i == begin) return begin;
  group.newest = last;
  group.newest_at = now;
  const auto number = static_cast<double>(column[i - 1]);
  store(g, kNone, 0, last, truth ? (number != 0 ? 1 : 0) : number, series.quality(i - 1).code, nullptr);
  return i;
}

void RuleState::feed(std::uint32_t g, std::uint32_t member, std::uint16_t i, const model::Series& series,
                     Nanoseconds now, Sink& sink) {
  const std::size_t count = series.size();
  readings_ += count;
  const bool text_input = rule_->inputs[i].type == Type::text;
  std::visit(
      [&]<class T>(const std::vector<T>& column) {
        for (std::size_t n = 0; n < count; ++n) {
          if constexpr (std::is_arithmetic_v<T>) {
            if (threshold_ && (n = skip_quiet(g, series, column, n, now)) == count) return;
            if (only_alerts_ && (n = judge_run(g, series, column, n, now, sink)) == count) return;
            if (plain_window_ && !text_input && (n = gather_run(g, series, column, n, now)) == count) return;
          }
          double number = 0;
          const std::string* text = nullptr;
          if constexpr (std::is_arithmetic_v<T>) number = static_cast<double>(column[n]);
          else if constexpr (std::is_same_v<T, std::string>) text = &column[n];
          take(g, i, admit(g, member, i, series.times[n], series.quality(n), number, text, series.type(), sink), now,
               sink);
        }
      },
      series.values);
  if (rule_->late == Late::revise) revise(g, sink);
}

void RuleState::feed(std::uint32_t g, std::uint32_t member, std::uint16_t i, const model::Reading& reading,
                     Nanoseconds now, Sink& sink) {
  ++readings_;
  double number = 0;
  const std::string* text = nullptr;
  std::visit(
      [&]<class T>(const T& value) {
        if constexpr (std::is_arithmetic_v<T>) number = static_cast<double>(value);
        else if constexpr (std::is_same_v<T, std::string>) text = &value;
      },
      reading.value);
  const model::ValueType type = model::type_of(reading.value);
  take(g, i, admit(g, member, i, reading.time, reading.quality, number, text, type, sink), now, sink);
  if (rule_->late == Late::revise) revise(g, sink);
}

void RuleState::store(std::uint32_t g, std::uint32_t member, std::uint16_t i, Timestamp time, double number,
                      std::uint32_t quality, const std::string* text) {
  Slot& at = slot(g, member, i);
  at.time = time;
  at.number = number;
  at.quality = quality;
  if (text == nullptr || rule_->inputs[i].type != Type::text) return;
  text_of(g, member, i) = *text;
}

void RuleState::arrive(std::uint32_t g, const Pending& reading) {
  store(g, reading.member, reading.slot, reading.time, reading.number, reading.quality, reading.text.get());
  if (!fresh_.empty() && fresh_.back().member == reading.member) fresh_.back().slots |= 1U << reading.slot;
  else fresh_.push_back({reading.member, 1U << reading.slot});
}

// The group's own inputs, then members by name, each once.
void RuleState::sort_fresh(std::uint32_t g) {
  if (!rule_->members || fresh_.size() < 2) return;
  Members& members = members_[g];
  if (!std::exchange(members.ranked, true))
    for (std::uint32_t rank = 0; rank < members.by_name.size(); ++rank)
      members.all[members.by_name[rank]].rank = rank;
  std::ranges::sort(fresh_, {}, [&](const Fresh& fresh) {
    return fresh.member == kNone ? 0 : std::uint64_t{members.all[fresh.member].rank} + 1;
  });
  std::size_t last = 0;
  for (std::size_t i = 1; i < fresh_.size(); ++i)
    if (fresh_[i].member == fresh_[last].member) fresh_[last].slots |= fresh_[i].slots;
    else fresh_[++last] = fresh_[i];
  fresh_.resize(last + 1);
}

void RuleState::take(std::uint32_t g, std::uint16_t i, const Incoming& reading, Nanoseconds now, Sink& sink) {
  if (reading.time > kFarthest || reading.time < -kFarthest) {
    ++sink.counters.late;
    ++late_;
    return;
  }
  if (rule_->missing > 0) return heard(g, i, reading, now, sink);
  if (rule_->holds_back) return hold_back(g, i, reading, now, sink);
  Group& group = groups_[g];
  const Timestamp last = slots_[g * rule_->inputs.size() + i].time;
  if (reading.time <= last || reading.time <= group.passed) return too_late(g, i, reading, last, sink);
  group.newest = reading.time;
  group.newest_at = now;
  if (group.phase != Phase::idle || group.window_end != kNever || rule_->watches_time || rule_->watches_expiry ||
      !writers_.empty())
    pass(g, reading.time, false, sink);
  store(g, kNone, i, reading.time, reading.number, reading.quality, reading.text);
  fresh_.assign(1, {kNone, 1U << i});
  event(g, reading.time, fresh_, sink);
}

// Behind the watermark, or there already.
void RuleState::too_late(std::uint32_t g, std::uint16_t i, const Incoming& reading, Timestamp last, Sink& sink) {
  if (reading.time == last) {
    ++sink.counters.duplicate;
    return;
  }
  if (rule_->late == Late::revise && keep_late(g, i, reading, sink)) return;
  if (rule_->late == Late::side) {
    ++sink.counters.late_side;
    model::Reading out{reading.time, {}, {reading.quality}};
    const Type type = rule_->inputs[i].type;
    out.value =
        value_of({reading.number, reading.text, reading.quality, true}, reading.text != nullptr ? Type::text : type);
    const Slot& at = slot(g, reading.member, i);
    sink.outputs.emitted.push_back(
        {rule_->side[i].fill(captures_of(g, reading.member)), sink.units[at.unit], std::move(out)});
    return;
  }
  ++sink.counters.late;
  ++late_;
}

// A rule that watches for silence wants no order: whatever comes says that the source is alive.
void RuleState::heard(std::uint32_t g, std::uint16_t i, const Incoming& reading, Nanoseconds now, Sink& sink) {
  Group& group = groups_[g];
  store(g, reading.member, i, reading.time, reading.number, reading.quality, reading.text);
  group.newest_at = now;
  group.newest = std::max(group.newest, reading.time);
  if (group.phase != Phase::active) return;
  group.judged = std::max(group.judged, group.newest);
  clear(g, group.judged, "cleared", whole_scene(g, group.judged, sink), sink);
}

}  // namespace weir::rules
