// What is usual at a time of day: a mean for each ten minutes of the day (UTC), of the last twenty readings or so in
// it. It says nothing before the second day: what came a moment ago is no pattern of the day.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"

namespace weir::detect {

class DayPattern {
 public:
  std::optional<double> at(Timestamp time) const;  // nothing before there were two readings then, one on a day before
  void learn(Timestamp time, double value);

  void save(std::string& out) const;
  bool restore(ByteReader& in);

 private:
  static constexpr Nanoseconds kStep = 10 * kMinute;
  static constexpr std::uint8_t kHorizon = 20;

  struct Step {
    double mean = 0;
    std::int32_t first_day = 0;  // since the epoch
    std::uint8_t count = 0;
  };
  static std::size_t step(Timestamp time);

  std::array<Step, kDay / kStep> steps_{};
};

}  // namespace weir::detect
