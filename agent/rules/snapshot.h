// How the engine's state is written: times as zigzag varints, and what cannot be is refused.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "rules/program.h"
#include "rules/rule_state.h"

namespace weir::rules {

inline void put_time(std::string& out, Timestamp time) { put_varint(out, zigzag(time)); }
inline Timestamp get_time(ByteReader& in) { return unzigzag(in.varint()); }

inline void put_flag(std::string& out, bool flag) { out.push_back(flag ? 1 : 0); }
inline bool get_flag(ByteReader& in) {
  const std::string_view byte = in.take(1);
  return !byte.empty() && byte.front() != 0;
}

// Whether arithmetic on a time that was read does not overflow: it is one that a reading may have, or that a sum of a
// rule's durations makes of one.
inline bool possible(Timestamp time) {
  constexpr Nanoseconds most = 8000 * kDay;
  return time == kLongAgo || time == kNever || (time >= -kFarthest - most && time <= kFarthest + most);
}

}  // namespace weir::rules
