#include "detect/news.h"

#include <algorithm>
#include <cmath>

#include "detect/saved.h"

namespace weir::detect {
namespace {

constexpr double kRise = 6;                 // of the bar, over what an alarm was above the limit
constexpr double kFastest = 50;             // readings in which the bar falls to 1 / e, at least …
constexpr double kOfAge = 0.06;             // … and as a part of all readings …
constexpr double kSlowest = 5'000;          // … and at most
constexpr std::uint64_t kOldest = 1 << 20;  // readings that are counted
constexpr double kMost = 1e6;

}  // namespace

double News::of(double surprise, double limit) {
  bar_ *= std::exp(-1 / std::clamp(kOfAge * static_cast<double>(age_), kFastest, kSlowest));
  age_ = std::min(age_ + 1, kOldest);
  const double left = std::max(0.0, std::min(surprise, kMost) - bar_);
  if (left >= limit) bar_ += left - limit + kRise;
  return left;
}

void News::save(std::string& out) const {
  put_double(out, bar_);
  put_varint(out, age_);
}

bool News::restore(ByteReader& in) { return read(in, bar_, 0, 2 * kMost) && read(in, age_, kOldest); }

}  // namespace weir::detect
