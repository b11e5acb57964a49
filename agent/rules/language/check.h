// Types of expressions, and the instructions that compute them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rules/language/ast.h"
#include "rules/language/lexer.h"
#include "rules/language/program.h"
#include "rules/memory/aggregate.h"
#include "rules/memory/step.h"
#include "rules/site.h"

namespace weir::rules {

// An input as expressions see it. Its type is found out from how it is used.
struct InputName {
  std::string name;
  Type type = Type::any;
  bool of_member = false;  // of one of several members: only inside an aggregate
  Nanoseconds within = kForever;
};

// What stands under `let:`, by name; may use what stands before it.
struct LetName {
  std::string name;
  std::shared_ptr<const Expr> value;
};

// The places in the tree of the n-th of them (from 0) are moved by (n + 1) · kLetPlaces, so that a fault in it can be
// told from one in the expression that uses it.
inline constexpr std::size_t kLetPlaces = 2 * kLongestExpression;

// Where an expression stands, and what it may speak of.
struct Scope {
  std::vector<InputName>& inputs;
  std::span<const std::string> captures;  // for what to say when one is mistaken for an input
  const Site* site = nullptr;             // constants
  std::span<const LetName> lets = {};
  Stage stage = Stage::result;                   // of functions with memory in it
  bool window = false;                           // the rule has one: an input alone is not one value
  bool members = false;                          // the rule looks across some: aggregates are taken over them
  std::vector<Aggregate>* aggregates = nullptr;  // where they are collected; null: there may be none (where)
  std::vector<Step>* steps = nullptr;            // where functions with memory are collected; null: there may be none
  // Of a rule that detects: `score` (a number) and `reason` (a text) are names, kept as the first two aggregates.
  bool detects = false;
};

// Learns what it can about the types of the inputs; says nothing. True if it learned something.
bool infer(const Expr& expr, Type expected, Scope& scope);

// Checks, and compiles if there was no fault. Type::any as `expected` takes whatever it is.
Program compile_expression(const Expr& expr, Type expected, Scope& scope, const std::function<void(Fault)>& complain);

}  // namespace weir::rules
