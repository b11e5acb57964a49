// The rules as they run: checked, compiled, immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/document.h"
#include "calendar/calendar.h"
#include "detect/detector.h"
#include "model/path.h"
#include "model/unit.h"
#include "rules/engine.h"
#include "rules/hash.h"
#include "rules/language/program.h"
#include "rules/language/template.h"
#include "rules/memory/aggregate.h"
#include "rules/memory/step.h"
#include "rules/validity.h"

namespace weir::rules {

inline constexpr std::size_t kMostInputs = 32;
inline constexpr std::size_t kMostGroups = 1'000'000;  // of one rule
inline constexpr std::size_t kMostMembers = 10'000;    // of one group
inline constexpr std::size_t kMostPending = 65'536;    // readings that one group holds back
inline constexpr Nanoseconds kForgetAfter = 30 * kDay;
inline constexpr Nanoseconds kUnusualFor = 10 * kMinute;  // what detect: raised stays until nothing came for so long

struct Input {
  std::string name;
  model::PathPattern pattern;
  Type type = Type::any;
  std::optional<model::Unit> unit;      // what its readings are converted to
  std::vector<std::uint16_t> captures;  // of its pattern, in order: which of the rule's each is
  bool whole = false;                   // has all of the rule's captures: its signals make the groups
  bool of_member = false;               // has captures that its group has not: it belongs to one member
};

struct Window {
  enum class Kind : std::uint8_t { none, tumbling, hopping, session, last, calendar, since_reset };
  Kind kind = Kind::none;
  Nanoseconds size = 0;           // tumbling, hopping; of a session the gap that ends it
  Nanoseconds every = 0;          // hopping, a divisor of size; since_reset: how often it speaks, 0: at each reading
  std::uint32_t count = 0;        // last: how many readings …
  std::uint32_t every_count = 1;  // … and at each how-manieth it speaks
  calendar::Unit unit = calendar::Unit::day;
  explicit operator bool() const { return kind != Kind::none; }
};

// What becomes of readings that come behind the watermark of a window.
enum class Late : std::uint8_t {
  drop,    // counted
  revise,  // the window is computed anew, and goes out again if it says something else
  side     // they go out as they are, under a path of their own
};

struct Alert {
  std::string severity;
  MessageTemplate message;
  bool latch = false;      // stays after the condition has gone, until it is reset
  Nanoseconds repeat = 0;  // said again this often while it is active; 0: never
};

struct Emit {
  Position position;  // of its path
  PathTemplate path;
  Program value;
  int unit_of = -1;          // the input whose unit the value has, if any
  bool has_readers = false;  // some rule may read what comes out
};

// A write to a signal, on the transition to true or back.
struct Write {
  Position position;
  PathTemplate path;
  Program value;
  Nanoseconds lease = 0;  // 0: none; else renewed while the alert is active
  Program fallback;       // what the driver writes when the lease runs out; empty: none
};

// Where a rule that detects has what the detector says: in place of aggregates.
inline constexpr std::size_t kScore = 0, kReason = 1;

struct Rule {
  std::string name;
  Position position;
  std::vector<std::string> captures;  // "" for those without a name; those of the group first
  std::vector<std::uint16_t>
      group_captures;  // which of them name the group; the others name the members (across, by)
  std::vector<Input> inputs;
  std::vector<Nanoseconds> within;  // of each input
  Program where, when, clear;       // empty: none
  Program suppress;                 // while it is true, alerts are marked and told to nobody
  Nanoseconds hold = 0;             // for:
  Nanoseconds clear_hold = 0;       // clear_for:
  Nanoseconds missing = 0;          // raised when no input has sent anything for so long; 0: not so
  std::optional<detect::Settings> detect;
  std::optional<Alert> alert;
  Window window;
  Nanoseconds lateness = 0;
  Late late = Late::drop;
  std::vector<PathTemplate> side;  // of each input, where late is side
  Nanoseconds forget = kForgetAfter;
  std::vector<Step> steps;            // in the order in which they are taken
  std::vector<Aggregate> aggregates;  // of the window, or across the members
  std::vector<Emit> emits;
  std::vector<Write> writes, clear_writes;
  Nanoseconds write_limit = 0;        // at least so long between two writes to one target
  Nanoseconds max_age = 5 * kSecond;  // older readings write nothing
  std::shared_ptr<const calendar::Calendar> calendar;

  bool members = false;     // looks across some captures
  bool expires = false;     // some input has a finite `within`
  bool holds_back = false;  // readings wait for their order: joins, members, and lateness
  bool has_texts = false;
  bool has_readers = false;     // of any of its emits
  bool watches_time = false;    // when or clear change while nothing comes: since(), age(), trailing windows
  bool watches_expiry = false;  // when or clear may come true because an input is known no more: good(), or_else() …
  Hash128 key;                  // of what computes its state
};

class RuleSet {
 public:
  std::vector<Rule> rules;  // what is read by others before those that read it
  std::shared_ptr<const calendar::Calendar> calendar;
  std::shared_ptr<const ValiditySet> validity = std::make_shared<ValiditySet>();
};

}  // namespace weir::rules
