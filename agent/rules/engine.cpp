#include "rules/engine.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "rules/engine_state.h"

namespace weir::rules {

void Engine::State::install(std::shared_ptr<const RuleSet> rules) {
  std::unordered_map<std::string, std::unique_ptr<RuleState>> before;
  std::unordered_map<std::string, std::vector<Nanoseconds>> wakes_before;
  for (std::size_t r = 0; r < states_.size(); ++r) {
    std::string key = states_[r]->rule().key.hex();
    wakes_before[key] = wakes_of(*states_[r]);
    before[std::move(key)] = std::move(states_[r]);
  }
  states_.clear();
  timers_.clear();
  rules_ = std::move(rules);
  std::vector<std::vector<Nanoseconds>> wakes;
  for (const Rule& rule : rules_->rules) {
    const std::string key = rule.key.hex();
    if (const auto found = before.find(key); found != before.end()) {
      states_.push_back(std::move(found->second));
      states_.back()->replace_rule(rule);
      wakes.push_back(std::move(wakes_before[key]));
    } else {
      states_.push_back(std::make_unique<RuleState>(rule));
      wakes.emplace_back();
    }
  }
  bind_all();
  set_timers(wakes);
}

std::vector<Nanoseconds> Engine::State::wakes_of(const RuleState& state) const {
  std::vector<Nanoseconds> out(state.size(), kNever);
  for (std::uint32_t g = 0; g < state.size(); ++g)
    if (state.group(g).timer != Timers::kNowhere) out[g] = timers_.wake(state.group(g).timer);
  return out;
}

void Engine::State::set_timers(const std::vector<std::vector<Nanoseconds>>& wakes) {
  timers_.clear();
  for (std::uint32_t r = 0; r < states_.size(); ++r)
    for (std::uint32_t g = 0; g < states_[r]->size(); ++g) {
      states_[r]->group(g).timer = Timers::kNowhere;
      if (g < wakes[r].size() && wakes[r][g] != kNever) timers_.set(r, g, wakes[r][g]);
    }
}

// --- which signal feeds what -----------------------------------------------------------------------

void Engine::State::bind_all() {
  index_.clear();
  index_entries_.clear();
  partials_.clear();
  nodes_.clear();
  for (std::uint32_t r = 0; r < states_.size(); ++r) {
    states_[r]->forget_bindings();
    for (std::uint32_t g = 0; g < states_[r]->size(); ++g) unsettled_.push_back({r, g});
    const Rule& rule = states_[r]->rule();
    for (std::uint16_t i = 0; i < rule.inputs.size(); ++i) {
      index_.add(rule.inputs[i].pattern.text(), static_cast<std::uint32_t>(index_entries_.size()));
      index_entries_.push_back({r, i});
    }
  }
  for (SignalId id = 0; id < signals_.size(); ++id) {
    signals_[id].bindings.clear();
    if (signals_[id].path_size != 0) bind(path_of(signals_[id]), id);
  }
  settle();
  for (SignalId id = 0; id < signals_.size(); ++id) spread_unit(id);
}

Engine::State::Source& Engine::State::source(std::uint32_t which) {
  return which < kFirstNode ? signals_[which] : nodes_[which - kFirstNode];
}

// Joins what the captures of one input stand for.
std::string Engine::State::join_captures(const std::vector<std::string>& values) { return join(values, "/"); }

void Engine::State::bind(std::string_view path, std::uint32_t which) {
  index_.candidates(path, [&](std::uint32_t entry) {
    const auto [r, slot] = index_entries_[entry];
    const Rule& rule = states_[r]->rule();
    const Input& input = rule.inputs[slot];
    const auto values = input.pattern.match(path);
    if (!values) return;
    if (!input.whole) {
      Partial& partial = partials_[{r, slot}][join_captures(*values)];
      partial.sources.push_back(which);
      for (const std::uint32_t g : partial.groups) attach(which, {r, g, slot});
      return;
    }
    // The rule's captures, in its order.
    std::vector<std::string> ordered(rule.captures.size());
    for (std::size_t i = 0; i < values->size(); ++i) ordered[input.captures[i]] = (*values)[i];
    bool created = false;
    const std::uint32_t g = states_[r]->find_or_create(join_captures(ordered), created);
    if (g == Timers::kNowhere) {
      ++counters_.refused_groups;
      return;
    }
    attach(which, {r, g, slot});
    if (created) unsettled_.push_back({r, g, true});
  });
}

void Engine::State::attach(std::uint32_t which, Binding binding) {
  Source& at = source(which);
  at.bindings.push_back(binding);
  at.sorted = at.bindings.size() == 1;
}

// A new group gets its other inputs, and whoever reads its outputs.
void Engine::State::connect(GroupName name) {
  RuleState& state = *states_[name.rule];
  const Rule& rule = state.rule();
  for (std::uint16_t slot = 0; slot < rule.inputs.size(); ++slot) {
    const Input& input = rule.inputs[slot];
    if (input.whole) continue;
    const auto captures = state.captures_of(name.group);
    std::vector<std::string> values;
    for (const std::uint16_t capture : input.captures) values.emplace_back(captures[capture]);
    Partial& partial = partials_[{name.rule, slot}][join_captures(values)];
    if (partial.groups.empty()) partial.example = name.group;
    else if (name.is_new) state.copy_input(partial.example, name.group, slot);
    // The first by name, whatever order they came in.
    if (*state.group(name.group).captures < *state.group(partial.example).captures) partial.example = name.group;
    partial.groups.push_back(name.group);
    for (const std::uint32_t which : partial.sources) attach(which, {name.rule, name.group, slot});
  }
  for (std::size_t e = 0; e < rule.emits.size(); ++e) {
    if (!rule.emits[e].has_readers) continue;
    const auto node = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
    state.set_derived(name.group, e, node);
    bind(rule.emits[e].path.fill(state.captures_of(name.group)), kFirstNode + node);
  }
}

void Engine::State::settle() {
  while (!unsettled_.empty()) {
    const GroupName name = unsettled_.back();
    unsettled_.pop_back();
    connect(name);
  }
}

void Engine::State::spread_unit(SignalId id) {
  if (id >= signals_.size() || signals_[id].bindings.empty()) return;
  std::vector<std::pair<Binding, std::uint16_t>> todo;
  for (const Binding& binding : signals_[id].bindings) todo.emplace_back(binding, signals_[id].unit);
  while (!todo.empty()) {
    const auto [binding, unit] = todo.back();
    todo.pop_back();
    RuleState& state = *states_[binding.rule];
    state.set_unit(binding.group, binding.slot, unit);
    for (std::size_t e = 0; e < state.rule().emits.size(); ++e) {
      if (!state.rule().emits[e].has_readers || state.rule().emits[e].unit_of != binding.slot) continue;
      const std::uint32_t node = state.derived(binding.group, e);
      if (node == Timers::kNowhere) continue;
      for (const Binding& next : nodes_[node].bindings) todo.emplace_back(next, unit);
    }
  }
}

std::uint16_t Engine::State::unit_index(const std::string& unit) {
  const auto found = std::ranges::find(units_, unit);
  if (found != units_.end()) return static_cast<std::uint16_t>(found - units_.begin());
  if (units_.size() > 0xFFFF) return 0;
  units_.push_back(unit);
  return static_cast<std::uint16_t>(units_.size() - 1);
}

void Engine::State::define(SignalId id, const model::Signal& signal) {
  if (id >= kFirstNode) return;
  if (id >= signals_.size()) signals_.resize(std::size_t{id} + 1);
  Signal& known = signals_[id];
  known.unit = unit_index(signal.unit);
  if (path_of(known) == signal.path) return spread_unit(id);
  const bool is_new = known.path_size == 0;
  known.path = static_cast<std::uint32_t>(paths_.size());
  known.path_size = static_cast<std::uint32_t>(signal.path.size());
  paths_ += signal.path;
  if (!is_new) {
    const auto wakes = all_wakes();
    bind_all();
    set_timers(wakes);
    return;
  }
  bind(signal.path, id);
  settle();
  spread_unit(id);
}

std::vector<std::vector<Nanoseconds>> Engine::State::all_wakes() const {
  std::vector<std::vector<Nanoseconds>> out;
  for (const auto& state : states_) out.push_back(wakes_of(*state));
  return out;
}

// --- what happens ----------------------------------------------------------------------------------

// The engine's own clock is the sum of the steps of the arrival clock, none of them negative or longer
// than a few ticks: while the agent was not running nothing came, and that says nothing of the plant.
void Engine::State::advance_clock(Timestamp arrival) {
  if (last_arrival_ != kLongAgo && arrival > last_arrival_) {
    const auto step = static_cast<std::uint64_t>(arrival) - static_cast<std::uint64_t>(last_arrival_);
    now_ += static_cast<Nanoseconds>(std::min<std::uint64_t>(step, kLongestStep));
  }
  last_arrival_ = arrival;
}

const std::vector<Engine::State::Binding>& Engine::State::bindings(Source& source) {
  if (!source.sorted) {
    // By name, not by number: after a restart groups may have other numbers.
    std::ranges::sort(source.bindings, [this](const Binding& a, const Binding& b) {
      if (a.rule != b.rule) return a.rule < b.rule;
      if (a.group != b.group) return *states_[a.rule]->group(a.group).captures < *states_[b.rule]->group(b.group).captures;
      return a.slot < b.slot;
    });
    source.sorted = true;
  }
  return source.bindings;
}

void Engine::State::readings(Timestamp arrival, const model::Series& series, Outputs& outputs) {
  advance_clock(arrival);
  if (series.signal >= signals_.size() || signals_[series.signal].bindings.empty()) return;
  Sink sink{outputs, counters_, derived_, units_};
  counters_.readings += series.size();
  if (!series.qualities.empty())
    for (std::size_t i = 0; i < series.size(); ++i) counters_.bad += series.quality(i).bad() ? 1 : 0;
  for (const Binding& binding : bindings(signals_[series.signal])) {
    states_[binding.rule]->feed(binding.group, binding.slot, series, now_, sink);
    set_timer(binding.rule, binding.group);
  }
  feed_derived(sink);
}

void Engine::State::feed_derived(Sink& sink) {
  for (std::size_t i = 0; i < derived_.size(); ++i) {
    const Derived next = std::move(derived_[i]);
    for (const Binding& binding : bindings(nodes_[next.node])) {
      states_[binding.rule]->feed(binding.group, binding.slot, next.reading, now_, sink);
      set_timer(binding.rule, binding.group);
    }
  }
  derived_.clear();
}

void Engine::State::set_timer(std::uint32_t r, std::uint32_t g) {
  const std::uint32_t place = states_[r]->group(g).timer;
  const Nanoseconds wake = states_[r]->wake_time(g);
  if (wake == kNever) {
    if (place != Timers::kNowhere) timers_.remove(r, g);
    return;
  }
  // One that comes too early costs a look; moving it with each reading would cost more.
  if (place == Timers::kNowhere || wake + kIdleAfter < timers_.wake(place)) timers_.set(r, g, std::max(wake, now_ + 1));
}

void Engine::State::tick(Timestamp now, Outputs& outputs) {
  advance_clock(now);
  Sink sink{outputs, counters_, derived_, units_};
  std::vector<GroupName> due;
  while (!timers_.empty() && timers_.first().wake <= now_) {
    const Timers::Entry first = timers_.first();
    timers_.remove(first.rule, first.group);
    due.push_back({first.rule, first.group});
  }
  std::ranges::sort(due, [this](const GroupName& a, const GroupName& b) {
    if (a.rule != b.rule) return a.rule < b.rule;
    return *states_[a.rule]->group(a.group).captures < *states_[b.rule]->group(b.group).captures;
  });
  for (const GroupName& name : due) {
    states_[name.rule]->pass_time(name.group, now_, sink);
    set_timer(name.rule, name.group);
    feed_derived(sink);
  }
}

std::size_t Engine::State::groups() const {
  std::size_t out = 0;
  for (const auto& state : states_) out += state->size();
  return out;
}

std::vector<AlertEvent> Engine::State::active_alerts() const {
  std::vector<AlertEvent> out;
  for (const auto& state : states_) state->active_alerts(out);
  return out;
}

// --- the seam --------------------------------------------------------------------------------------

Engine::Engine() : state_(std::make_unique<State>()) {}
Engine::~Engine() = default;
void Engine::install(std::shared_ptr<const RuleSet> rules) { state_->install(std::move(rules)); }
void Engine::define(model::SignalId id, const model::Signal& signal) { state_->define(id, signal); }
void Engine::readings(Timestamp arrival, const model::Series& series, Outputs& outputs) {
  state_->readings(arrival, series, outputs);
}
void Engine::tick(Timestamp now, Outputs& outputs) { state_->tick(now, outputs); }
bool Engine::waits_for_time() const { return state_->waits_for_time(); }
std::string Engine::save() const { return state_->save(); }
Result<void> Engine::restore(std::string_view state) { return state_->restore(state); }
const Counters& Engine::counters() const { return state_->counters(); }
std::size_t Engine::groups() const { return state_->groups(); }
std::vector<AlertEvent> Engine::active_alerts() const { return state_->active_alerts(); }

}  // namespace weir::rules
