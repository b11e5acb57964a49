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
#include "model/value.h"
#include "rules/site.h"

namespace weir::rules {

// Rules that were parsed, checked and compiled; immutable, cheap to share. From compile().
class RuleSet;

struct Compiled {
  std::shared_ptr<const RuleSet> rules;  // null if there are errors
  Diagnostics diagnostics;               // errors and warnings, of all files, in their order
};

// Compiles all files of rules.d at once, each a map with `rules:` and `valid:`. `announced`: the signals known so
// far, for warnings about patterns that match none of them and for checks of types and units; may be empty.
Compiled compile(std::span<const Node> files, const Site& site, std::span<const model::Signal> announced = {});

struct Emitted {
  std::string path;  // of the derived signal
  std::string unit;
  model::Reading reading;
  bool revision = false;  // instead of what went out for the same path and time before
};

// One change of one alert, as ISA-18.2 has them: orthogonal bits.
struct AlertEvent {
  std::string id;  // 32 hexadecimal digits: hash of rule, group and first event time
  std::string rule;
  std::map<std::string, std::string> group;
  std::string target;    // RULE, or RULE/CAPTURES: as an AlertCommand names it
  std::string severity;  // info, warning, critical
  bool active = false, acknowledged = false, latched = false, shelved = false, suppressed = false;
  bool uncertain = false;  // inputs went bad while it was active
  Timestamp since = 0;     // event time at which the condition began
  Timestamp time = 0;      // event time of this change
  std::string message;
  std::string change;    // raised, cleared, uncertain, certain, acknowledged, shelved, unshelved, suppressed,
                         // unsuppressed, repeated, reset, forgotten
  std::string who, why;  // of a change that a person made; of an alert as it stands: of the last one
  Timestamp shelved_until = 0;
};

// A value that a rule wants written, once what caused it is durable.
struct WriteRequest {
  std::string id;  // 32 hexadecimal digits: hash of the alert's id, the target and how often it was renewed
  std::string rule;
  std::string path;
  model::Value value;
  std::optional<model::Value> fallback;
  Nanoseconds lease = 0;    // 0: none
  Timestamp time = 0;       // event time of what caused it
  Nanoseconds max_age = 0;  // not to be written when it is older than that
};

// What a person asks of the alerts. By hand, so that it comes through the log like any input.
struct AlertCommand {
  enum class Verb : std::uint8_t { acknowledge, shelve, unshelve, reset };
  Verb verb = Verb::acknowledge;
  std::string target;  // an alert's id, or RULE, or RULE/CAPTURES ("overheat/1"): of all groups, or of one
  std::string who, why;
  Timestamp until = 0;  // shelve: wall clock
};

struct Outputs {
  std::vector<Emitted> emitted;
  std::vector<AlertEvent> alerts;
  std::vector<WriteRequest> writes;
  void clear() {
    emitted.clear();
    alerts.clear();
    writes.clear();
  }
  bool empty() const { return emitted.empty() && alerts.empty() && writes.empty(); }
};

struct Counters {
  std::uint64_t readings = 0;        // that some rule looked at
  std::uint64_t late = 0;            // dropped: behind a window's watermark, or older than the last judged
  std::uint64_t duplicate = 0;       // dropped: the same input had a reading at that instant already
  std::uint64_t bad = 0;             // came with bad quality
  std::uint64_t arithmetic = 0;      // division by zero, NaN, overflow: the result was unknown
  std::uint64_t refused_groups = 0;  // more groups or members than a rule may have
  std::uint64_t late_side = 0;       // came late and went out by themselves
  std::uint64_t revised = 0;         // windows that were computed anew
  std::uint64_t stale_writes = 0;    // not asked for: what caused them was older than max_age
  std::uint64_t units = 0;           // readings in a unit that cannot be converted
};

// What a rule knows of one group, for people.
struct GroupReport {
  std::map<std::string, std::string> group;
  std::string state;  // idle, pending or active; and what stands of its alert: "active, acknowledged"
  Timestamp newest = 0, watermark = 0, since = 0;  // event times; 0: none
  std::size_t bytes = 0, held_back = 0, members = 0;
  std::vector<std::pair<std::string, std::string>> values;  // "t" → "93.2, good, at …"; "mean(t)" → …
};

struct RuleReport {
  std::string name;
  std::vector<std::string> reads;  // "t: boiler-{n}/temperature"
  std::vector<std::string> asks;   // "when t > 90 for 30s", "clear t < 85", "missing 5m"
  std::vector<std::string> emits, writes;
  std::string judged;  // when it speaks: "at each reading", "at the end of each window of 1m"
  std::size_t groups = 0, bytes = 0;
  std::size_t operations = 0;  // that one reading takes, about: instructions, and what steps and windows remember
  std::uint64_t readings = 0, late = 0;
  std::vector<GroupReport> some;  // at most so many as were asked for
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

  // Marks readings of one series as `valid:` has it: qualities become worse, never better, and nothing else changes.
  // Before readings(), of what comes and of what is replayed alike; what was marked once is marked the same again.
  void validate(model::Series& series);

  // From here on `id` stands for this signal. Before its first reading; again if it changed.
  void define(model::SignalId id, const model::Signal& signal);

  // One series of a batch, in the order of the log. `arrival`: the agent's wall clock in the log.
  void readings(Timestamp arrival, const model::Series& series, Outputs& outputs);

  // Time has come to `now` (arrival clock). Moves idle inputs on, ends windows, lets `for` run out.
  // Made once a second: a step of more than ten seconds counts as ten, as the agent was not running then.
  void tick(Timestamp now, Outputs& outputs);

  // How many alerts it was for; 0: there was nothing to change, and nothing did: it need not be logged.
  std::size_t command(Timestamp arrival, const AlertCommand& command, Outputs& outputs);

  // Whether anything waits for time: then the line makes ticks, one a second.
  bool waits_for_time() const;

  // The state, and back; bytes that stand for the same state are the same. restore() goes on an
  // engine on which the same rules are installed; state of rules that are not there is skipped.
  std::string save() const;
  Result<void> restore(std::string_view state);

  const Counters& counters() const;
  std::size_t groups() const;
  std::vector<AlertEvent> active_alerts()
      const;  // and latched and shelved ones: as they stand now, for status and for the bus

  std::vector<std::string> rules() const;  // their names, in the order in which they run

  // For `weir explain`: the rule of that name, with the first so many groups; nothing if there is none.
  std::optional<RuleReport> report(std::string_view rule, std::size_t groups) const;
  // The rules of this engine whose state would be lost if `next` were installed.
  std::vector<std::string> would_lose(const RuleSet& next) const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::rules
