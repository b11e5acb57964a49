// Text → tree, by precedence climbing (V. Pratt, "Top Down Operator Precedence", POPL 1973).
//
// Loosest first: if-then-else, or, and, not, comparisons with `in` and `between` (which do not chain), + -,
// * / %, unary -.
#pragma once

#include <memory>
#include <string_view>

#include "rules/language/ast.h"
#include "rules/language/lexer.h"

namespace weir::rules {

// Null and a fault if it is no expression. Bounded in length and depth.
std::unique_ptr<Expr> parse_expression(std::string_view text, Fault& fault);

}  // namespace weir::rules
