// One event time: what the rule makes of it.
#include <algorithm>
#include <cmath>
#include <utility>

#include "rules/state/rule_state.h"

namespace weir::rules {
namespace {

// A window that goes on without readings speaks so often at once, and then skips to the present.
constexpr std::int64_t kMostWindows = 10'000;

constexpr Result3 kUnknown{0, nullptr, model::kBad.code, false};

// The end of the stretch, aligned to the epoch, that holds `time`.
Timestamp aligned_end(Timestamp time, Nanoseconds size) {
  const Timestamp into = time % size;
  return time - (into < 0 ? into + size : into) + size;
}

}  // namespace

model::Value value_of(const Result3& result, Type type) {
  // What is unknown goes out too, as bad: whoever reads it must not go on with the value before.
  switch (type) {
    case Type::truth: return result.known && result.number != 0;
    case Type::text: return result.known && result.text != nullptr ? *result.text : std::string();
    default: return result.known ? result.number : std::nan("");
  }
}

// --- what can be looked at -------------------------------------------------------------------------

Scene RuleState::scene(std::uint32_t g, Timestamp time, Sink& sink) {
  const std::size_t first = g * rule_->inputs.size();
  if (!rule_->steps.empty()) steps_now_.assign(rule_->steps.size(), kUnknown);
  if (!made_.empty()) made_.clear();
  Scene out{slots_.data() + first,
            rule_->has_texts ? texts_.data() + first : nullptr,
            rule_->within.data(),
            nullptr,
            time,
            &sink.counters.arithmetic};
  out.steps = steps_now_.data();
  out.calendar = rule_->calendar.get();
  out.made = &made_;
  return out;
}

Scene RuleState::whole_scene(std::uint32_t g, Timestamp time, Sink& sink) {
  Scene out = scene(g, time, sink);
  tell_steps(g, false, out);
  if (rule_->members && !rule_->window) look_across(g, out);
  if (rule_->detect) look_for_anomaly(g, out, false);
  if (keeps_results_) out.aggregates = results_.data() + g * rule_->aggregates.size();
  tell_steps(g, true, out);
  return out;
}

// What the steps say at an instant at which nothing came: those over results, or the others.
void RuleState::tell_steps(std::uint32_t g, bool of_results, const Scene& scene) {
  for (std::size_t i = 0; i < rule_->steps.size(); ++i) {
    const Step& step = rule_->steps[i];
    if ((step.stage == Stage::result) != of_results) continue;
    StepState& state = steps_[g * rule_->steps.size() + i];
    steps_now_[i] = tell(step, state, std::max(scene.time, state.time), *scene.arithmetic);
    // Nothing rises, falls or changes while nothing comes.
    if ((step.kind == StepKind::rising || step.kind == StepKind::falling || step.kind == StepKind::changed) &&
        state.time < scene.time)
      steps_now_[i].number = 0;
    // What has expired since then is not known any more.
    if (step.kind != StepKind::trailing && !run(step.argument, scene).known) steps_now_[i] = kUnknown;
  }
}

void RuleState::look_at(std::uint32_t g, std::uint32_t member, Scene& scene) const {
  const Member& one = members_[g].all[member];
  scene.member = one.slots.data();
  scene.member_texts = rule_->has_texts ? one.texts.data() : nullptr;
}

void RuleState::take_steps(std::uint32_t g, Stage stage, std::uint32_t fresh, const Scene& scene) {
  if (!has_stage_[static_cast<std::size_t>(stage)]) return;
  const std::size_t count = rule_->steps.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Step& step = rule_->steps[i];
    if (step.stage != stage) continue;
    StepState& state = steps_[g * count + i];
    const bool asked = step.argument.inputs == 0 || (step.argument.inputs & fresh) != 0;
    // What is said at a reset by hand may be of a moment after what is still on its way.
    if (asked) update(step, state, std::max(scene.time, state.time), run(step.argument, scene), *scene.arithmetic);
    steps_now_[i] = tell(step, state, std::max(scene.time, state.time), *scene.arithmetic);
    if (asked || step.kind == StepKind::trailing) continue;
    if (step.kind == StepKind::rising || step.kind == StepKind::falling || step.kind == StepKind::changed)
      steps_now_[i].number = 0;
    if (!run(step.argument, scene).known) steps_now_[i] = kUnknown;
  }
}

