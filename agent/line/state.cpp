#include "line/state.h"

#include <algorithm>
#include <set>

#include "codec/codec.h"
#include "wire/wire.h"

namespace weir::line {

Result<model::SignalId> State::define(model::Signal signal, std::string_view driver, bool take_over) {
  auto id = signals_.define(std::move(signal), driver, take_over);
  if (id) engine_->define(*id, signals_.at(*id).signal);
  return id;
}

void State::apply(const v1::SignalDefined& defined) {
  auto signal = wire::decode(defined.signal());
  // What stands in the log was checked when it came; an id far beyond the others is damage, not a signal.
  if (!signal || defined.id() == 0 || defined.id() > model::SignalTable::kMost) return;
  signals_.restore(defined.id(), *signal, defined.driver());
  engine_->define(defined.id(), *signal);
}

void State::apply(Timestamp arrival, std::vector<model::Series>& batch, rules::Outputs& outputs) {
  for (model::Series& series : batch) apply(arrival, series, outputs);
}

void State::apply(Timestamp arrival, model::Series& series, rules::Outputs& outputs) {
  engine_->validate(series);
  engine_->readings(arrival, series, outputs);
}

std::size_t State::apply(Timestamp arrival, const v1::Command& command, rules::Outputs& outputs) {
  using Verb = rules::AlertCommand::Verb;
  constexpr std::pair<std::string_view, Verb> kVerbs[] = {{"acknowledge", Verb::acknowledge},
                                                          {"shelve", Verb::shelve},
                                                          {"unshelve", Verb::unshelve},
                                                          {"reset", Verb::reset}};
  for (const auto& [name, verb] : kVerbs)
    if (command.verb() == name)
      return engine_->command(arrival, {verb, command.target(), command.who(), command.why(), command.until()},
                              outputs);
  return 0;
}

void State::apply(const v1::DriverStateInput& driver_state) {
  driver_states_[driver_state.driver()] = driver_state.state();
}

void State::apply(const v1::Cursor& cursor) {
  cursors_[cursor.driver()] = cursor;
  last_epoch_ = std::max(last_epoch_, cursor.epoch());
}

Result<void> State::apply(Timestamp arrival, const v1::RulesChanged& rules, rules::Outputs& outputs) {
  rules::Compiled compiled = compile_(rules);
  if (!compiled.rules) {
    const std::string why =
        compiled.diagnostics.empty() ? "they do not compile" : render(compiled.diagnostics.front());
    return fail("rules of the log: " + why);
  }
  std::vector<rules::AlertEvent> before = engine_->active_alerts();
  engine_->install(std::move(compiled.rules));
  installed_ = rules;
  std::set<std::string> left;
  for (rules::AlertEvent& alert : engine_->active_alerts()) left.insert(std::move(alert.id));
  for (rules::AlertEvent& alert : before) {
    if (left.contains(alert.id)) continue;
    alert.active = alert.latched = alert.shelved = alert.suppressed = alert.uncertain = false;
    alert.shelved_until = 0;
    alert.time = arrival;
    alert.change = "forgotten";
    alert.who.clear();
    alert.why.clear();
    outputs.alerts.push_back(std::move(alert));
  }
  return {};
}

Result<std::vector<std::string>> State::would_lose(const v1::RulesChanged& rules) const {
  const rules::Compiled compiled = compile_(rules);
  if (!compiled.rules) return fail("the rules do not compile", "weir check shows why");
  return engine_->would_lose(*compiled.rules);
}

Result<void> State::replay(const v1::Commit& commit, const v1::RawRecord& raw, rules::Outputs& outputs,
                           const Wanted& wanted) {
  std::vector<model::Series> readings;
  if (!raw.readings().empty()) {
    auto decoded = codec::decode(raw.readings());
    if (!decoded) return std::unexpected(decoded.error());
    readings = std::move(*decoded);
  }
  // Where in the block each batch begins.
  std::vector<std::size_t> begins{0};
  for (const v1::BatchTaken& batch : raw.batches()) begins.push_back(begins.back() + batch.series());
  if (begins.back() != readings.size())
    return fail("a commit speaks of " + std::to_string(begins.back()) + " series and holds " +
                std::to_string(readings.size()));

  for (const v1::Entry& entry : commit.entries()) {
    if (wanted && !wanted(entry)) continue;
    switch (entry.input_case()) {
      case v1::Entry::kBatch: {
        const std::size_t batch = entry.batch();
        if (batch >= static_cast<std::size_t>(raw.batches().size()))
          return fail("a commit names batch " + std::to_string(batch) + " of " +
                      std::to_string(raw.batches().size()));
        for (std::size_t i = begins[batch]; i < begins[batch + 1]; ++i) apply(entry.time(), readings[i], outputs);
        break;
      }
      case v1::Entry::kTick: tick(entry.time(), outputs); break;
      case v1::Entry::kDriverState: apply(entry.driver_state()); break;
      case v1::Entry::kRules:
        if (auto ok = apply(entry.time(), entry.rules(), outputs); !ok) notes_.push_back(ok.error().text());
        break;
      case v1::Entry::kSignal: apply(entry.signal()); break;
      case v1::Entry::kCommand: apply(entry.time(), entry.command(), outputs); break;
      case v1::Entry::kClockStep:
      case v1::Entry::kStarted:
      case v1::Entry::INPUT_NOT_SET: break;
    }
  }
  for (const v1::Cursor& cursor : commit.cursors()) apply(cursor);
  return {};
}

std::string State::save() const {
  v1::Snapshot snapshot;
  snapshot.set_rules(engine_->save());
  for (const auto& [driver, cursor] : cursors_) *snapshot.add_cursors() = cursor;
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    const auto id = static_cast<model::SignalId>(i + 1);
    v1::SignalDefined& defined = *snapshot.add_signals();
    defined.set_id(id);
    const model::SignalTable::Entry entry = signals_.at(id);
    wire::encode(entry.signal, *defined.mutable_signal());
    defined.set_driver(entry.driver);
  }
  *snapshot.mutable_installed() = installed_;
  snapshot.set_last_epoch(last_epoch_);
  for (const auto& [driver, state] : driver_states_) {
    v1::DriverStateInput& input = *snapshot.add_driver_states();
    input.set_driver(driver);
    *input.mutable_state() = state;
  }
  return snapshot.SerializeAsString();
}

Result<void> State::restore(std::string_view saved) {
  v1::Snapshot snapshot;
  if (!snapshot.ParseFromArray(saved.data(), static_cast<int>(saved.size()))) return fail("the snapshot is damaged");
  bool compiled = true;
  rules::Outputs none;  // a new engine has nothing to forget
  if (snapshot.has_installed())
    if (auto ok = apply(0, snapshot.installed(), none); !ok) {
      notes_.push_back(ok.error().text());
      compiled = false;
    }
  for (const v1::SignalDefined& defined : snapshot.signals()) apply(defined);
  if (compiled)
    if (auto ok = engine_->restore(snapshot.rules()); !ok)
      notes_.push_back("the rules begin anew: their state cannot be read: " + ok.error().text());
  for (const v1::Cursor& cursor : snapshot.cursors()) apply(cursor);
  for (const v1::DriverStateInput& state : snapshot.driver_states()) apply(state);
  last_epoch_ = std::max(last_epoch_, snapshot.last_epoch());
  return {};
}

}  // namespace weir::line
