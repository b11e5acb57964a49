#include "codec/reals.h"

#include <algorithm>
#include <cstddef>

#include "base/bytes.h"

namespace weir::codec {
namespace {

constexpr std::size_t kSample = 32;
constexpr std::uint64_t kFewSteps = 64;  // zigzagged; arithmetic on decimals errs by less
constexpr unsigned kExceptionBits = 80;  // what a value costs that is no decimal of the chosen scale

bool fits(double value, unsigned scale) { return zigzag(to_decimal(value, scale).steps) <= kFewSteps; }

// The least scale that fits, looked for from `hint`; kScales if none does.
unsigned least_scale(double value, unsigned hint) {
  unsigned scale = hint;
  if (fits(value, scale)) {
    while (scale > 0 && fits(value, scale - 1)) --scale;
    return scale;
  }
  for (scale = 0; scale < kScales; ++scale)
    if (fits(value, scale)) return scale;
  return kScales;
}

// How many bits a number of a column takes, of which these were seen.
class Width {
 public:
  void add(std::int64_t value) {
    least_ = std::min(least_, value);
    most_ = std::max(most_, value);
    set_ |= static_cast<std::uint64_t>(value);
    ++count_;
  }
  std::size_t count() const { return count_; }
  unsigned bits(bool alone) const {
    if (count_ == 0) return 0;
    if (alone) {
      const auto range = static_cast<std::uint64_t>(most_) - static_cast<std::uint64_t>(least_);
      const auto zeros = static_cast<unsigned>(set_ == 0 ? 0 : std::countr_zero(set_));
      const auto width = static_cast<unsigned>(std::bit_width(range));
      return width > zeros ? width - zeros : 0;
    }
    return static_cast<unsigned>(std::bit_width(std::max(zigzag(least_), zigzag(most_))));
  }

 private:
  std::int64_t least_ = std::numeric_limits<std::int64_t>::max(), most_ = std::numeric_limits<std::int64_t>::min();
  std::uint64_t set_ = 0;
  std::size_t count_ = 0;
};

}  // namespace

unsigned choose_scale(std::span<const double> values, bool alone) {
  if (values.empty()) return 0;
  const std::size_t count = std::min(values.size(), kSample);
  const auto sample = [&](std::size_t i) { return values[i * values.size() / count]; };

  std::array<bool, kScales> wanted{};
  Width ordered;
  for (std::size_t i = 0, hint = 0; i < count; ++i) {
    ordered.add(to_ordered(sample(i)));
    const unsigned scale = least_scale(sample(i), static_cast<unsigned>(hint));
    if (scale == kScales) continue;
    wanted[scale] = true;
    hint = scale;
  }
  unsigned best = kScales;
  std::size_t least = count * ordered.bits(alone);
  for (unsigned scale = 0; scale < kScales; ++scale) {
    if (!wanted[scale]) continue;
    Width mantissas;
    std::size_t bits = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Decimal decimal = to_decimal(sample(i), scale);
      const std::uint64_t steps = zigzag(decimal.steps);
      if (steps > kFewSteps) bits += kExceptionBits;
      else {
        mantissas.add(decimal.mantissa);
        if (steps != 0) bits += 2;
      }
    }
    bits += mantissas.count() * mantissas.bits(alone);
    if (bits < least || (best == kScales && bits == least)) {
      best = scale;
      least = bits;
    }
  }
  return best;
}

}  // namespace weir::codec
