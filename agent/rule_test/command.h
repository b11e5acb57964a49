// What a person does during a test: `commands:`, a list.
#pragma once

#include "rule_test/map_reader.h"
#include "rule_test/suite.h"

namespace weir::rule_test {

// Adds what `node` says to the test's commands.
void read_command(const Node& node, Test& test, Diagnostics& diagnostics);

}  // namespace weir::rule_test
