// The site's clock on the wall: hours, days, weeks, months and shifts in its time zone, daylight saving included.
//
// Time zones as in the IANA database of the box (/usr/share/zoneinfo). Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace weir::calendar {

// "early" from 06:00 to 14:00; one that ends at or before its beginning ends on the next day. Where shifts
// leave time between them, that time belongs to none.
struct Shift {
  std::string name;
  Nanoseconds begin = 0, end = 0;  // since local midnight
  friend bool operator==(const Shift&, const Shift&) = default;
};

enum class Unit : std::uint8_t { hour, day, week, month, shift };  // a week begins on Monday

class Calendar {
 public:
  // An error if the box does not know the time zone, or shifts overlap.
  static Result<std::shared_ptr<const Calendar>> make(std::string_view timezone, std::vector<Shift> shifts);
  virtual ~Calendar() = default;

  struct Stretch {
    Timestamp begin, end;    // the end is not in it; between shifts: the time that belongs to none
    std::string_view shift;  // its name; empty for what is no shift
  };
  virtual Stretch stretch(Unit unit, Timestamp time) const = 0;

  struct Local {
    int hour, minute, weekday;  // 1 is Monday
    double time_of_day;         // seconds since local midnight as the clock shows it
    std::int32_t day;           // since 1970-01-01
  };
  virtual Local local(Timestamp time) const = 0;
};

}  // namespace weir::calendar
