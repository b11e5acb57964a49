// Everything that follows from the log: rules and their state, signals, cursors, driver states.
//
// The same functions apply an input when it comes and when the log is replayed, so that a replay cannot
// differ from what happened. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/signal_table.h"
#include "rules/engine.h"
#include "weir/v1/log.pb.h"

namespace weir::line {

// Compiles rule files as they stand in the log. Parsing YAML is config's business.
using CompileRules = std::function<rules::Compiled(const v1::RulesChanged&)>;

class State {
 public:
  explicit State(CompileRules compile) : compile_(std::move(compile)), engine_(std::make_unique<rules::Engine>()) {}

  // The inputs, one each. They change the state and add to `outputs`.
  void apply(const v1::SignalDefined& defined);
  // Marks readings that cannot be true, so that the log holds them as the rules saw them.
  void apply(Timestamp arrival, std::vector<model::Series>& batch, rules::Outputs& outputs);
  // Of how many alerts it changed something.
  std::size_t apply(Timestamp arrival, const v1::Command& command, rules::Outputs& outputs);
  void apply(const v1::DriverStateInput& driver_state);
  void apply(const v1::Cursor& cursor);
  // Alerts of which nothing is left are told as forgotten.
  Result<void> apply(Timestamp arrival, const v1::RulesChanged& rules, rules::Outputs& outputs);
  void tick(Timestamp now, rules::Outputs& outputs) { engine_->tick(now, outputs); }

  // One row of the log, whole, or what of it is `wanted`. Rules of the log that this build cannot compile are left
  // out, and that is in notes(); an error is damage.
  using Wanted = std::function<bool(const v1::Entry&)>;
  Result<void> replay(const v1::Commit& commit, const v1::RawRecord& raw, rules::Outputs& outputs,
                      const Wanted& wanted = {});

  std::string save() const;                      // weir.v1.Snapshot
  Result<void> restore(std::string_view saved);  // on a new State

  const model::SignalTable& signals() const { return signals_; }
  Result<model::SignalId> define(model::Signal signal, std::string_view driver, bool take_over);
  const std::map<std::string, v1::Cursor>& cursors() const { return cursors_; }
  const std::map<std::string, v1::DriverState>& driver_states() const { return driver_states_; }
  const rules::Engine& engine() const { return *engine_; }
  const v1::RulesChanged& installed() const { return installed_; }
  // The rules that run whose state would be lost by these; an error if they do not compile.
  Result<std::vector<std::string>> would_lose(const v1::RulesChanged& rules) const;
  std::uint64_t last_epoch() const { return last_epoch_; }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  void apply(Timestamp arrival, model::Series& series, rules::Outputs& outputs);

  CompileRules compile_;
  std::unique_ptr<rules::Engine> engine_;
  model::SignalTable signals_;
  std::map<std::string, v1::Cursor> cursors_;
  std::map<std::string, v1::DriverState> driver_states_;
  v1::RulesChanged installed_;
  std::uint64_t last_epoch_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace weir::line
