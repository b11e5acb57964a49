// `valid:` of a file of rules: profiles of devices, and what their signals have to be like.
#pragma once

#include "base/document.h"
#include "rules/read/known_signals.h"
#include "rules/read/reporter.h"
#include "rules/validity.h"

namespace weir::rules {

// Adds the profiles of one file to `set`; what is wrong is said, and left out.
void read_valid(const Node& node, const KnownSignals& signals, Reporter& reporter, ValiditySet& set);

}  // namespace weir::rules
