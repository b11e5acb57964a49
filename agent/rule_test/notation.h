// The series notation of promtool, with marks for the quality: "80 85 91+1x6 _ _x3 bad 60~ 'on' true".
//
//   a        a value: a number, true or false, a text in ' or "
//   a+bxn    a, a+b, a+2b … a+nb: the first and n more, as in Prometheus ("unit testing for rules"); a-bxn
//   axn      a and n more of the same
//   _  _xn   nothing comes; n times nothing
//   bad      a reading that is bad and has no value; badxn
//   …~       uncertain; the same as …!uncertain. …!bad: bad, though it has a value
//
// Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/quality.h"

namespace weir::rule_test {

// One word of it.
struct Item {
  enum class Kind : std::uint8_t { gap, number, truth, text, unknown };
  Kind kind = Kind::gap;
  double number = 0, step = 0;
  bool truth = false;
  std::string text;
  model::Quality quality;
  std::size_t count = 1;   // samples
  std::size_t offset = 0;  // in the notation, bytes
  std::size_t length = 0;
};

struct Fault {
  std::size_t offset = 0;
  std::size_t length = 1;
  std::string message;
  std::string hint;
};

inline constexpr std::size_t kMostSamples = 1'000'000;  // of one series
inline constexpr std::size_t kLongestText = 1'024;

// False and a fault if it is none.
bool parse_notation(std::string_view text, std::vector<Item>& out, Fault& fault);

// In one spelling, which reads back as the same.
std::string print(const std::vector<Item>& items);

}  // namespace weir::rule_test
