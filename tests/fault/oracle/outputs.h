// What rules put out, as texts that are equal when the outputs are: from a replay, and as they arrived.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/signal_table.h"
#include "rules/engine.h"

namespace weir::oracle {

using Outputs = std::multiset<std::string>;

void add(const rules::Outputs& replayed, Outputs& alerts, Outputs& derived);

// Bodies of a weir.v1.AlertRecord, and of a weir.v1.DerivedRecord whose signals are in `signals`.
Result<void> add_alerts(std::string_view body, Outputs& alerts);
Result<void> add_derived(std::string_view body, const model::SignalTable& signals, Outputs& derived);

}  // namespace weir::oracle
