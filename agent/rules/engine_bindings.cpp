// Which signal feeds which groups of which rules, and in which units.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "rules/engine_state.h"

namespace weir::rules {

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
  repairing_.clear();
  for (SignalId id = 0; id < signals_.size(); ++id) {
    signals_[id].bindings.clear();
    if (signals_[id].path_size == 0) continue;
    bind(path_of(signals_[id]), id);
    define_validity(id);
  }
  settle();
  for (SignalId id = 0; id < signals_.size(); ++id) spread_unit(id);
  spread_units();
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
      for (const std::uint32_t g : partial.groups) attach(which, {r, g, kNone, slot});
      return;
    }
    // The rule's captures, in its order: those of the group go first, the others name a member of it.
    std::vector<std::string> group(rule.captures.size());
    for (std::size_t i = 0; i < values->size(); ++i) group[input.captures[i]] = (*values)[i];
    const std::vector<std::string> member(group.begin() + static_cast<std::ptrdiff_t>(rule.group_captures.size()),
                                          group.end());
    group.resize(rule.group_captures.size());
    bool created = false;
    const std::uint32_t g = states_[r]->find_or_create(join_captures(group), now_, created);
    const std::uint32_t m =
        g != kNone && input.of_member ? states_[r]->find_or_create_member(g, join_captures(member)) : kNone;
    if (g == kNone || (input.of_member && m == kNone)) {
      ++counters_.refused_groups;
      return;
    }
    attach(which, {r, g, m, slot});
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
    for (const std::uint32_t which : partial.sources) {
      attach(which, {name.rule, name.group, kNone, slot});
      spread_.push_back(which);
    }
  }
  for (std::size_t e = 0; e < rule.emits.size(); ++e) {
    if (!rule.emits[e].has_readers) continue;
    const auto node = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
    state.set_derived(name.group, e, node);
    bind(rule.emits[e].path.fill(state.captures_of(name.group)), kFirstNode + node);
  }
  if (name.is_new) set_timer(name.rule, name.group);  // silence counts from now on
}

void Engine::State::settle() {
  while (!unsettled_.empty()) {
    const GroupName name = unsettled_.back();
    unsettled_.pop_back();
    connect(name);
  }
}

void Engine::State::spread_units() {
  for (const std::uint32_t which : std::exchange(spread_, {})) spread_unit(which);
}

void Engine::State::spread_unit(std::uint32_t which) {
  std::vector<std::pair<Binding, std::uint16_t>> todo;
  for (const Binding& binding : source(which).bindings) todo.emplace_back(binding, source(which).unit);
  while (!todo.empty()) {
    const auto [binding, from] = todo.back();
    todo.pop_back();
    RuleState& state = *states_[binding.rule];
    const Input& input = state.rule().inputs[binding.slot];
    const std::uint16_t unit = input.unit ? unit_index(input.unit->text) : from;
    state.set_unit(binding.group, binding.member, binding.slot, unit, conversion_index(from, input));
    for (std::size_t e = 0; e < state.rule().emits.size(); ++e) {
      if (!state.rule().emits[e].has_readers || state.rule().emits[e].unit_of != binding.slot) continue;
      const std::uint32_t node = state.derived(binding.group, e);
      if (node == kNone) continue;
      nodes_[node].unit = unit;
      for (const Binding& next : nodes_[node].bindings) todo.emplace_back(next, unit);
    }
  }
}

// How readings in `unit` become what the input asks for; a signal that says no unit is believed.
std::uint16_t Engine::State::conversion_index(std::uint16_t unit, const Input& input) {
  if (!input.unit || units_[unit].empty()) return 0;
  const auto from = model::Unit::parse(units_[unit]);
  const auto conversion = from ? model::convert(*from, *input.unit) : std::nullopt;
  if (!conversion) return kCannotConvert;
  if (conversion->same()) return 0;
  for (std::size_t i = 1; i < conversions_.size(); ++i)
    if (conversions_[i].scale == conversion->scale && conversions_[i].offset == conversion->offset)
      return static_cast<std::uint16_t>(i);
  if (conversions_.size() >= kCannotConvert) return kCannotConvert;
  conversions_.push_back(*conversion);
  return static_cast<std::uint16_t>(conversions_.size() - 1);
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
  if (path_of(known) == signal.path) {
    define_validity(id);
    spread_.push_back(id);
    return spread_units();
  }
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
  define_validity(id);
  settle();
  // Before what was known when the group was not there yet.
  spread_.insert(spread_.begin(), id);
  spread_units();
}

// Its corrected signal, if it has one, is a source of its own.
void Engine::State::define_validity(SignalId id) {
  if (rules_->validity->profiles.empty()) return;
  model::Signal signal;
  signal.path = path_of(signals_[id]);
  signal.unit = units_[signals_[id].unit];
  std::string path = validity_.define(id, signal);
  if (path.empty()) return;
  const auto [repairing, is_new] = repairing_.try_emplace(id);
  if (is_new) {
    const auto node = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
    bind(path, kFirstNode + node);
    repairing->second = {std::move(path), node};
  }
  nodes_[repairing->second.node].unit = signals_[id].unit;
  spread_.push_back(kFirstNode + repairing->second.node);
}

std::vector<std::vector<Nanoseconds>> Engine::State::all_wakes() const {
  std::vector<std::vector<Nanoseconds>> out;
  for (const auto& state : states_) out.push_back(wakes_of(*state));
  return out;
}

}  // namespace weir::rules