// Aggregates over what the members say now.
void RuleState::look_across(std::uint32_t g, Scene& scene) {
  results_now_.clear();
  for (const Aggregate& aggregate : rule_->aggregates) {
    Accumulator all;
    for (const std::uint32_t member : members_[g].by_name) {
      look_at(g, member, scene);
      add(aggregate, all, scene.time, run(aggregate.argument, scene));
    }
    Result3 result = finish(aggregate, all, scene.time, *scene.arithmetic);
    if (result.text != nullptr) result.text = &made_.emplace_back(*result.text);
    results_now_.push_back(result);
  }
  scene.aggregates = results_now_.data();
}

void RuleState::look_for_anomaly(std::uint32_t g, Scene& scene, bool fresh) {
  Detection& detection = detections_[g];
  const Slot& input = slots_[g * rule_->inputs.size()];
  const bool known = valid_at(input, rule_->within[0], scene.time);
  if (!detection.detector) {
    auto made = detect::make_detector(*rule_->detect, rule_->calendar);
    if (!made) return;  // its settings were checked when the rule was read
    detection.detector = std::move(*made);
  }
  if (fresh && known) detection.last = detection.detector->judge(scene.time, input.number);
  results_now_.assign(2, kUnknown);
  results_now_[kScore] = {detection.last.score, nullptr, input.quality, known};
  // In words only where somebody reads them: with most readings nobody does.
  const bool asked = !fresh || emits_reason_ || groups_[g].phase != Phase::idle;
  if (asked && input.time != kLongAgo)
    results_now_[kReason] = {0, &made_.emplace_back(detection.detector->reason()), input.quality, true};
  scene.aggregates = results_now_.data();
}

// --- an event --------------------------------------------------------------------------------------

// One event time, with the inputs as of then. `fresh`: which of them came with it.
void RuleState::event(std::uint32_t g, Timestamp time, const std::vector<Fresh>& fresh, Sink& sink) {
  const Rule& rule = *rule_;
  std::uint32_t any = 0;
  for (const Fresh& one : fresh) any |= one.slots;
  if (rule.late == Late::revise) {
    // Before anything is computed with the reading, so that it can be computed again.
    if (groups_[g].window_end == kNever) open_window(g, time);
    keep_readings(g, time, fresh);
  }
  Scene now = scene(g, time, sink);
  take_steps(g, Stage::where, any, now);
  if (!rule.where.empty() && !is_true(run(rule.where, now))) {
    if (rule.watches_time) groups_[g].judged = std::max(groups_[g].judged, time);
    return;
  }
  take_steps(g, Stage::reading, any, now);
  if (rule.window) {
    gather(g, time, fresh, now);
    return speak_at_reading(g, time, sink);
  }
  if (rule.members) look_across(g, now);
  if (rule.detect) look_for_anomaly(g, now, true);
  take_steps(g, Stage::result, any, now);
  for (std::size_t i = 0; i < rule.emits.size(); ++i) emit(g, i, time, run(rule.emits[i].value, now), sink);
  if (rule.when.empty() && !rule.detect) return;
  judge(g, time, now, sink);
  if (groups_[g].phase != Phase::idle || !writers_.empty()) pass(g, time, true, sink);
}

// --- windows ---------------------------------------------------------------------------------------

// The window, or the pane of one that hops, that holds `time`.
std::pair<Timestamp, Timestamp> RuleState::window_around(Timestamp time) const {
  const Window& window = rule_->window;
  switch (window.kind) {
    case Window::Kind::tumbling:
      return {aligned_end(time, window.size) - window.size, aligned_end(time, window.size)};
    case Window::Kind::hopping:
      return {aligned_end(time, window.every) - window.every, aligned_end(time, window.every)};
    case Window::Kind::calendar: {
      const calendar::Calendar::Stretch stretch = rule_->calendar->stretch(window.unit, time);
      return {stretch.begin, stretch.end};
    }
    case Window::Kind::session: return {time, time + window.size};
    case Window::Kind::since_reset: return {time, window.every == 0 ? kNever : aligned_end(time, window.every)};
    default: return {time, kNever};
  }
}

