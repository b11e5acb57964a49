// The words of an expression: "t > 90 and 1h30m < x" → t, >, 90, and, 1h30m, <, x.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace weir::rules {

// What is wrong in an expression, and where in its text (bytes).
struct Fault {
  std::size_t offset = 0;
  std::size_t length = 1;
  std::string message;
  std::string hint;
};

struct Token {
  enum class Kind { end, number, duration, text, name, symbol };

  Kind kind = Kind::end;
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string_view word;     // as written
  double number = 0;         // kind number
  Nanoseconds duration = 0;  // kind duration
  std::string text;          // kind text: without quotes and escapes
};

inline constexpr std::size_t kLongestExpression = 4096;

// All tokens, an end token last. On a fault the tokens up to it, and false.
bool tokenize(std::string_view text, std::vector<Token>& out, Fault& fault);

}  // namespace weir::rules
