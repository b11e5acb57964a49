// What a rule knows, for people.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/text.h"
#include "rules/engine_state.h"

namespace weir::rules {
namespace {

std::string show(double number) {
  char out[40];
  std::snprintf(out, sizeof out, "%.6g", number);
  return out;
}

std::string duration(Nanoseconds of) { return weir::to_text(std::chrono::nanoseconds(of)); }

std::string when_it_speaks(const Rule& rule) {
  const Window& window = rule.window;
  switch (window.kind) {
    case Window::Kind::tumbling: return "at the end of each window of " + duration(window.size);
    case Window::Kind::hopping: return "every " + duration(window.every) + ", of the last " + duration(window.size);
    case Window::Kind::session: return "after " + duration(window.size) + " without a reading";
    case Window::Kind::last:
      return "at each " + (window.every_count > 1 ? std::to_string(window.every_count) + "th " : std::string()) +
             "reading, of the last " + std::to_string(window.count);
    case Window::Kind::calendar: {
      constexpr const char* kUnits[] = {"hour", "day", "week", "month", "shift"};
      return std::string("at the end of each ") + kUnits[static_cast<std::size_t>(window.unit)] +
             " of the site's calendar";
    }
    case Window::Kind::since_reset:
      return (window.every > 0 ? "every " + duration(window.every) : std::string("at each reading")) +
             ", of all since the last reset";
    case Window::Kind::none: break;
  }
  if (rule.missing > 0) return "when nothing has come for " + duration(rule.missing);
  if (rule.inputs.size() > 1 || rule.members)
    return "once for each event time, when all inputs have come so far or are idle";
  return rule.watches_time ? "at each reading, and each second" : "at each reading";
}

std::size_t operations_of(const Rule& rule) {
  std::size_t out = rule.where.code.size() + rule.when.code.size() + rule.clear.code.size();
  for (const Emit& emit : rule.emits) out += emit.value.code.size();
  for (const Step& step : rule.steps) out += step.argument.code.size() + 1;
  for (const Aggregate& aggregate : rule.aggregates) out += aggregate.argument.code.size() + 1;
  return out;
}

}  // namespace

std::size_t RuleState::bytes() const {
  std::size_t out = groups_.capacity() * sizeof(Group) + slots_.capacity() * sizeof(Slot) +
                    texts_.capacity() * sizeof(std::string) + steps_.capacity() * sizeof(StepState) +
                    accumulators_.capacity() * sizeof(Accumulator) + sliding_.capacity() * sizeof(SlidingWindow) +
                    results_.capacity() * sizeof(Result3) + backlogs_.capacity() * sizeof(Backlog) +
                    derived_.capacity() * sizeof(std::uint32_t);
  for (const auto& [name, g] : index_) out += name.capacity() + sizeof(name) + 32;
  for (std::uint32_t g = 0; g < groups_.size(); ++g) out += heap_bytes_of(g);
  return out + alarms_.size() * (sizeof(Alarm) + 32) + writers_.size() * (sizeof(Writer) + 32);
}

// What hangs on one group beside the dense arrays.
std::size_t RuleState::heap_bytes_of(std::uint32_t g) const {
  std::size_t out = 0;
  const std::size_t steps = rule_->steps.size(), aggregates = rule_->aggregates.size();
  for (std::size_t i = g * steps; i < (g + 1) * steps; ++i) out += heap_bytes(steps_[i]);
  if (rule_->window)
    for (std::size_t i = g * aggregates; i < (g + 1) * aggregates; ++i)
      out += heap_bytes(accumulators_[i]) + (slides_ ? sliding_[i].bytes() : 0);
  if (rule_->holds_back) out += backlogs_[g].readings.heap_bytes();
  if (rule_->members)
    for (const Member& member : members_[g].all)
      out += sizeof(Member) + member.slots.capacity() * sizeof(Slot) + member.name.capacity();
  if (rule_->detect && detections_[g].detector) out += detections_[g].detector->bytes();
  if (rule_->late == Late::revise)
    for (const Kept& kept : kept_[g]) out += sizeof(Kept) + kept.before.capacity() + kept.readings.heap_bytes();
  return out;
}

GroupReport RuleState::report(std::uint32_t g, Nanoseconds now, const std::vector<std::string>& units) const {
  const Group& group = groups_[g];
  GroupReport out;
  const auto captures = captures_of(g);
  for (const std::uint16_t c : rule_->group_captures)
    out.group[rule_->captures[c].empty() ? std::to_string(c + 1) : rule_->captures[c]] = captures[c];
  out.state = group.phase == Phase::active ? "active" : group.phase == Phase::pending ? "pending" : "idle";
  if (const auto found = alarms_.find(g); found != alarms_.end() && rule_->alert) {
    const Alarm& alarm = found->second;
    for (const auto& [is, word] : {std::pair{alarm.latched, "latched"},
                                   {alarm.acknowledged, "acknowledged"},
                                   {alarm.shelved_until != 0, "shelved"},
                                   {alarm.suppressed, "suppressed"}})
      if (is) out.state += std::string(", ") + word;
    if (alarm.latched) out.since = alarm.since;
  }
  if (group.newest != kLongAgo) out.newest = group.newest;
  if (const Timestamp mark = watermark(g, now); mark != kLongAgo) out.watermark = mark;
  if (group.phase != Phase::idle) out.since = group.since;
  out.bytes = heap_bytes_of(g) + sizeof(Group) + rule_->inputs.size() * sizeof(Slot) +
              rule_->steps.size() * sizeof(StepState) +
              (rule_->window ? rule_->aggregates.size() * sizeof(Accumulator) : 0);
  if (rule_->holds_back) out.held_back = backlogs_[g].readings.size();
  out.members = members(g);
  const auto show_slot = [&](const std::string& name, const Slot& slot, bool truth, const std::string* text) {
    if (slot.time == kLongAgo) return out.values.emplace_back(name, "nothing yet"), void();
    std::string value = text != nullptr && !text->empty() ? *text
                        : truth                           ? (slot.number != 0 ? "true" : "false")
                                                          : show(slot.number);
    if (!units[slot.unit].empty()) value += " " + units[slot.unit];
    out.values.emplace_back(
        name, value + ", " + model::to_text(model::Quality{slot.quality}) + ", at " + to_iso(slot.time));
  };
  for (std::uint16_t i = 0; i < rule_->inputs.size(); ++i) {
    const bool text = rule_->inputs[i].type == Type::text, truth = rule_->inputs[i].type == Type::truth;
    if (!rule_->inputs[i].of_member) {
      show_slot(rule_->inputs[i].name, slot(g, kNone, i), truth, text ? &text_of(g, kNone, i) : nullptr);
      continue;
    }
    for (const std::uint32_t member : members_[g].by_name) {
      if (out.values.size() >= 64) break;
      show_slot(rule_->inputs[i].name + " of " + member_name(g, member), slot(g, member, i), truth,
                text ? &text_of(g, member, i) : nullptr);
    }
  }
  if (rule_->detect) out.values.emplace_back("score", show(detections_[g].last.score));
  std::uint64_t ignored = 0;
  if (rule_->window && !slides_)
    for (std::size_t i = 0; i < rule_->aggregates.size(); ++i) {
      const Result3 value =
          finish(rule_->aggregates[i], accumulators_[g * rule_->aggregates.size() + i],
                 group.window_end == kNever ? group.newest
                                            : std::min(group.window_end, std::max(group.newest, group.judged)),
                 ignored);
      const AggregateKind kind = rule_->aggregates[i].kind;
      const bool lasts = kind == AggregateKind::duration_of || kind == AggregateKind::span;
      out.values.emplace_back(rule_->aggregates[i].source + " so far",
                              !value.known            ? "unknown"
                              : value.text != nullptr ? *value.text
                              : lasts                 ? duration(static_cast<Nanoseconds>(value.number) * kSecond)
                                                      : show(value.number));
    }
  return out;
}

std::optional<RuleReport> Engine::State::report(std::string_view name, std::size_t groups) const {
  const auto found =
      std::ranges::find(states_, name, [](const auto& state) -> const std::string& { return state->rule().name; });
  if (found == states_.end()) return std::nullopt;
  const RuleState& state = **found;
  const Rule& rule = state.rule();
  RuleReport out;
  out.name = rule.name;
  for (const Input& input : rule.inputs) out.reads.push_back(input.name + ": " + input.pattern.text());
  const auto ask = [&out](const char* key, const Program& condition, Nanoseconds hold) {
    if (!condition.empty())
      out.asks.push_back(key + condition.source + (hold > 0 ? " for " + duration(hold) : std::string()));
  };
  ask("where ", rule.where, 0);
  ask("when ", rule.when, rule.hold);
  ask("clear ", rule.clear, rule.clear_hold);
  if (rule.clear.empty() && rule.clear_hold > 0)
    out.asks.push_back("clear: not when, for " + duration(rule.clear_hold));
  if (rule.missing > 0) out.asks.push_back("missing " + duration(rule.missing));
  if (rule.detect) out.asks.push_back("detect: " + rule.detect->method);
  for (const Emit& emit : rule.emits) out.emits.push_back(emit.path.text + " = " + emit.value.source);
  for (const Write& write : rule.writes) out.writes.push_back(write.path.text + " = " + write.value.source);
  for (const Write& write : rule.clear_writes)
    out.writes.push_back(write.path.text + " = " + write.value.source + " when it clears");
  out.judged = when_it_speaks(rule);
  out.groups = state.size();
  out.operations = operations_of(rule);
  out.bytes = state.bytes();
  out.readings = state.readings();
  out.late = state.late();
  std::vector<std::uint32_t> order(state.size());
  for (std::uint32_t g = 0; g < order.size(); ++g) order[g] = g;
  // Those that have something to say first.
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    if (state.group(a).phase != state.group(b).phase) return state.group(a).phase > state.group(b).phase;
    return *state.group(a).captures < *state.group(b).captures;
  });
  for (std::size_t i = 0; i < order.size() && i < groups; ++i)
    out.some.push_back(state.report(order[i], now_, units_));
  return out;
}

}  // namespace weir::rules
