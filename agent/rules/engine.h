// The rule engine: a pure function of (state, inputs) → (state', outputs).
//
// No I/O, no clock, no threads, no randomness: what it knows of time comes in as the arrival time of
// an input or as a tick, so that a replay of the log gives the same outputs, byte for byte. Not
// thread-safe; lives on the line's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "base/document.h"
#include "base/error.h"
#include "model/series.h"
#include "model/signal.h"

namespace weir::rules {

// Rules that were parsed, checked and compiled; immutable, cheap to share. From compile().
class RuleSet;

struct Compiled {
  std::shared_ptr<const RuleSet> rules;  // null if there are errors
  Diagnostics diagnostics;               // errors and warnings, of all files, in their order
};

// Compiles all files of rules.d at once, each a map with `rules:`. `announced`: the signals known so
// far, for warnings about patterns that match none of them and for type checks; may be empty.
Compiled compile(std::span<const Node> files, std::span<const model::Signal> announced = {});

struct Emitted {
  std::string path;       // of the derived signal
  std::string unit;
  model::Reading reading;
};

// One change of one alert, as ISA-18.2 has them: orthogonal bits.
struct AlertEvent {
  std::string id;         // 32 hexadecimal digits: hash of rule, group and first event time
  std::string rule;
  std::map<std::string, std::string> group;
  std::string severity;   // info, warning, critical
  bool active = false, acknowledged = false, latched = false, shelved = false, suppressed = false;
  bool uncertain = false; // inputs went bad while it was active
  Timestamp since = 0;    // event time at which the condition began
  Timestamp time = 0;     // event time of this change
  std::string message;
  std::string change;     // raised, cleared, uncertain, certain
};

struct Outputs {
  std::vector<Emitted> emitted;
  std::vector<AlertEvent> alerts;
  void clear() { emitted.clear(); alerts.clear(); }
  bool empty() const { return emitted.empty() && alerts.empty(); }
};

struct Counters {
  std::uint64_t readings = 0;      // that some rule looked at
  std::uint64_t late = 0;          // dropped: behind a window's watermark, or older than the last judged
  std::uint64_t duplicate = 0;     // dropped: the same input had a reading at that instant already
  std::uint64_t bad = 0;           // came with bad quality
  std::uint64_t arithmetic = 0;    // division by zero, NaN, overflow: the result was unknown
  std::uint64_t refused_groups = 0;  // more groups than a rule may have
};

class Engine {
 public:
  Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  // Puts other rules in place. The state of a rule whose computation is the same (its key: a hash of
  // what computes it, not of its message or severity) stays; the rest begins anew, or is dropped.
  void install(std::shared_ptr<const RuleSet> rules);

  // From here on `id` stands for this signal. Before its first reading; again if it changed.
  void define(model::SignalId id, const model::Signal& signal);

  // One series of a batch, in the order of the log. `arrival`: the agent's wall clock in the log.
  void readings(Timestamp arrival, const model::Series& series, Outputs& outputs);

  // Time has come to `now` (arrival clock). Moves idle inputs on, ends windows, lets `for` run out.
  // Made once a second: a step of more than ten seconds counts as ten, as the agent was not running then.
  void tick(Timestamp now, Outputs& outputs);

  // Whether anything waits for time: then the line makes ticks, one a second.
  bool waits_for_time() const;

  // The state, and back; bytes that stand for the same state are the same. restore() goes on an
  // engine on which the same rules are installed; state of rules that are not there is skipped.
  std::string save() const;
  Result<void> restore(std::string_view state);

  const Counters& counters() const;
  std::size_t groups() const;
  std::vector<AlertEvent> active_alerts() const;  // as they stand now, for status and for the bus

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::rules
