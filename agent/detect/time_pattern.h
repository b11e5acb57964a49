// What is usual at a time of the day, or of the week: a mean for each ten minutes of the day, and one for each half
// hour of the week, each of the last thirty readings or so in it. Whichever has been nearer of late is asked.
//
// The day speaks from its second on, and the week: what came a moment ago is no pattern.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "calendar/calendar.h"
#include "detect/moving.h"

namespace weir::detect {

class TimePattern {
 public:
  struct Usual {
    double value;
    bool of_week;  // else of the day
  };
  // Nothing before there were two readings at such a time, one of them on a day before.
  std::optional<Usual> at(const calendar::Calendar::Local& time) const;
  void learn(const calendar::Calendar::Local& time, double value);

  void save(std::string& out) const;
  bool restore(ByteReader& in);

 private:
  static constexpr int kStepsOfDay = 24 * 6, kStepsOfWeek = 7 * 24 * 2;

  struct Step {
    double mean = 0;
    std::int32_t first = 0;  // day or week of the first reading
    std::uint8_t count = 0;

    bool knows(std::int32_t now) const { return count >= 2 && now > first; }
    void learn(std::int32_t now, double value);
  };
  static std::size_t step_of_day(const calendar::Calendar::Local& time);
  static std::size_t step_of_week(const calendar::Calendar::Local& time);
  static std::int32_t week_of(const calendar::Calendar::Local& time);

  std::array<Step, kStepsOfDay> day_{};
  std::array<Step, kStepsOfWeek> week_{};
  Moving off_day_{kOfLate}, off_week_{kOfLate};  // how far each was from what came, where both knew

  static constexpr std::uint64_t kOfLate = 300, kEnough = 50;  // readings
};

}  // namespace weir::detect
