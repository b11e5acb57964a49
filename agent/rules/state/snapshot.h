// How the engine's state is written: times as zigzag varints, and what cannot be is refused.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "rules/language/event_time.h"

namespace weir::rules {

inline void put_time(std::string& out, Timestamp time) { put_varint(out, zigzag(time)); }
inline Timestamp get_time(ByteReader& in) { return unzigzag(in.varint()); }

inline void put_flag(std::string& out, bool flag) { out.push_back(flag ? 1 : 0); }
inline bool get_flag(ByteReader& in) {
  const std::string_view byte = in.take(1);
  return !byte.empty() && byte.front() != 0;
}

// Whether arithmetic on a time that was read does not overflow; an end of time is none.
inline bool possible(Timestamp time) { return time == kLongAgo || time == kNever || in_reach(time); }

}  // namespace weir::rules
