// A window that slides: what an aggregate says of the last hour, or of the last hundred readings.
//
// Keeps its stretches of time one behind the other, each with what was gathered from it: single readings as long
// as there are few, then neighbours together, so that a window of any length and rate has at most kMostStretches of them.
// A window with more readings than that may therefore begin up to 1/64 of its length early; one with fewer is exact.
// What it says is computed from two stacks (K. Tangwongsan, M. Hirzel, S. Schneider, "Low-latency sliding-window
// aggregation in worst-case constant time", DEBS 2017, section 2), each reading in and out once.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "rules/aggregate.h"

namespace weir::rules {

inline constexpr std::size_t kMostStretches = 256;
inline constexpr std::size_t kMostLast = 10'000;  // of a window {last: N}: these are kept each, not put together

class SlidingWindow {
 public:
  // A reading. `span`: the length of the window; kForever: it is limited by keep_last(), and nothing is put together.
  void add(const Aggregate& aggregate, Nanoseconds span, Timestamp time, const Result3& value);

  // A pane of a hopping window, whole.
  void add(const Aggregate& aggregate, Accumulator pane);

  // Lets go of what is at or before `time`; what held then is remembered for those that carry().
  void drop_until(const Aggregate& aggregate, Timestamp time);
  void keep_last(const Aggregate& aggregate, std::size_t count);

  // Of what is in it, in a window from `begin` to `end`. A text that it gives lives until the window is changed.
  Result3 finish(const Aggregate& aggregate, Timestamp begin, Timestamp end, std::uint64_t& arithmetic) const;

  std::size_t stretches() const;
  std::size_t bytes() const;
  void save(const Aggregate& aggregate, std::string& out) const;
  bool restore(const Aggregate& aggregate, ByteReader& in);
};

}  // namespace weir::rules
