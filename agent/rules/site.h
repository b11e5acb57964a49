// Where rules run, as far as they know of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "calendar/calendar.h"

namespace weir::rules {

struct Site {
  std::string timezone = "UTC";
  std::vector<calendar::Shift> shifts;                    // ascending by begin, not overlapping
  std::vector<std::pair<std::string, double>> constants;  // site.NAME
  friend bool operator==(const Site&, const Site&) = default;
};

}  // namespace weir::rules
