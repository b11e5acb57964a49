#include "rules/engine.h"

#include <algorithm>
#include <set>
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
  validity_.install(rules_->validity);
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
      if (g < wakes[r].size()) {
        if (wakes[r][g] != kNever) timers_.set(r, g, wakes[r][g]);
      } else {
        set_timer(r, g);
      }
    }
}

// --- what happens ----------------------------------------------------------------------------------

// The engine's own clock is the sum of the steps of the arrival clock, none of them negative or longer
// than a few ticks: while the agent was not running nothing came, and that says nothing of the plant.
void Engine::State::advance_clock(Timestamp arrival, Outputs& outputs) {
  const Nanoseconds before = now_;
  if (last_arrival_ != kLongAgo && arrival > last_arrival_) {
    const auto step = static_cast<std::uint64_t>(arrival) - static_cast<std::uint64_t>(last_arrival_);
    now_ += static_cast<Nanoseconds>(std::min<std::uint64_t>(step, kLongestStep));
  }
  last_arrival_ = arrival;
  if (now_ / kHour != before / kHour) forget_outlived(outputs);
}

// Once an hour is often enough for what takes weeks, and needs no ticks.
void Engine::State::forget_outlived(Outputs& outputs) {
  Sink to = sink(outputs);
  std::vector<GroupName> outlived;
  for (std::uint32_t r = 0; r < states_.size(); ++r)
    for (std::uint32_t g = 0; g < states_[r]->size(); ++g)
      if (states_[r]->outlived(g, now_)) outlived.push_back({r, g});
  sort_by_name(outlived);
  for (const GroupName& name : outlived) {
    states_[name.rule]->forget(name.group, to);
    set_timer(name.rule, name.group);
  }
}

// Not by number: after a restart groups may have others.
void Engine::State::sort_by_name(std::vector<GroupName>& groups) const {
  std::ranges::sort(groups, [this](const GroupName& a, const GroupName& b) {
    if (a.rule != b.rule) return a.rule < b.rule;
    return *states_[a.rule]->group(a.group).captures < *states_[b.rule]->group(b.group).captures;
  });
}

const std::vector<Engine::State::Binding>& Engine::State::bindings(Source& source) {
  if (!source.sorted) {
    // By name, not by number: after a restart groups may have other numbers.
    std::ranges::sort(source.bindings, [this](const Binding& a, const Binding& b) {
      if (a.rule != b.rule) return a.rule < b.rule;
      if (a.group != b.group)
        return *states_[a.rule]->group(a.group).captures < *states_[b.rule]->group(b.group).captures;
      if (a.slot != b.slot || a.member == b.member) return a.slot < b.slot;
      return states_[a.rule]->member_name(a.group, a.member) < states_[b.rule]->member_name(b.group, b.member);
    });
    source.sorted = true;
  }
  return source.bindings;
}

void Engine::State::readings(Timestamp arrival, const model::Series& series, Outputs& outputs) {
  advance_clock(arrival, outputs);
  Sink to = sink(outputs);
  if (!repairing_.empty() && repairing_.contains(series.signal)) repair(series, to);
  if (series.signal >= signals_.size() || signals_[series.signal].bindings.empty()) return feed_derived(to);
  counters_.readings += series.size();
  if (!series.qualities.empty())
    for (std::size_t i = 0; i < series.size(); ++i) counters_.bad += series.quality(i).bad() ? 1 : 0;
  for (const Binding& binding : bindings(signals_[series.signal])) {
    states_[binding.rule]->feed(binding.group, binding.member, binding.slot, series, now_, to);
    set_timer(binding.rule, binding.group);
  }
  feed_derived(to);
}

void Engine::State::repair(const model::Series& series, Sink& sink) {
  repaired_.clear();
  validity_.repair(series, repaired_);
  const Repairing& to = repairing_.at(series.signal);
  const std::string& unit = units_[signals_[series.signal].unit];
  for (Repaired& one : repaired_) {
    derived_.push_back({to.node, one.reading});
    sink.outputs.emitted.push_back({to.path, unit, std::move(one.reading)});
  }
}

