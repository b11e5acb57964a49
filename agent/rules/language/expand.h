// An expression with what its names under `let:` and its constants of the site stand for.
#pragma once

#include <functional>
#include <memory>

#include "rules/language/ast.h"
#include "rules/language/check.h"
#include "rules/language/lexer.h"

namespace weir::rules {

// What becomes of names for long expressions that are used again and again is bounded, too.
inline constexpr std::size_t kMostParts = 10'000;

// Complains of constants that there are not, and of what becomes too large; then it gives null. The places of what
// stood under `let:` are as they were there.
std::unique_ptr<Expr> expand(const Expr& expr, const Scope& scope, const std::function<void(Fault)>& complain);

}  // namespace weir::rules
