// Types of expressions, and the instructions that compute them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "rules/aggregate.h"
#include "rules/ast.h"
#include "rules/lexer.h"
#include "rules/program.h"

namespace weir::rules {

// An input as expressions see it. Its type is found out from how it is used.
struct InputName {
  std::string name;
  Type type = Type::any;
};

// Where an expression stands, and what it may speak of.
struct Scope {
  std::vector<InputName>& inputs;
  std::span<const std::string> captures;  // for what to say when one is mistaken for an input
  std::vector<Aggregate>* aggregates;     // where the window's are collected; null: there is no window
};

// Learns what it can about the types of the inputs; says nothing. True if it learned something.
bool infer(const Expr& expr, Type expected, Scope& scope);

// Checks, and compiles if there was no fault. Type::any as `expected` takes whatever it is.
Program compile_expression(const Expr& expr, Type expected, Scope& scope,
                           const std::function<void(Fault)>& complain);

}  // namespace weir::rules
