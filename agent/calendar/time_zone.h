// A time zone as the box's database has it: TZif files, RFC 8536, versions 2 to 4, with their rule for the years
// after the last change that is listed (slim files list little else).
//
// Ours, because Debian 12's library for it (date 3.0.1, over the box's files) leaves that rule out: it knows no
// daylight saving after 2037, or with slim files after 2007, and says nothing of it.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace weir::calendar {

// Seconds since the Unix epoch. All that a Timestamp can be is covered, 1677 to 2262.
using Seconds = std::int64_t;

struct Regime {
  Seconds from;       // it holds from here to the next one
  std::int32_t east;  // local time - UTC
};

// Ascending; the first begins before every Timestamp, and no two in a row have the same offset.
using Regimes = std::vector<Regime>;
inline constexpr Seconds kBeginning = std::numeric_limits<Seconds>::min() / 4;

// What a TZif file says. Bounded; hostile content is an error.
Result<Regimes> read_tzif(std::string_view content);

// From /usr/share/zoneinfo. UTC is known without it.
Result<Regimes> read_time_zone(std::string_view name);

}  // namespace weir::calendar
