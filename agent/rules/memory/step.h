// Functions with a memory: what was before, what changed, since when, and aggregates over a trailing window.
//
// "Before" is the last known value, of whatever type; what is unknown in between changes no memory. Of the first
// value prev, delta, rate and increase are unknown, rising, falling and changed false. What they tell has the worst
// quality of the values that it is made of. An aggregate over a trailing window leaves out what is unknown, as
// aggregates do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "rules/language/program.h"
#include "rules/memory/aggregate.h"
#include "rules/memory/sliding_window.h"

namespace weir::rules {

enum class StepKind : std::uint8_t {
  prev,      // the value before this one
  delta,     // this one minus the one before
  rate,      // delta per second
  increase,  // delta of a counter: a step down is a reset, and counts from zero
  rising,
  falling,
  changed,  // whether this one differs from the one before; of the first: false
  since,    // how long a condition has been true; 0 while it is not; unknown is no break; a duration
  trailing  // an aggregate over the last so and so long
};

// Null if there is none of that name; trailing has none.
const StepKind* find_step(std::string_view name);

// When a step takes its argument: at each instant at which one of the inputs that the argument reads has a
// reading, …
enum class Stage : std::uint8_t {
  where,    // … before `where` is asked
  reading,  // … where `where` holds, before the window takes it
  result    // … when the rule is judged: of a rule with a window at its end, else as `reading`
};

struct Step {
  StepKind kind;
  Stage stage;
  Program argument;      // may look at steps before this one
  std::string source;    // "stddev(v, 10s)"; the same text is the same step
  Aggregate aggregate;   // of a trailing window; its argument is empty, ours counts
  Nanoseconds span = 0;  // of a trailing window
};

// Whether what it says changes while time passes and nothing comes.
bool depends_on_time(const Step& step);

// What a step remembers.
struct StepState {
  Timestamp time = kLongAgo;        // of the last known value; kLongAgo: none yet
  Timestamp since = kNever;         // when the condition became true
  double value = 0, before = 0;     // the last known one, and what is told
  std::uint32_t value_quality = 0;  // of the last known one
  std::uint32_t quality = 0;        // of what is told
  bool known = false;               // whether what is told is known
  std::unique_ptr<SlidingWindow> window;
  struct Texts {
    std::string value, before;
  };
  std::unique_ptr<Texts> texts;
};

// Takes what the argument is at `time`, which is not before that of any value in it. An unknown value leaves the
// memory as it is, and makes what is told unknown until the next known one. A rate over no time, and what is too
// large for a double, is unknown, and counted in `arithmetic`.
void update(const Step& step, StepState& state, Timestamp time, const Result3& value, std::uint64_t& arithmetic);

// What the step says at `time`, which is not before its last update. A text lives until the next update. Of a
// trailing window, from `time` - span, without, to `time`, lets go of what is too old.
Result3 tell(const Step& step, StepState& state, Timestamp time, std::uint64_t& arithmetic);

std::size_t heap_bytes(const StepState& state);
void save(const Step& step, const StepState& state, std::string& out);
bool restore(const Step& step, StepState& state, ByteReader& in);  // false if it is damaged

}  // namespace weir::rules