void Engine::State::feed_derived(Sink& sink) {
  for (std::size_t i = 0; i < derived_.size(); ++i) {
    const Derived next = std::move(derived_[i]);
    for (const Binding& binding : bindings(nodes_[next.node])) {
      states_[binding.rule]->feed(binding.group, binding.member, binding.slot, next.reading, now_, sink);
      set_timer(binding.rule, binding.group);
    }
  }
  derived_.clear();
}

void Engine::State::set_timer(std::uint32_t r, std::uint32_t g) {
  const std::uint32_t place = states_[r]->group(g).timer;
  const Nanoseconds wake = states_[r]->wake_time(g, place == Timers::kNowhere ? kNever : timers_.wake(place));
  if (wake == kNever) {
    if (place != Timers::kNowhere) timers_.remove(r, g);
    return;
  }
  // One that comes too early costs a look; moving it with each reading would cost more.
  if (place == Timers::kNowhere || wake + kIdleAfter < timers_.wake(place))
    timers_.set(r, g, std::max(wake, now_ + 1));
}

void Engine::State::tick(Timestamp now, Outputs& outputs) {
  advance_clock(now, outputs);
  Sink to = sink(outputs);
  for (const auto& state : states_)
    if (state->any_shelved()) state->unshelve_expired(to);
  std::vector<GroupName> due;
  while (!timers_.empty() && timers_.first().wake <= now_) {
    const Timers::Entry first = timers_.first();
    timers_.remove(first.rule, first.group);
    due.push_back({first.rule, first.group});
  }
  sort_by_name(due);
  for (const GroupName& name : due) {
    states_[name.rule]->pass_time(name.group, now_, to);
    set_timer(name.rule, name.group);
    feed_derived(to);
  }
}

std::size_t Engine::State::groups() const {
  std::size_t out = 0;
  for (const auto& state : states_) out += state->size();
  return out;
}

std::vector<AlertEvent> Engine::State::active_alerts() const {
  std::vector<AlertEvent> out;
  for (const auto& state : states_) state->alerts(out);
  return out;
}

std::size_t Engine::State::command(Timestamp arrival, const AlertCommand& command, Outputs& outputs) {
  Sink to = sink(outputs);
  to.arrival = arrival;
  std::vector<std::uint32_t> touched;
  std::size_t count = 0;
  for (std::uint32_t r = 0; r < states_.size(); ++r) {
    const std::size_t alerts = states_[r]->command(command, to);
    if (alerts > 0) touched.push_back(r);
    count += alerts;
  }
  // One that changes nothing is not logged, so it may not even let time pass.
  if (count > 0) advance_clock(arrival, outputs);
  feed_derived(to);
  for (const std::uint32_t r : touched)
    for (std::uint32_t g = 0; g < states_[r]->size(); ++g) set_timer(r, g);
  return count;
}

bool Engine::State::waits_for_time() const {
  return !timers_.empty() || std::ranges::any_of(states_, [](const auto& state) { return state->any_shelved(); });
}

std::vector<std::string> Engine::State::would_lose(const RuleSet& next) const {
  std::set<Hash128> keys;
  for (const Rule& rule : next.rules) keys.insert(rule.key);
  std::vector<std::string> out;
  for (const auto& state : states_)
    if (state->size() > 0 && !keys.contains(state->rule().key)) out.push_back(state->rule().name);
  return out;
}

std::vector<std::string> Engine::State::rules() const {
  std::vector<std::string> out;
  for (const auto& state : states_) out.push_back(state->rule().name);
  return out;
}

// --- the seam --------------------------------------------------------------------------------------

Engine::Engine() : state_(std::make_unique<State>()) {}
Engine::~Engine() = default;
void Engine::install(std::shared_ptr<const RuleSet> rules) { state_->install(std::move(rules)); }
void Engine::define(model::SignalId id, const model::Signal& signal) { state_->define(id, signal); }
void Engine::validate(model::Series& series) { state_->validate(series); }
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
std::size_t Engine::command(Timestamp arrival, const AlertCommand& command, Outputs& outputs) {
  return state_->command(arrival, command, outputs);
}
std::optional<RuleReport> Engine::report(std::string_view rule, std::size_t groups) const {
  return state_->report(rule, groups);
}
std::vector<std::string> Engine::rules() const { return state_->rules(); }
std::vector<std::string> Engine::would_lose(const RuleSet& next) const { return state_->would_lose(next); }

}  // namespace weir::rules
