// What a window computes of its readings.
//
// Each aggregate is a monoid: what was gathered from one stretch of time and from the stretch after it merges
// into what would have been gathered from both (P. A. Tucker et al., "No pane, no gain", SIGMOD Record 34, 2005). So
// tumbling, hopping, sliding, session and calendar windows share one kind of state, and none keeps raw readings
// unless its aggregate needs them.
//
// Values hold until the next one comes, known or not, or until their input's `within` is over: that is what integral,
// time_mean and duration_of weigh by. increase and those begin a window with what held when it began.
//
// Times are within the engine's bounds (event_time.h). Nothing here throws but for want of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "rules/language/program.h"
#include "rules/memory/value_counts.h"

namespace weir::rules {

enum class AggregateKind : std::uint8_t {
  count,       // known values; of a condition: how many times it was true
  count_true,  // how many times true
  count_good,  // values of good quality
  sum,
  mean,
  min,
  max,
  first,
  last,
  stddev,
  variance,  // of a sample
  median,
  quantile,  // exact for up to kExactValues different values, else within kQuantileError of the value
  mode,
  distinct,    // the value seen most often (of several: the least); how many different ones
  integral,    // over time: value · seconds
  time_mean,   // weighted by how long each value held
  slope,       // of the line of least squares, per second
  span,        // from the first reading to the last; a duration
  increase,    // how much a counter went up; a step down is a reset: counts from zero. Also over what is unknown
               // and over gaps longer than `hold`: a meter counts on while nobody reads it
  duration_of  // how long a condition held; a duration
};

// Null if there is none of that name.
const AggregateKind* find_aggregate(std::string_view name);
std::string_view to_text(AggregateKind kind);

// Whether it begins a window with the value that held before.
bool carries(AggregateKind kind);

// Whether it needs more->counts: how often each value came.
bool counts_values(AggregateKind kind);

struct Aggregate {
  AggregateKind kind;
  Program argument;
  std::string source;           // "mean(t)"
  double parameter = 0;         // of quantile: 0 … 1
  Nanoseconds hold = kForever;  // a value counts no longer than this: the least `within` of what the argument reads
  bool of_text = false;         // the argument is a text
  bool of_truth = false;        // the argument is a condition: count() counts when it was true
};

// Whether it needs more->text: the value itself.
bool keeps_text(const Aggregate& aggregate);

// How much a counter went up. A step down is a reset: it counts from zero.
double counted_up(double from, double to);

// What one aggregate has gathered from a stretch of event time. Movable; what is not simple hangs on `more`.
struct Accumulator {
  // By kind. Of sums the sum and what rounding took from it (D. E. Knuth, TAOCP 2, 4.2.2: two-sum); of stddev and
  // variance the mean and the sum of squared distances (B. P. Welford, Technometrics 4, 1962; merged as T. F. Chan,
  // G. H. Golub, R. J. LeVeque, 1979, have it); of slope the means of time, in seconds since `from`, and of value,
  // and the sums of squares and products about them. Of those that carry: the sum, what rounding took from it, the
  // seconds that it covers (of increase: the value that it began with), and the last value.
  double v[4] = {0, 0, 0, 0};
  Timestamp from = kNever;  // of the first value; of those that carry: since when it is counted
  Timestamp to = kLongAgo;  // of the last value, which of those that carry may be before `from`
  struct More {
    ValueCounts counts;
    std::string text;
  };
  std::unique_ptr<More> more;
  std::uint32_t count_low = 0;     // values that went in, and
  std::uint16_t count_high = 0;    // how often that was 2³²
  bool left_out = false;           // whether something unknown came and did not go in
  bool holds = false;              // of those that carry: whether the last value still held when it ended
  std::uint32_t quality = 0;       // the worst that went in
  std::uint32_t last_quality = 0;  // of those that carry: of the last value

  std::uint64_t count() const { return std::uint64_t{count_high} << 32 | count_low; }
  void set_count(std::uint64_t count) {
    count_low = static_cast<std::uint32_t>(count);
    count_high = static_cast<std::uint16_t>(count >> 32);
  }
  More& need_more() {
    if (!more) more = std::make_unique<More>();
    return *more;
  }
  // Nothing came, and nothing holds.
  bool empty() const { return count() == 0 && !left_out && !holds; }
};
static_assert(sizeof(Accumulator) <= 72);

// One value at `time`, which is not before any value in it. What is unknown is left out, and ends what held.
void add(const Aggregate& aggregate, Accumulator& to, Timestamp time, const Result3& value);

// What was gathered after it. `later` stays as it is.
void merge(const Aggregate& aggregate, Accumulator& to, const Accumulator& later);

// A new window begins at `boundary`, which is not before any value in it: what it gathers from, knowing what held.
// What held is no reading of the new window: count stays 0, and empty() tells whether anything goes on.
Accumulator next_window(const Aggregate& aggregate, const Accumulator& before, Timestamp boundary);

// What the window that ends at `end` says; what held last is counted up to there. Where something unknown was left
// out, the rest is uncertain (sub-normal, as in OPC UA Part 13); where nothing went in at all, everything but the
// counts and distinct is unknown. So is a slope without two different times. Where no time has passed, time_mean is
// the last value. mode and distinct are uncertain (not accurate) when there were more values than can be told apart;
// count_good is always good. What is too large for a double is unknown, and counted in `arithmetic`. A text that it
// gives lives as long as `of` is not changed.
Result3 finish(const Aggregate& aggregate, const Accumulator& of, Timestamp end, std::uint64_t& arithmetic);

std::size_t heap_bytes(const Accumulator& of);

void save(const Aggregate& aggregate, const Accumulator& of, std::string& out);
bool restore(const Aggregate& aggregate, Accumulator& to, ByteReader& in);  // false if it is damaged

}  // namespace weir::rules
