// Drives the rule engine through a test, as an agent would: readings as they come, and a tick a second while
// something waits for time.
//
// What happens at one instant comes in the order of the file, and the tick last. Where nothing waits, ticks are left
// out, here as in the agent: they would change nothing.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rule_test/suite.h"
#include "rules/engine.h"

namespace weir::rule_test {

// After the end of a test so much more time passes, for what speaks late: a window with lateness, a group that waits.
inline constexpr Nanoseconds kSettle = kHour;

struct Ran {
  rules::Outputs outputs;          // all of it, in the order in which it came
  std::vector<std::string> notes;  // what of the input had no effect: why a test fails, perhaps
};

rules::Compiled compile(std::span<const Node> files, const rules::Site& site);

Ran run(const std::shared_ptr<const rules::RuleSet>& rules, const Test& test);

}  // namespace weir::rule_test
