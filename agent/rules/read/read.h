// One rule out of a document: its keys strictly, its expressions parsed and checked, compiled.
#pragma once

#include <optional>

#include "base/diagnostic.h"
#include "base/document.h"
#include "rules/read/known_signals.h"
#include "rules/rule_set.h"

namespace weir::rules {

// Nothing if there was an error, which is in `diagnostics` then.
std::optional<Rule> read_rule(const Node& node, const Site& site, const KnownSignals& signals,
                              Diagnostics& diagnostics);

}  // namespace weir::rules
