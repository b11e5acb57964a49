// What is usual: a mean and a standard deviation that forget.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"

namespace weir::detect {

// The first readings count alike (B. P. Welford, Technometrics 4, 1962); later ones by a weight that falls
// exponentially (T. Finch, "Incremental calculation of weighted mean and variance", 2009), with each reading or with
// time.
class Baseline {
 public:
  static constexpr unsigned kLearn = 30;  // readings before it says anything

  // With a window, readings fade with time, so that their mean age is that of a moving window as long, but none
  // weighs more than kMostWeight; without, the newest weighs `alpha`.
  explicit Baseline(double alpha, std::optional<Nanoseconds> window = {});

  bool ready() const { return learned_ >= kLearn; }
  double mean() const { return mean_; }
  double sd() const;
  // In standard deviations, with its sign. Where nothing ever changed, any change is very far.
  double distance(double value) const;

  void add(double seconds, double value);  // since the one before
  void forget_mean() { in_mean_ = 0; }     // it is learned anew; the standard deviation stays

  void save(std::string& out) const;
  bool restore(ByteReader& in);

 private:
  static constexpr double kMostWeight = 0.1;

  double alpha_, window_seconds_;  // 0: none
  unsigned learned_ = 0;           // readings in the variance, up to kMostCount
  unsigned in_mean_ = 0;
  double mean_ = 0, variance_ = 0;
};

}  // namespace weir::detect
