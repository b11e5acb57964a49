// The rules as they run: checked, compiled, immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/document.h"
#include "model/path.h"
#include "rules/aggregate.h"
#include "rules/engine.h"
#include "rules/hash.h"
#include "rules/program.h"
#include "rules/template.h"

namespace weir::rules {

inline constexpr std::size_t kMostInputs = 32;
inline constexpr std::size_t kMostGroups = 1'000'000;   // of one rule
inline constexpr std::size_t kMostPending = 65'536;     // readings that one group holds back

struct Input {
  std::string name;
  model::PathPattern pattern;
  Type type = Type::any;
  std::vector<std::uint16_t> captures;  // of its pattern, in order: which of the rule's each is
  bool whole = false;                   // has all of the rule's captures: its signals make the groups
};

struct Alert {
  std::string severity;
  MessageTemplate message;
};

struct Emit {
  Position position;                    // of its path
  PathTemplate path;
  Program value;
  int unit_of = -1;                     // the input whose unit the value has, if any
  bool has_readers = false;             // some rule may read what comes out
};

struct Rule {
  std::string name;
  Position position;
  std::vector<std::string> captures;    // "" for those without a name
  std::vector<Input> inputs;
  std::vector<Nanoseconds> within;      // of each input
  Program where, when, clear;           // empty: none
  Nanoseconds hold = 0;                 // for:
  Nanoseconds clear_hold = 0;           // clear_for:
  std::optional<Alert> alert;
  Nanoseconds window = 0;               // tumbling; 0: none
  Nanoseconds lateness = 0;
  std::vector<Aggregate> aggregates;
  std::vector<Emit> emits;
  bool expires = false;                 // some input has a finite `within`
  bool holds_back = false;              // readings wait for their order: joins, and lateness
  bool has_texts = false;
  bool has_readers = false;             // of any of its emits
  Hash128 key;                          // of what computes its state
};

class RuleSet {
 public:
  std::vector<Rule> rules;              // what is read by others before those that read it
};

}  // namespace weir::rules
