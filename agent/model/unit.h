// Units as UCUM spells them (The Unified Code for Units of Measure, 2.2, case-sensitive): "Cel", "kPa", "m3/h",
// "kW.h", "[degF]", "%". Parsed, compared and converted.
//
// The units that machines and meters come with are known, with all metric prefixes; a unit that is not is an error
// that names it, and says how what was probably meant is spelt. Arbitrary units ([iU]), logarithmic ones (B[SPL],
// [pH]) and annotations that stand alone ({rpm}) convert to themselves only; behind a unit (m3{gas}) they mean
// nothing.
//
// Values; thread-safe. Hostile texts are fine: at most 128 bytes are read, 16 parentheses deep.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace weir::model {

struct Unit {
  // In base units: value · scale + offset. Only temperatures have an offset.
  double scale = 1, offset = 0;
  std::array<signed char, 8> dimension{};  // powers of m, s, g, rad, K, C, cd, and of what converts to itself only
  std::string text;                        // as written
  std::string own;                         // what converts to itself only; empty: nothing

  static Result<Unit> parse(std::string_view text);
};

struct Conversion {
  double scale = 1, offset = 0;
  double operator()(double value) const { return value * scale + offset; }
  bool same() const { return scale == 1 && offset == 0; }
};

// Nothing if they measure different things.
std::optional<Conversion> convert(const Unit& from, const Unit& to);

// For whoever complains of units that do not convert: "F is farad …" in words, where one of them is spelt like
// something else that is more often meant; else empty.
std::string misread(const Unit& from, const Unit& to);

}  // namespace weir::model
