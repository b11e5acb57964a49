#include "detect/baseline.h"

#include <algorithm>
#include <cmath>

#include "detect/simple_detector.h"

namespace weir::detect {
namespace {

constexpr unsigned kMostCount = 1'000'000;
// Less than this part of a value is rounding and not a change.
constexpr double kRounding = 1e-12;

}  // namespace

Baseline::Baseline(double alpha, std::optional<Nanoseconds> window)
    : alpha_(alpha), window_seconds_(window ? static_cast<double>(*window) / kSecond : 0) {}

double Baseline::sd() const { return std::sqrt(variance_); }

double Baseline::distance(double value) const {
  const double far = value - mean_;
  const double rounding = kRounding * std::max(std::fabs(value), std::fabs(mean_));
  if (std::fabs(far) <= rounding) return 0;
  if (sd() <= rounding) return std::copysign(kMostExcess, far);
  return std::clamp(far / sd(), -kMostExcess, kMostExcess);
}

void Baseline::add(double seconds, double value) {
  learned_ = std::min(learned_ + 1, kMostCount);
  in_mean_ = std::min(in_mean_ + 1, kMostCount);
  const double faded =
      window_seconds_ > 0 ? std::min(kMostWeight, -std::expm1(-2 * seconds / window_seconds_)) : alpha_;
  const double far = value - mean_;
  mean_ += std::max(faded, 1.0 / in_mean_) * far;
  variance_ += std::max(faded, 1.0 / learned_) * (far * (value - mean_) - variance_);
}

void Baseline::save(std::string& out) const {
  put_varint(out, learned_);
  put_varint(out, in_mean_);
  put_double(out, mean_);
  put_double(out, variance_);
}

bool Baseline::restore(ByteReader& in) {
  const std::uint64_t learned = in.varint(), in_mean = in.varint();
  learned_ = static_cast<unsigned>(learned);
  in_mean_ = static_cast<unsigned>(in_mean);
  return learned <= kMostCount && in_mean <= learned && read_numbers(in, {&mean_, &variance_}) &&
         std::fabs(mean_) <= kFarthest && variance_ >= 0;
}

}  // namespace weir::detect
