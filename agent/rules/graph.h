// Rules that read what other rules emit.
#pragma once

#include <vector>

#include "base/diagnostic.h"
#include "rules/rule_set.h"

namespace weir::rules {

// Puts each rule behind those whose output it reads, else in the order given, and marks outputs that
// have readers. Complains about paths that two rules emit, and about cycles, by name.
void order(std::vector<Rule>& rules, Diagnostics& diagnostics);

}  // namespace weir::rules
