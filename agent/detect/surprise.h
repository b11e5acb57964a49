// How rare a magnitude is, judged by those before it.
//
// A histogram of magnitudes, four bins an octave, that forgets: a reading counts half after kHalfLife more. What was
// seen before is as rare as it was. Beyond all that was seen, the tail is taken to fall as a power law, whose
// exponent comes from the top two percent (B. M. Hill, "A simple general approach to inference about the tail of a
// distribution", Annals of Statistics 3, 1975): so a series with heavy tails needs more to surprise.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace weir::detect {

class Surprise {
 public:
  static constexpr std::uint64_t kLearn = 100;  // magnitudes before it says anything
  static constexpr std::size_t kMostDelay = 20;

  // With a delay each magnitude is learned when that many more have come: what grows slowly is told before it is
  // usual.
  explicit Surprise(std::size_t delay = 0) : delay_(delay) {}

  // -log10 of the chance of `magnitude` or more: 3 is one reading in a thousand. 0 while it learns.
  double of(double magnitude) const;
  void learn(double magnitude);  // 0 and more

  double usual() const;  // the median; 0 if nothing is known

  void save(std::string& out) const;
  bool restore(ByteReader& in);

 private:
  static constexpr int kBins = 160, kPerOctave = 4, kBinOfOne = 80;
  static constexpr double kHalfLife = 6'000;

  void take_in(double magnitude);
  static double place(double magnitude);  // in bins, with a fraction
  static int bin(double place);

  std::array<float, kBins> bins_{};
  double total_ = 0;
  double weight_ = 1;          // of the next magnitude: grows, where the others would have to fade
  std::uint64_t learned_ = 0;  // up to kLearn
  std::size_t delay_;          // up to kMostDelay
  std::array<double, kMostDelay> waiting_{};
  std::uint64_t waits_ = 0;  // how many of them, the oldest first
};

}  // namespace weir::detect
