#include "detect/simple_detector.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weir::detect {

void put_numbers(std::string& out, std::initializer_list<double> numbers) {
  for (const double number : numbers) put_double(out, number);
}

bool read_numbers(ByteReader& in, std::initializer_list<double*> numbers) {
  constexpr double kLargest = 10 * kFarthest * kFarthest;
  bool fine = true;
  for (double* number : numbers) {
    *number = in.float64();
    fine = fine && std::fabs(*number) <= kLargest;
  }
  return fine && in.ok();
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string seconds_text(double seconds) {
  const Nanoseconds unit = seconds < 10 ? kMillisecond : seconds < 7'200 ? kSecond : kMinute;
  const double units = std::round(std::min(seconds, 9e9) * kSecond / static_cast<double>(unit));
  return to_text(std::chrono::nanoseconds(static_cast<Nanoseconds>(units) * unit));
}

Verdict SimpleDetector::judge(Timestamp time, double value) {
  if (!std::isfinite(value) || (begun_ && time <= last_)) return {};
  // In unsigned numbers, where no difference overflows.
  const std::uint64_t passed = begun_ ? static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(last_) : 0;
  last_ = time;
  begun_ = true;
  const auto excess = measure(time, static_cast<double>(passed) / kSecond, std::clamp(value, -kFarthest, kFarthest));
  excess_ = excess ? std::min(*excess, kMostExcess * std::max(1.0, limit_)) : -1;
  if (!excess) return {};
  const double score = excess_ / (excess_ + limit_);
  return {score, score >= kSimpleThreshold};
}

std::string SimpleDetector::reason() const { return excess_ < 0 ? "it is still learned what is usual" : describe(); }

void SimpleDetector::save(std::string& out) const {
  put_varint(out, begun_ ? 1 : 0);
  put_varint(out, zigzag(last_));
  put_double(out, excess_);
  save_state(out);
}

bool SimpleDetector::restore(ByteReader& in) {
  const std::uint64_t begun = in.varint();
  begun_ = begun == 1;
  last_ = unzigzag(in.varint());
  return begun <= 1 && read_numbers(in, {&excess_}) && restore_state(in) && in.ok();
}

}  // namespace weir::detect
