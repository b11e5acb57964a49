#include "rules/memory/aggregate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/quality.h"

namespace weir::rules {
namespace {

using Kind = AggregateKind;

constexpr std::pair<std::string_view, Kind> kNames[] = {
    {"count", Kind::count},
    {"count_true", Kind::count_true},
    {"count_good", Kind::count_good},
    {"sum", Kind::sum},
    {"mean", Kind::mean},
    {"min", Kind::min},
    {"max", Kind::max},
    {"first", Kind::first},
    {"last", Kind::last},
    {"stddev", Kind::stddev},
    {"variance", Kind::variance},
    {"median", Kind::median},
    {"quantile", Kind::quantile},
    {"mode", Kind::mode},
    {"distinct", Kind::distinct},
    {"integral", Kind::integral},
    {"time_mean", Kind::time_mean},
    {"slope", Kind::slope},
    {"span", Kind::span},
    {"increase", Kind::increase},
    {"duration_of", Kind::duration_of},
};

// What an accumulator's numbers mean, for those that use more than one.
constexpr int kSum = 0, kRounding = 1, kCovered = 2, kFirst = 2, kLast = 3;    // of sums and of those that carry
constexpr int kMean = 0, kSquares = 1;                                         // of stddev and variance
constexpr int kMeanTime = 0, kMeanValue = 1, kTimeSquares = 2, kProducts = 3;  // of slope

constexpr Result3 kUnknown{0, nullptr, model::kBad.code, false};

void worsen(std::uint32_t& quality, std::uint32_t by) {
  if ((by >> 30) > (quality >> 30)) quality = by;
}

// Unsigned, as times may be further apart than a signed number can say. `to` is not before `from`.
std::uint64_t between(Timestamp from, Timestamp to) {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

double seconds_between(Timestamp from, Timestamp to) { return static_cast<double>(between(from, to)) / 1e9; }

void add_to_sum(double (&v)[4], double x) {
  const double sum = v[kSum] + x, part = sum - v[kSum];
  v[kRounding] += (v[kSum] - (sum - part)) + (x - part);
  v[kSum] = sum;
}

// What held last counts up to `until`, or as long as it may.
void hold_until(const Aggregate& aggregate, const Accumulator& of, double (&v)[4], Timestamp until) {
  if (!of.holds || aggregate.kind == Kind::increase) return;
  const Timestamp begin = std::max(of.from, of.to);
  if (until <= begin) return;
  const auto longest = static_cast<std::uint64_t>(aggregate.hold);
  const Timestamp end = between(of.to, until) > longest ? of.to + aggregate.hold : until;
  if (end <= begin) return;
  const double held = seconds_between(begin, end);
  add_to_sum(v, v[kLast] * held);
  v[kCovered] += held;
}

void add_unknown(const Aggregate& aggregate, Accumulator& to, Timestamp time) {
  to.left_out = true;
  if (!carries(aggregate.kind)) return;
  hold_until(aggregate, to, to.v, time);
  to.holds = false;
  to.from = std::min(to.from, time);
}

void add_carrying(const Aggregate& aggregate, Accumulator& to, Timestamp time, const Result3& value) {
  double x = value.number;
  if (aggregate.kind == Kind::increase) {
    if (to.to == kLongAgo) to.v[kFirst] = x;
    else add_to_sum(to.v, counted_up(to.v[kLast], x));
  } else {
    if (aggregate.kind == Kind::duration_of) x = x != 0 ? 1 : 0;
    hold_until(aggregate, to, to.v, time);
  }
  to.v[kLast] = x;
  to.holds = true;
  to.last_quality = value.quality;
}

void add_product(Accumulator& to, Timestamp time, double x) {
  const double n = static_cast<double>(to.count()) + 1;
  const double at = seconds_between(to.from, time);
  const double from_mean_time = at - to.v[kMeanTime], from_mean_value = x - to.v[kMeanValue];
  to.v[kMeanTime] += from_mean_time / n;
  to.v[kMeanValue] += from_mean_value / n;
  to.v[kTimeSquares] += from_mean_time * (at - to.v[kMeanTime]);
  to.v[kProducts] += from_mean_time * (x - to.v[kMeanValue]);
}

void add_counted(const Aggregate& aggregate, Accumulator& to, const Result3& value) {
  ValueCounts& counts = to.need_more().counts;
  if (aggregate.kind == Kind::median || aggregate.kind == Kind::quantile) counts.add(value.number);
  else if (!aggregate.of_text) counts.add_exact(value.number);
  else if (value.text) counts.add_text(*value.text);
}

void add_end(const Aggregate& aggregate, Accumulator& to, const Result3& value) {
  if (!aggregate.of_text) to.v[0] = value.number;
  else if (value.text) to.need_more().text = *value.text;
}

double quantile_of(const Aggregate& aggregate) { return aggregate.kind == Kind::median ? 0.5 : aggregate.parameter; }

// Both have values.
void merge_values(const Aggregate& aggregate, Accumulator& to, const Accumulator& later) {
  const auto before = static_cast<double>(to.count()), after = static_cast<double>(later.count()),
             both = before + after;
  double(&a)[4] = to.v;
  const double(&b)[4] = later.v;
  switch (aggregate.kind) {
    case Kind::count:
    case Kind::count_true:
    case Kind::count_good: a[0] += b[0]; break;
    case Kind::sum:
    case Kind::mean:
      add_to_sum(a, b[kSum]);
      a[kRounding] += b[kRounding];
      break;
    case Kind::min: a[0] = std::min(a[0], b[0]); break;
    case Kind::max: a[0] = std::max(a[0], b[0]); break;
    case Kind::first:
    case Kind::span: break;
    case Kind::last:
      a[0] = b[0];
      if (later.more) to.need_more().text = later.more->text;
      break;
    case Kind::stddev:
    case Kind::variance: {
      const double distance = b[kMean] - a[kMean];
      a[kMean] += distance * (after / both);
      a[kSquares] += b[kSquares] + distance * distance * (before * after / both);
      break;
    }
    case Kind::median:
    case Kind::quantile:
    case Kind::mode:
    case Kind::distinct:
      if (later.more) to.need_more().counts.add(later.more->counts);
      break;
    case Kind::slope: {
      const double time = b[kMeanTime] + seconds_between(to.from, later.from) - a[kMeanTime];
      const double value = b[kMeanValue] - a[kMeanValue];
      a[kMeanTime] += time * (after / both);
      a[kMeanValue] += value * (after / both);
      a[kTimeSquares] += b[kTimeSquares] + time * time * (before * after / both);
      a[kProducts] += b[kProducts] + time * value * (before * after / both);
      break;
    }
    case Kind::integral:
    case Kind::time_mean:
    case Kind::duration_of:
    case Kind::increase: break;  // merge_carrying()
  }
}

void merge_carrying(const Aggregate& aggregate, Accumulator& to, const Accumulator& later) {
  if (to.holds && later.holds && later.count() == 0) return;  // what holds goes on holding
  const bool increase = aggregate.kind == Kind::increase, has_values = later.to != kLongAgo;
  hold_until(aggregate, to, to.v, later.from);
  if (increase && has_values) {
    if (to.to == kLongAgo) to.v[kFirst] = later.v[kFirst];
    else add_to_sum(to.v, counted_up(to.v[kLast], later.v[kFirst]));
  }
  add_to_sum(to.v, later.v[kSum]);
  to.v[kRounding] += later.v[kRounding];
  if (!increase) to.v[kCovered] += later.v[kCovered];
  to.holds = later.holds;
  if (!has_values) return;
  to.v[kLast] = later.v[kLast];
  to.last_quality = later.last_quality;
}

}  // namespace

const AggregateKind* find_aggregate(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name, &std::pair<std::string_view, Kind>::first);
  return found == std::end(kNames) ? nullptr : &found->second;
}

std::string_view to_text(AggregateKind kind) {
  return std::ranges::find(kNames, kind, &std::pair<std::string_view, Kind>::second)->first;
}

bool carries(AggregateKind kind) {
  return kind == Kind::integral || kind == Kind::time_mean || kind == Kind::increase || kind == Kind::duration_of;
}

double counted_up(double from, double to) { return to >= from ? to - from : std::max(to, 0.0); }

bool counts_values(AggregateKind kind) {
  return kind == Kind::median || kind == Kind::quantile || kind == Kind::mode || kind == Kind::distinct;
}

bool keeps_text(const Aggregate& aggregate) {
  return aggregate.of_text && (aggregate.kind == Kind::first || aggregate.kind == Kind::last);
}

void add(const Aggregate& aggregate, Accumulator& to, Timestamp time, const Result3& value) {
  if (!value.known) return add_unknown(aggregate, to, time);
  const double x = value.number;
  worsen(to.quality, value.quality);
  const bool first = to.from == kNever;
  if (first) to.from = time;
  switch (aggregate.kind) {
    case Kind::count:
    case Kind::count_true: to.v[0] += x != 0 ? 1 : 0; break;
    case Kind::count_good: to.v[0] += model::Quality{value.quality}.good() ? 1 : 0; break;
    case Kind::sum:
    case Kind::mean: add_to_sum(to.v, x); break;
    case Kind::min: to.v[0] = first ? x : std::min(to.v[0], x); break;
    case Kind::max: to.v[0] = first ? x : std::max(to.v[0], x); break;
    case Kind::first:
      if (first) add_end(aggregate, to, value);
      break;
    case Kind::last: add_end(aggregate, to, value); break;
    case Kind::stddev:
    case Kind::variance: {
      const double distance = x - to.v[kMean];
      to.v[kMean] += distance / (static_cast<double>(to.count()) + 1);
      to.v[kSquares] += distance * (x - to.v[kMean]);
      break;
    }
    case Kind::slope: add_product(to, time, x); break;
    case Kind::span: break;
    case Kind::median:
    case Kind::quantile:
    case Kind::mode:
    case Kind::distinct: add_counted(aggregate, to, value); break;
    case Kind::integral:
    case Kind::time_mean:
    case Kind::increase:
    case Kind::duration_of: add_carrying(aggregate, to, time, value); break;
  }
  to.to = time;
  if (++to.count_low == 0) ++to.count_high;
}

void merge(const Aggregate& aggregate, Accumulator& to, const Accumulator& later) {
  worsen(to.quality, later.quality);
  to.left_out = to.left_out || later.left_out;
  if (later.from == kNever) return;  // no value
  if (to.from == kNever) {
    std::ranges::copy(later.v, to.v);
    if (later.more && (counts_values(aggregate.kind) || keeps_text(aggregate)))
      to.more = std::make_unique<Accumulator::More>(*later.more);
    to.holds = later.holds;
    to.last_quality = later.last_quality;
  } else if (carries(aggregate.kind)) {
    merge_carrying(aggregate, to, later);
  } else {
    merge_values(aggregate, to, later);
  }
  to.from = std::min(to.from, later.from);
  to.to = std::max(to.to, later.to);
  to.set_count(to.count() + later.count());
}

Accumulator next_window(const Aggregate& aggregate, const Accumulator& before, Timestamp boundary) {
  Accumulator next;
  if (!carries(aggregate.kind) || before.to == kLongAgo) return next;
  // What holds up to the boundary and no further says nothing of what comes after it.
  const bool holds = before.holds && between(before.to, boundary) < static_cast<std::uint64_t>(aggregate.hold);
  if (!holds && aggregate.kind != Kind::increase) return next;
  next.v[kLast] = before.v[kLast];
  if (aggregate.kind == Kind::increase) next.v[kFirst] = next.v[kLast];
  next.from = boundary;
  next.to = before.to;
  next.holds = holds;
  next.quality = next.last_quality = before.last_quality;
  return next;
}

Result3 finish(const Aggregate& aggregate, const Accumulator& of, Timestamp end, std::uint64_t& arithmetic) {
  std::uint32_t quality = of.quality;
  if (of.left_out) worsen(quality, model::kUncertainSubNormal.code);
  const auto count = static_cast<double>(of.count());
  const ValueCounts* counts = of.more ? &of.more->counts : nullptr;
  double number = of.v[0];
  bool known = of.count() > 0;
  switch (aggregate.kind) {
    case Kind::count:
      if (!aggregate.of_truth) number = count;
      known = true;
      break;
    case Kind::count_true: known = true; break;
    case Kind::count_good: return {number, nullptr, 0, true};
    case Kind::sum: number = of.v[kSum] + of.v[kRounding]; break;
    case Kind::mean: number = (of.v[kSum] + of.v[kRounding]) / count; break;
    case Kind::min:
    case Kind::max: break;
    case Kind::first:
    case Kind::last:
      if (!aggregate.of_text) break;
      if (!known || !of.more) return kUnknown;
      return {0, &of.more->text, quality, true};
    // Of a sample, not of a population: one reading has none.
    case Kind::stddev: number = of.count() < 2 ? 0 : std::sqrt(of.v[kSquares] / (count - 1)); break;
    case Kind::variance: number = of.count() < 2 ? 0 : of.v[kSquares] / (count - 1); break;
    case Kind::median:
    case Kind::quantile:
      known = counts && !counts->empty();
      if (known) number = counts->quantile(quantile_of(aggregate));
      break;
    case Kind::mode:
      if (!counts || counts->empty()) return kUnknown;
      if (counts->overflowed()) worsen(quality, model::kUncertainNotAccurate.code);
      if (aggregate.of_text) {
        const std::string* text = counts->text_mode();
        return text ? Result3{0, text, quality, true} : kUnknown;
      }
      number = counts->mode().first;
      break;
    case Kind::distinct:
      known = true;
      number = counts ? static_cast<double>(counts->distinct()) : 0;
      if (counts && counts->overflowed()) worsen(quality, model::kUncertainNotAccurate.code);
      break;
    case Kind::slope:
      if (!(of.v[kTimeSquares] > 0)) return kUnknown;
      number = of.v[kProducts] / of.v[kTimeSquares];
      break;
    case Kind::span: number = known ? seconds_between(of.from, of.to) : 0; break;
    case Kind::increase:
      number = of.v[kSum] + of.v[kRounding];
      known = known || of.holds;
      break;
    case Kind::integral:
    case Kind::time_mean:
    case Kind::duration_of: {
      double v[4];
      std::ranges::copy(of.v, v);
      hold_until(aggregate, of, v, end);
      known = known || of.holds || v[kCovered] > 0;
      number = v[kSum] + v[kRounding];
      if (aggregate.kind == Kind::time_mean) number = v[kCovered] > 0 ? number / v[kCovered] : v[kLast];
      break;
    }
  }
  if (!known) return kUnknown;
  if (!std::isfinite(number)) {
    ++arithmetic;
    return kUnknown;
  }
  return {number, nullptr, quality, true};
}

std::size_t heap_bytes(const Accumulator& of) {
  if (!of.more) return 0;
  const std::string& text = of.more->text;
  return sizeof(Accumulator::More) + of.more->counts.bytes() +
         (text.capacity() > std::string().capacity() ? text.capacity() : 0);
}

}  // namespace weir::rules
