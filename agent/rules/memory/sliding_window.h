// A window that slides: what an aggregate says of the last hour, or of the last hundred readings.
//
// Keeps its stretches of time one behind the other: single readings as long as there are few, then neighbours
// together, each with what was gathered from it, so that a window of any length and rate has at most kMostStretches
// of them. A window with more readings than that may therefore begin up to 1/64 of its length early; one that has had
// fewer for its whole length is exact.
//
// What it says is computed from two stacks (K. Tangwongsan, M. Hirzel, S. Schneider, "Low-latency sliding-window
// aggregation in worst-case constant time", DEBS 2017, section 2): what came since the last turn is gathered as it
// comes, what came before was gathered at the turn, from the newest back; of that every kBlock-th sum is kept, so
// that a reading takes little more than itself. What ValueCounts counts can be taken away again, and is kept as one
// total.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "rules/memory/aggregate.h"

namespace weir::rules {

inline constexpr std::size_t kMostStretches = 256;
inline constexpr std::size_t kMostLast = 10'000;  // of a window {last: N}: these are kept each, not put together

class SlidingWindow {
 public:
  // A reading, not before any in it. `span`: the length of the window; what is at or before `time` - `span` goes.
  // kForever: the window is limited by keep_last(), and nothing is put together.
  void add(const Aggregate& aggregate, Nanoseconds span, Timestamp time, const Result3& value);

  // A pane of a hopping window, whole, that ends at `end`: it goes with drop_until(end).
  void add(const Aggregate& aggregate, Timestamp end, Accumulator pane);

  // Lets go of what is at or before `time`; what held then is remembered for those that carry().
  void drop_until(const Aggregate& aggregate, Timestamp time);
  // Lets go of all but the last `count`; known or not, each counts.
  void keep_last(const Aggregate& aggregate, std::size_t count);

  // Of what is in it, in a window from `begin` to `end`; `begin` is not before what it let go of. kLongAgo: from its
  // first reading on, without what held before. A text that it gives lives until the window is changed or asked
  // again.
  Result3 finish(const Aggregate& aggregate, Timestamp begin, Timestamp end, std::uint64_t& arithmetic) const;

  std::size_t stretches() const { return stretches_.size() - begin_; }
  Timestamp newest() const { return stretches() > 0 ? stretches_.back().time : kLongAgo; }
  std::size_t bytes() const;  // on the heap
  void save(const Aggregate& aggregate, std::string& out) const;
  bool restore(const Aggregate& aggregate, ByteReader& in);  // false if it is damaged

 private:
  struct Stretch {
    Timestamp time;  // of the last that is in it
    double number;   // of a single reading
    std::uint32_t quality;
    bool known;
    std::unique_ptr<Accumulator> many;  // null: a single reading of a number
  };

  static void gather(const Aggregate& aggregate, Accumulator& to, const Stretch& stretch);
  void push(const Aggregate& aggregate, Stretch stretch);
  void pop(const Aggregate& aggregate);
  void turn(const Aggregate& aggregate);
  void put_together(const Aggregate& aggregate, Nanoseconds span);

  std::vector<Stretch> stretches_;  // from begin_ on; what is before has gone
  std::size_t begin_ = 0;
  std::size_t turned_ = 0;         // what is before it was there at the last turn
  std::vector<Accumulator> sums_;  // [i]: of the i + 1 blocks before turned_
  Accumulator since_turn_;         // of what is behind
  Accumulator before_;             // of those that carry: of all that has gone, for what held last
  mutable Accumulator whole_;      // what finish() speaks of; its `more` holds the total of counts
};

}  // namespace weir::rules