void RuleState::open_window(std::uint32_t g, Timestamp time) {
  const auto [begin, end] = window_around(time);
  groups_[g].window_end = end;
  if (rule_->late == Late::revise) keep_window(g, begin, end);
}

void RuleState::gather(std::uint32_t g, Timestamp time, const std::vector<Fresh>& fresh, Scene& scene) {
  const Rule& rule = *rule_;
  Group& group = groups_[g];
  if (group.window_end == kNever) open_window(g, time);
  else if (rule.window.kind == Window::Kind::session) group.window_end = time + rule.window.size;
  const bool last = rule.window.kind == Window::Kind::last;
  const bool since_reset = rule.window.kind == Window::Kind::since_reset;
  for (std::size_t i = 0; i < rule.aggregates.size(); ++i) {
    const Aggregate& aggregate = rule.aggregates[i];
    const std::size_t at = g * rule.aggregates.size() + i;
    const auto take = [&](std::uint32_t member) {
      if (member != kNone) look_at(g, member, scene);
      const Result3 value = run(aggregate.argument, scene);
      if (last) sliding_[at].add(aggregate, kForever, time, value);
      // A reset by hand may have been a moment after what is still on its way.
      else add(aggregate, accumulators_[at], since_reset ? std::max(time, accumulators_[at].to) : time, value);
    };
    for (const Fresh& one : fresh) {
      if ((aggregate.argument.inputs & one.slots) == 0) continue;
      if (one.member != kNone || (aggregate.argument.inputs & member_inputs_) == 0) take(one.member);
      else
        for (const std::uint32_t member : members_[g].by_name) take(member);
    }
    if (last) sliding_[at].keep_last(aggregate, rule.window.count);
  }
}

// Windows that have no end of their own.
void RuleState::speak_at_reading(std::uint32_t g, Timestamp time, Sink& sink) {
  const Window& window = rule_->window;
  Group& group = groups_[g];
  if (window.kind == Window::Kind::last) {
    if (++group.window_count < window.count || (group.window_count - window.count) % window.every_count != 0) return;
    // So that it never wraps, and says the same.
    if (group.window_count > window.count) group.window_count -= window.every_count;
  } else if (window.kind != Window::Kind::since_reset || window.every != 0) {
    return;
  }
  sum_up(g, kLongAgo, time, sink);
  speak(g, time, sink);
}

void RuleState::close_window(std::uint32_t g, Timestamp until, Sink& sink) {
  const Rule& rule = *rule_;
  const Window& window = rule.window;
  Group& group = groups_[g];
  const Timestamp end = group.window_end;
  group.passed = std::max(group.passed, end - 1);
  const Timestamp begin = window.kind == Window::Kind::calendar ? rule.calendar->stretch(window.unit, end - 1).begin
                          : window.kind == Window::Kind::since_reset ? kLongAgo
                          : window.kind == Window::Kind::session     ? kLongAgo
                                                                     : end - window.size;
  const std::size_t count = rule.aggregates.size(), first = g * count;
  const bool hops = window.kind == Window::Kind::hopping;
  std::vector<Accumulator> next(count);
  bool anything = false;
  for (std::size_t i = 0; i < count; ++i) {
    const Aggregate& aggregate = rule.aggregates[i];
    anything = anything || !accumulators_[first + i].empty();
    if (window.kind != Window::Kind::session) next[i] = next_window(aggregate, accumulators_[first + i], end);
    if (!hops) continue;
    if (!accumulators_[first + i].empty())
      sliding_[first + i].add(aggregate, end, std::move(accumulators_[first + i]));
    sliding_[first + i].drop_until(aggregate, begin);
    anything = anything || sliding_[first + i].stretches() > 0;
  }
  sum_up(g, begin, end, sink);
  const bool between_shifts = window.kind == Window::Kind::calendar && window.unit == calendar::Unit::shift &&
                              rule.calendar->stretch(window.unit, end - 1).shift.empty();
  if (anything && !between_shifts) speak(g, end, sink);

  bool goes_on = false;
  if (window.kind == Window::Kind::since_reset) {
    // It never ends; but it says nothing new while nothing holds.
    goes_on = std::ranges::any_of(accumulators_.begin() + static_cast<std::ptrdiff_t>(first),
                                  accumulators_.begin() + static_cast<std::ptrdiff_t>(first + count),
                                  [](const Accumulator& one) { return one.holds; });
    group.window_end = goes_on ? end + window.every : kNever;
    if (goes_on && until > end && (until - end) / window.every > kMostWindows)
      group.window_end = aligned_end(until, window.every);
    return;
  }
  for (std::size_t i = 0; i < count; ++i)
    goes_on = goes_on || next[i].holds || (hops && sliding_[first + i].stretches() > 0);
  if (!goes_on) {
    // What an increase goes on from stays, whenever that will be.
    group.window_end = kNever;
    std::ranges::move(next, accumulators_.begin() + static_cast<std::ptrdiff_t>(first));
    return;
  }
  auto [next_begin, next_end] = window_around(end);
  if (const Nanoseconds step = next_end - next_begin; until > next_end && (until - next_end) / step > kMostWindows) {
    std::tie(next_begin, next_end) = window_around(until);
    for (std::size_t i = 0; i < count; ++i) next[i] = next_window(rule.aggregates[i], next[i], next_begin);
  }
  std::ranges::move(next, accumulators_.begin() + static_cast<std::ptrdiff_t>(first));
  group.window_end = next_end;
  if (rule.late == Late::revise) keep_window(g, next_begin, next_end);
}

