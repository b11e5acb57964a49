// What a window computes of its readings, one after the other, keeping none of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "rules/program.h"

namespace weir::rules {

enum class AggregateKind : std::uint8_t { count, count_true, sum, mean, min, max, first, last, stddev, variance };

// Null if there is none of that name.
const AggregateKind* find_aggregate(std::string_view name);

// What one aggregate of one open window keeps. 32 bytes: there is one for each group.
struct Accumulator {
  double a = 0, b = 0;           // by kind: the sum, the value; of stddev and variance the mean and the
                                 // sum of squared distances (B. P. Welford, Technometrics 4, 1962)
  std::uint64_t count = 0;       // values that went in
  std::uint32_t quality = 0;     // the worst that went in
  bool left_out = false;         // whether something unknown came and did not go in
};

struct Aggregate {
  AggregateKind kind;
  Program argument;
  std::string source;            // "mean(t)"
};

void add(const Aggregate& aggregate, Accumulator& to, const Result3& value);

// What the window says. Where something unknown was left out, the rest is uncertain (sub-normal, as in
// OPC UA Part 13); where nothing went in at all, everything but a count is unknown.
Result3 finish(const Aggregate& aggregate, const Accumulator& of, std::uint64_t& arithmetic);

}  // namespace weir::rules
