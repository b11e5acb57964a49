#include "rules/aggregate.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace weir::rules {
namespace {

constexpr std::pair<std::string_view, AggregateKind> kNames[] = {
    {"count", AggregateKind::count}, {"count_true", AggregateKind::count_true},
    {"sum", AggregateKind::sum},     {"mean", AggregateKind::mean},
    {"min", AggregateKind::min},     {"max", AggregateKind::max},
    {"first", AggregateKind::first}, {"last", AggregateKind::last},
    {"stddev", AggregateKind::stddev}, {"variance", AggregateKind::variance},
};

}  // namespace

const AggregateKind* find_aggregate(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name, &std::pair<std::string_view, AggregateKind>::first);
  return found == std::end(kNames) ? nullptr : &found->second;
}

void add(const Aggregate& aggregate, Accumulator& to, const Result3& value) {
  if (!value.known) {
    to.left_out = true;
    return;
  }
  const double x = value.number;
  if ((value.quality >> 30) > (to.quality >> 30)) to.quality = value.quality;
  ++to.count;
  switch (aggregate.kind) {
    case AggregateKind::count: break;
    case AggregateKind::count_true: to.a += x != 0 ? 1 : 0; break;
    case AggregateKind::sum:
    case AggregateKind::mean: to.a += x; break;
    case AggregateKind::min: to.a = to.count == 1 ? x : std::min(to.a, x); break;
    case AggregateKind::max: to.a = to.count == 1 ? x : std::max(to.a, x); break;
    case AggregateKind::first:
      if (to.count == 1) to.a = x;
      break;
    case AggregateKind::last: to.a = x; break;
    case AggregateKind::stddev:
    case AggregateKind::variance: {
      const double distance = x - to.a;
      to.a += distance / static_cast<double>(to.count);
      to.b += distance * (x - to.a);
      break;
    }
  }
}

Result3 finish(const Aggregate& aggregate, const Accumulator& of, std::uint64_t& arithmetic) {
  std::uint32_t quality = of.quality;
  if (of.left_out && model::Quality{quality}.good()) quality = model::kUncertainSubNormal.code;
  const auto count = static_cast<double>(of.count);
  double number = of.a;
  switch (aggregate.kind) {
    case AggregateKind::count: return {count, nullptr, quality, true};
    case AggregateKind::count_true: return {of.a, nullptr, quality, true};
    case AggregateKind::mean: number = of.a / count; break;
    // Of a sample, not of a population: one reading has none.
    case AggregateKind::stddev: number = of.count < 2 ? 0 : std::sqrt(of.b / (count - 1)); break;
    case AggregateKind::variance: number = of.count < 2 ? 0 : of.b / (count - 1); break;
    default: break;
  }
  if (of.count == 0) return {0, nullptr, model::kBad.code, false};
  if (!std::isfinite(number)) {
    ++arithmetic;
    return {0, nullptr, model::kBad.code, false};
  }
  return {number, nullptr, quality, true};
}

}  // namespace weir::rules
