// The signals that drivers have announced, found by pattern: 10,000 rules over 10,000 signals are not compared
// pairwise.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/path.h"
#include "model/signal.h"
#include "rules/language/program.h"

namespace weir::rules {

// What expressions see of it; bytes are nothing to them.
Type type_of(model::ValueType type);

class KnownSignals {
 public:
  // They outlive it.
  explicit KnownSignals(std::span<const model::Signal> signals);

  bool empty() const { return by_level_.empty(); }

  // Of those that match, one for each type, unit, interval and permission to write that there is among them; the
  // first in the order given. Patterns that differ in the names of their captures only are looked up once.
  const std::vector<const model::Signal*>& examples(const model::PathPattern& pattern) const;

 private:
  std::unordered_map<std::string, std::vector<const model::Signal*>> by_level_;
  mutable std::unordered_map<std::string, std::vector<const model::Signal*>> found_;
};

}  // namespace weir::rules
