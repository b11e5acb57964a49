// What a rule does and knows, as the control socket tells it to `weir explain`.
#pragma once

#include "base/document.h"
#include "rules/engine.h"

namespace weir {

Node explain(const rules::RuleReport& report);

}  // namespace weir
