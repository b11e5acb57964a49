// How fast counters count: each as it was once a second, for the last ten.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "base/clock.h"

namespace weir {

class Rates {
 public:
  using Counters = std::map<std::string, std::uint64_t>;

  // Once a second, with all counters by name. One that went back has begun anew.
  void sample(Nanoseconds boottime, Counters counters);

  // A second, over what is remembered; 0 for who has not been counted twice.
  double of(const std::string& name) const;

 private:
  struct Sample {
    Nanoseconds at = 0;
    Counters counters;
  };
  static constexpr std::size_t kMost = 11;
  std::deque<Sample> samples_;
};

}  // namespace weir
