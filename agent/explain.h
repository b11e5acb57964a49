// What a rule does and knows, as the control socket tells it to `weir explain`.
#pragma once

#include "base/document.h"
#include "base/error.h"
#include "rules/engine.h"

namespace weir {

// {"rule": NAME, "groups": how many of them to tell of}. An error: no such rule.
Result<Node> explain(const rules::Engine& engine, const Node& request);

}  // namespace weir
