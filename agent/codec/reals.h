// Doubles as integers.
//
// What sensors send was mostly a decimal number once, so it is the nearest double to m / 10^k, or a
// few steps beside it after some arithmetic: it becomes m and the number of steps. (The scaling is
// that of A. Afroozeh et al., "ALP: Adaptive Lossless floating-Point Compression", SIGMOD 2023; the
// steps instead of exceptions are ours.) What is no decimal is the integer that its bits are, mapped so
// that neighbouring doubles are neighbouring integers (P. Lindstrom and M. Isenburg, "Fast and Efficient
// Compression of Floating-Point Data", TVCG 2006).
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

namespace weir::codec {

inline constexpr unsigned kScales = 16;  // k is less

inline constexpr std::array<double, kScales> kPowersOfTen = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                             1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

struct Decimal {
  std::int64_t mantissa;
  std::int64_t steps;  // from the double nearest to mantissa / 10^k to the one meant, on the line of all bit patterns
};

// Both are exact for every double, NaNs and their payloads included: steps reach from any to any.
inline Decimal to_decimal(double value, unsigned scale) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const double scaled = value * kPowersOfTen[scale];
  const std::int64_t mantissa = std::fabs(scaled) < kExact ? std::llrint(scaled) : 0;
  const double nearest = static_cast<double>(mantissa) / kPowersOfTen[scale];
  return {mantissa,
          static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(value) - std::bit_cast<std::uint64_t>(nearest))};
}
inline double from_decimal(Decimal decimal, unsigned scale) {
  const double nearest = static_cast<double>(decimal.mantissa) / kPowersOfTen[scale];
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(nearest) + static_cast<std::uint64_t>(decimal.steps));
}

inline std::int64_t to_ordered(double value) {
  const auto bits = std::bit_cast<std::int64_t>(value);
  return bits < 0 ? bits ^ std::numeric_limits<std::int64_t>::max() : bits;
}
inline double from_ordered(std::int64_t ordered) {
  return std::bit_cast<double>(ordered < 0 ? ordered ^ std::numeric_limits<std::int64_t>::max() : ordered);
}

// The k with which these values are smallest, judged by a sample; kScales if their bits are smaller.
// `alone`: whether they are a column of their own, so that what they have in common costs nothing.
unsigned choose_scale(std::span<const double> values, bool alone);

}  // namespace weir::codec
