// A mean and a variance that follow: the first readings count alike, then each new one by 1 / horizon (B. P. Welford,
// Technometrics 4, 1962; T. Finch, "Incremental calculation of weighted mean and variance", 2009).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "detect/saved.h"
#include "detect/simple_detector.h"

namespace weir::detect {

class Moving {
 public:
  explicit Moving(std::uint64_t horizon) : horizon_(horizon) {}

  std::uint64_t count() const { return count_; }  // of readings, the horizon at most
  double mean() const { return mean_; }
  double sd() const { return std::sqrt(variance_); }

  void add(double value) {
    count_ = std::min(count_ + 1, horizon_);
    const double weight = 1.0 / static_cast<double>(count_), far = value - mean_;
    mean_ += weight * far;
    variance_ += weight * (far * (value - mean_) - variance_);
  }

  void save(std::string& out) const {
    put_varint(out, count_);
    put_double(out, mean_);
    put_double(out, variance_);
  }
  bool restore(ByteReader& in) {
    return read(in, count_, horizon_) && read(in, mean_, -2 * kFarthest, 2 * kFarthest) &&
           read(in, variance_, 0, 4 * kFarthest * kFarthest);
  }

 private:
  std::uint64_t horizon_, count_ = 0;
  double mean_ = 0, variance_ = 0;
};

}  // namespace weir::detect
