// The functions of the language that remember nothing. Those with a memory are in aggregate.h and step.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rules/language/program.h"

namespace weir::rules {

struct Function {
  std::string_view name;
  Op op;
  std::uint8_t least, most;  // how many arguments
  Type argument;             // of each; any: the function has a way of its own
  Type result;
  bool durations = false;  // takes durations as well as numbers, and gives one then
};

// Null if there is none of that name.
const Function* find_function(std::string_view name);

// Of all functions, those with a memory among them.
bool is_function(std::string_view name);

// "did you mean 'mean'?", also for what other languages call it; empty if nothing is near.
std::string nearest_function(std::string_view name);

}  // namespace weir::rules
