// What rules make, and which of them read it.
#pragma once

#include <vector>

#include "base/diagnostic.h"
#include "rules/rule_set.h"

namespace weir::rules {

// Puts each rule behind those whose output it reads, else in the order given, and marks outputs that have readers.
// Complains about paths that two rules make or write to, about writes to what a rule makes, and about cycles, by
// name. What is put aside because it came late (`late: side`) is for people, and feeds no rule.
void order(std::vector<Rule>& rules, const ValiditySet& validity, Diagnostics& diagnostics);

}  // namespace weir::rules