// What the aggregates say, in results_now_.
void RuleState::sum_up(std::uint32_t g, Timestamp begin, Timestamp end, Sink& sink) {
  results_now_.clear();
  if (!made_.empty()) made_.clear();
  for (std::size_t i = 0; i < rule_->aggregates.size(); ++i) {
    const std::size_t at = g * rule_->aggregates.size() + i;
    Result3 result = slides_ ? sliding_[at].finish(rule_->aggregates[i], begin, end, sink.counters.arithmetic)
                             : finish(rule_->aggregates[i], accumulators_[at], end, sink.counters.arithmetic);
    results_now_.push_back(result);
    if (!keeps_results_) continue;
    // A text lives no longer than the window.
    if (result.text != nullptr) result = kUnknown;
    results_[at] = result;
  }
}

void RuleState::speak(std::uint32_t g, Timestamp time, Sink& sink) {
  const Rule& rule = *rule_;
  // Texts that aggregates gave live in the window, until it changes.
  const std::vector<Result3> results = results_now_;
  Scene now = scene(g, time, sink);
  now.aggregates = results.data();
  take_steps(g, Stage::result, ~0U, now);
  for (std::size_t i = 0; i < rule.emits.size(); ++i) {
    const Result3 value = run(rule.emits[i].value, now);
    if (rule.late == Late::revise && !keep_said(g, i, value)) continue;
    emit(g, i, time, value, sink);
  }
  if (revising_ != nullptr || rule.when.empty()) return;
  judge(g, time, now, sink);
  if (const Timestamp deadline = alert_deadline(g); deadline <= groups_[g].judged) run_out(g, deadline, sink);
}

// --- what goes out ---------------------------------------------------------------------------------

void RuleState::emit(std::uint32_t g, std::size_t index, Timestamp time, const Result3& result, Sink& sink) {
  const Emit& emit = rule_->emits[index];
  model::Reading reading{time, value_of(result, emit.value.type), {result.quality}};
  if (emit.has_readers && revising_ == nullptr) {
    const std::uint32_t node = derived_[g * rule_->emits.size() + index];
    if (node != kNone) sink.derived.push_back({node, reading});
  }
  const std::uint16_t unit =
      emit.unit_of < 0 ? 0 : slots_[g * rule_->inputs.size() + static_cast<std::size_t>(emit.unit_of)].unit;
  sink.outputs.emitted.push_back(
      {emit.path.fill(captures_of(g)), sink.units[unit], std::move(reading), revising_ != nullptr});
}

}  // namespace weir::rules
