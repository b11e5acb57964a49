// A checked expression as a short list of instructions over a stack, and what runs it.
//
// Logic has three values, after S. C. Kleene (1938): an operand may be unknown, because it is missing,
// bad, expired, or came out of a division by zero. `false and unknown` is false. Every result carries
// the worst quality that went into it.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/quality.h"
#include "rules/language/ast.h"
#include "rules/language/event_time.h"

namespace weir::calendar {
class Calendar;
}

namespace weir::rules {

enum class Type : std::uint8_t {
  any,  // an input of which nothing says what it is
  truth,
  number,
  text,
  duration,  // in seconds while it is computed with
};

const char* to_text(Type type);

// A value while it is computed with: of a type known since the check. Numbers, durations and truth
// (0 or 1) are in `number`.
struct Result3 {
  double number;
  const std::string* text;
  std::uint32_t quality;
  bool known;
};

// The newest reading of one input of one group.
struct Slot {
  Timestamp time = kLongAgo;  // event time; kLongAgo: none yet
  double number = 0;
  Nanoseconds arrived = 0;      // when its last reading came, on the engine's own clock, and
  Timestamp newest = kLongAgo;  // the newest that came; only kept where readings wait for their order
  std::uint32_t quality = model::kBad.code;
  std::uint16_t unit = 0;        // index into the engine's units
  std::uint16_t conversion = 0;  // index into the engine's conversions; 0: the value is taken as it is
};

// clang-format off
enum class Op : std::uint8_t {
  constant, text, slot, member, aggregate, step, age,          // push
  hour, minute, weekday, time_of_day, shift,                   // push what the site's calendar says
  negate, abs, sqrt, exp, log, log10, round, floor, ceil, sign, logical_not,  // 1 → 1
  add, subtract, multiply, divide, modulo, pow, min, max,      // 2 → 1
  less, less_equal, greater, greater_equal, equal, not_equal, logical_and, logical_or,
  choice, clamp, between,                                      // 3 → 1
  good, quality, interpolate, or_else,
  same, same_text, drop_second,                                // x in (…): x, found, value → x, found; then x, found → found
  upper, lower, trim, length, number_of, text_of,              // texts
  text_equal, text_not_equal, contains, starts_with, ends_with, concat,
  // A slot against a constant, which is what most rules are: → 1. The last of all: the engine has a quick way for them.
  slot_less, slot_less_equal, slot_greater, slot_greater_equal
};
// clang-format on

struct Instruction {
  Op op;
  std::uint16_t slot = 0;   // of an input; of interpolate: how many points
  std::uint32_t index = 0;  // of a constant, a text, an aggregate, a step; of interpolate: its first x, then y, x, y
                            // …; of age: 1 if the input is of a member
};

struct Program {
  std::vector<Instruction> code;
  std::vector<double> constants;
  std::vector<std::string> texts;
  Type type = Type::any;
  std::uint32_t inputs = 0;   // bit i: reads input i, itself or through its steps and aggregates
  bool watches_time = false;  // its result changes while nothing comes: age(), since(), trailing windows, hour() …
  std::string source;         // print() of what it computes

  bool empty() const { return code.empty(); }
};

// Longer texts are not made.
inline constexpr std::size_t kLongestText = 64 * 1024;

// What a program looks at. Allocates nothing, but for the texts it makes.
struct Scene {
  const Slot* slots;
  const std::string* texts;        // as many as slots, where any input is a text; else null
  const Nanoseconds* within;       // as many as slots
  const Result3* aggregates;       // of the window that ends, or across the members; null where there is none
  Timestamp time;                  // as of when
  std::uint64_t* arithmetic;       // counts what had no result
  const Result3* steps = nullptr;  // what the functions with memory say now
  const Slot* member = nullptr;    // the inputs of one member, where a rule looks across some; as many as slots
  const std::string* member_texts = nullptr;
  const calendar::Calendar* calendar = nullptr;  // the site's, for hour() and the like
  std::deque<std::string>* made =
      nullptr;  // where texts made on the way live; its owner clears it. Null: they are unknown
};

Result3 run(const Program& program, const Scene& scene);

inline bool valid_at(const Slot& slot, Nanoseconds within, Timestamp time) {
  // A slot is never newer than the time it is looked at, so that the difference does not overflow downwards.
  return slot.quality < model::kBad.code &&
         (within == kForever || static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(slot.time) <=
                                    static_cast<std::uint64_t>(within));
}

inline bool is_true(const Result3& r) { return r.known && r.number != 0; }
inline bool is_false(const Result3& r) { return r.known && r.number == 0; }

}  // namespace weir::rules
