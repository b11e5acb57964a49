// An expression as a tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"

namespace weir::rules {

// clang-format off
enum class ExprKind : std::uint8_t {
  number, duration, text, truth, name, constant,  // leaves; a constant is site.NAME
  negate, logical_not,                  // one child
  add, subtract, multiply, divide, modulo,
  less, less_equal, greater, greater_equal, equal, not_equal,
  logical_and, logical_or,              // two children
  choice, between,                      // if, then, else; what, least, most
  one_of,                               // x in (a, b, c): x first
  call                                  // function `text` of its children
};
// clang-format on

struct Expr {
  ExprKind kind = ExprKind::number;
  std::size_t offset = 0;  // in the text of the expression, bytes
  std::size_t length = 0;
  unsigned depth = 1;  // of the tree from here on down
  double number = 0;
  Nanoseconds duration = 0;
  bool truth = false;
  std::string text;  // of a text, a name, a constant, a function
  std::vector<std::unique_ptr<Expr>> children;
};

// Deeper trees are refused, so that whatever walks a tree may recurse.
inline constexpr unsigned kDeepestExpression = 100;

// In one spelling: what means the same tree reads the same, and parses to the same tree again.
std::string print(const Expr& expr);

}  // namespace weir::rules
