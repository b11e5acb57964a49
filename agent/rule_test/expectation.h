// What is to come of a test: `expect:`, a list.
#pragma once

#include "rule_test/map_reader.h"
#include "rule_test/suite.h"

namespace weir::rule_test {

// Adds what `node` says to the test's expectations.
void read_expectation(const Node& node, Test& test, Diagnostics& diagnostics);

// In a line, for people, without message and unit: "overheat {n=1} raised critical", "boiler-1/temperature_1m = 90.5
// ±0.1".
std::string to_text(const Expectation& expectation);

// Texts in quotes, numbers in at most 9 digits; NaN is "unknown".
std::string shown(const model::Value& value);

}  // namespace weir::rule_test
