// What an aggregate says, the slow and obvious way: of a list of readings.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "rules/memory/aggregate.h"

namespace weir::rules {

inline constexpr Timestamp kStart = 1'795'219'200'123'456'789;  // in November 2026

constexpr AggregateKind kAllKinds[] = {
    AggregateKind::count,      AggregateKind::count_true, AggregateKind::count_good, AggregateKind::sum,
    AggregateKind::mean,       AggregateKind::min,        AggregateKind::max,        AggregateKind::first,
    AggregateKind::last,       AggregateKind::stddev,     AggregateKind::variance,   AggregateKind::median,
    AggregateKind::quantile,   AggregateKind::mode,       AggregateKind::distinct,   AggregateKind::integral,
    AggregateKind::time_mean,  AggregateKind::slope,      AggregateKind::span,       AggregateKind::increase,
    AggregateKind::duration_of};

inline Aggregate aggregate_of(AggregateKind kind, Nanoseconds hold = kForever) {
  return {kind, {}, {}, kind == AggregateKind::quantile ? 0.9 : 0, hold, false, false};
}

struct Came {
  Timestamp time;
  double value;
  std::uint32_t quality = 0;
  bool known = true;
  Result3 result() const { return {value, nullptr, quality, known}; }
};

// Few different values, so that each is counted; some unknown, some uncertain, some gaps.
inline std::vector<Came> random_readings(std::mt19937& random, std::size_t count) {
  std::vector<Came> out;
  Timestamp time = kStart;
  for (std::size_t i = 0; i < count; ++i) {
    time += static_cast<Timestamp>(random() % 1'000 + 1) * (random() % 20 == 0 ? 97'000'003 : 1'000'003);
    const double value = static_cast<double>(random() % 60) * 0.7 + (random() % 9 == 0 ? -20 : 0);
    const std::uint32_t quality = random() % 40 == 0   ? model::kUncertain.code
                                  : random() % 40 == 0 ? model::kUncertainLastUsable.code
                                                       : 0;
    out.push_back({time, random() % 6 == 0 ? 0 : value, quality, random() % 10 != 0});
  }
  return out;
}

// Of what is in [begin, end), or from the first reading on where begin is kLongAgo, after what came before.
inline Result3 obvious(const Aggregate& aggregate, const std::vector<Came>& before, const std::vector<Came>& in,
                       Timestamp begin, Timestamp end) {
  using Kind = AggregateKind;
  std::optional<Came> base;  // what held when it began
  if (carries(aggregate.kind) && begin != kLongAgo) {
    for (const Came& one : before)
      if (one.known) base = one;
      else if (aggregate.kind != Kind::increase) base.reset();
    if (base && aggregate.kind != Kind::increase && aggregate.hold != kForever &&
        begin - base->time >= aggregate.hold)
      base.reset();
  }
  const bool base_holds = base && !before.empty() && before.back().known &&
                          (aggregate.hold == kForever || begin - base->time < aggregate.hold);
  std::uint32_t quality = base ? base->quality : 0;
  bool left_out = false;
  std::vector<Came> known;
  for (const Came& one : in) {
    if (!one.known) {
      left_out = true;
      continue;
    }
    known.push_back(one);
    if ((one.quality >> 30) > (quality >> 30)) quality = one.quality;
  }
  if (left_out && quality >> 30 == 0) quality = model::kUncertainSubNormal.code;

  long double sum = 0, squares = 0, times = 0, time_squares = 0, products = 0;
  const auto n = static_cast<long double>(known.size());
  for (const Came& one : known) {
    sum += one.value;
    times += static_cast<long double>(one.time - known.front().time) / 1e9L;
  }
  std::map<double, int> counts;
  std::vector<double> sorted;
  for (const Came& one : known) {
    const long double at = static_cast<long double>(one.time - known.front().time) / 1e9L - times / n;
    squares += (one.value - sum / n) * (one.value - sum / n);
    time_squares += at * at;
    products += at * (one.value - sum / n);
    ++counts[one.value];
    sorted.push_back(one.value);
  }
  std::ranges::sort(sorted);
  const auto rank = [&](double q) {
    const double at = q * static_cast<double>(sorted.size() - 1);
    const auto i = static_cast<std::size_t>(at);
    return i + 1 < sorted.size() ? sorted[i] + (at - std::floor(at)) * (sorted[i + 1] - sorted[i]) : sorted[i];
  };

  long double held = 0, covered = 0, up = 0;
  std::vector<Came> all = in;
  if (base) all.insert(all.begin(), *base);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].known) continue;
    const Timestamp from = std::max(all[i].time, begin);
    Timestamp until = i + 1 < all.size() ? all[i + 1].time : end;
    if (aggregate.hold != kForever) until = std::min(until, all[i].time + aggregate.hold);
    const long double seconds = until > from ? static_cast<long double>(until - from) / 1e9L : 0;
    covered += seconds;
    held += seconds * (aggregate.kind == Kind::duration_of ? (all[i].value != 0 ? 1 : 0) : all[i].value);
  }
  for (std::optional<Came> last = base; const Came& one : known) {
    if (last) up += one.value >= last->value ? one.value - last->value : std::max(one.value, 0.0);
    last = one;
  }

  const Result3 unknown{0, nullptr, model::kBad.code, false};
  const auto some = [&](auto number) {
    return known.empty() ? unknown : Result3{static_cast<double>(number()), nullptr, quality, true};
  };
  const auto always = [&](auto number) { return Result3{static_cast<double>(number), nullptr, quality, true}; };
  switch (aggregate.kind) {
    case Kind::count:
      if (!aggregate.of_truth) return always(known.size());
      [[fallthrough]];
    case Kind::count_true:
      return always(std::ranges::count_if(known, [](const Came& one) { return one.value != 0; }));
    case Kind::count_good:
      return {
          static_cast<double>(std::ranges::count_if(known, [](const Came& one) { return one.quality >> 30 == 0; })),
          nullptr, 0, true};
    case Kind::sum: return some([&] { return sum; });
    case Kind::mean: return some([&] { return sum / n; });
    case Kind::min: return some([&] { return sorted.front(); });
    case Kind::max: return some([&] { return sorted.back(); });
    case Kind::first: return some([&] { return known.front().value; });
    case Kind::last: return some([&] { return known.back().value; });
    case Kind::stddev: return some([&] { return known.size() < 2 ? 0 : std::sqrt(squares / (n - 1)); });
    case Kind::variance: return some([&] { return known.size() < 2 ? 0 : squares / (n - 1); });
    case Kind::median: return some([&] { return rank(0.5); });
    case Kind::quantile: return some([&] { return rank(aggregate.parameter); });
    case Kind::mode:
      return some([&] { return std::ranges::max_element(counts, {}, &std::pair<const double, int>::second)->first; });
    case Kind::distinct: return always(counts.size());
    case Kind::span:
      return some([&] { return static_cast<long double>(known.back().time - known.front().time) / 1e9L; });
    case Kind::slope: return time_squares > 0 ? some([&] { return products / time_squares; }) : unknown;
    case Kind::increase: return known.empty() && !(base_holds && !left_out) ? unknown : always(up);
    case Kind::integral:
    case Kind::duration_of: return known.empty() && covered == 0 ? unknown : always(held);
    case Kind::time_mean:
      if (covered > 0) return always(held / covered);
      return known.empty() ? unknown : always(known.back().value);
  }
  return unknown;
}

inline void expect_same(const Result3& got, const Result3& expected, const std::string& what) {
  ASSERT_EQ(got.known, expected.known) << what;
  ASSERT_EQ(got.quality, expected.quality) << what;
  if (!got.known) return;
  ASSERT_NEAR(got.number, expected.number, 1e-9 * std::max(std::abs(expected.number), 1e-2)) << what;
}

}  // namespace weir::rules
