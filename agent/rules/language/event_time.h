// Event times: the ends of time, how far readings may lie, and sums that do not overflow.
#pragma once

#include <cstdint>
#include <limits>

#include "base/clock.h"

namespace weir::rules {

inline constexpr Nanoseconds kForever = std::numeric_limits<Nanoseconds>::max();
inline constexpr Timestamp kNever = std::numeric_limits<Timestamp>::max();
inline constexpr Timestamp kLongAgo = std::numeric_limits<Timestamp>::min();

// Event times beyond it (years 1824 to 2116) are refused, so that times and durations can be added.
inline constexpr Timestamp kFarthest = std::int64_t{1} << 62;

// Whether it is one that a reading may have, or that a sum of a rule's durations makes of one: differences of two
// such do not overflow.
constexpr bool in_reach(Timestamp time) {
  constexpr Timestamp most = kFarthest + (std::int64_t{1} << 60);
  return time >= -most && time <= most;
}

constexpr Timestamp saturated(Timestamp time, Nanoseconds by) {
  Timestamp out = 0;
  return __builtin_add_overflow(time, by, &out) ? kNever : out;
}

}  // namespace weir::rules
