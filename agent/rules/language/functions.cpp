#include "rules/language/functions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "rules/memory/aggregate.h"
#include "rules/memory/step.h"

namespace weir::rules {
namespace {

constexpr std::uint8_t kMany = 255;  // more than fit an expression in any case

constexpr Function kFunctions[] = {
    {"abs", Op::abs, 1, 1, Type::number, Type::number, true},
    {"sqrt", Op::sqrt, 1, 1, Type::number, Type::number},
    {"exp", Op::exp, 1, 1, Type::number, Type::number},
    {"log", Op::log, 1, 1, Type::number, Type::number},
    {"log10", Op::log10, 1, 1, Type::number, Type::number},
    {"floor", Op::floor, 1, 1, Type::number, Type::number},
    {"ceil", Op::ceil, 1, 1, Type::number, Type::number},
    {"sign", Op::sign, 1, 1, Type::number, Type::number},
    {"round", Op::round, 1, 2, Type::number, Type::number},
    {"pow", Op::pow, 2, 2, Type::number, Type::number},
    {"min", Op::min, 2, 64, Type::number, Type::number, true},
    {"max", Op::max, 2, 64, Type::number, Type::number, true},
    {"clamp", Op::clamp, 3, 3, Type::number, Type::number, true},
    {"interpolate", Op::interpolate, 5, kMany, Type::any, Type::number},
    {"good", Op::good, 1, 1, Type::any, Type::truth},
    {"quality", Op::quality, 1, 1, Type::any, Type::text},
    {"or_else", Op::or_else, 2, 2, Type::any, Type::any},
    {"age", Op::age, 1, 1, Type::any, Type::duration},
    {"upper", Op::upper, 1, 1, Type::text, Type::text},
    {"lower", Op::lower, 1, 1, Type::text, Type::text},
    {"trim", Op::trim, 1, 1, Type::text, Type::text},
    {"length", Op::length, 1, 1, Type::text, Type::number},
    {"contains", Op::contains, 2, 2, Type::text, Type::truth},
    {"starts_with", Op::starts_with, 2, 2, Type::text, Type::truth},
    {"ends_with", Op::ends_with, 2, 2, Type::text, Type::truth},
    {"number", Op::number_of, 1, 1, Type::text, Type::number},
    {"text", Op::text_of, 1, 1, Type::number, Type::text},
    {"hour", Op::hour, 0, 0, Type::any, Type::number},
    {"minute", Op::minute, 0, 0, Type::any, Type::number},
    {"weekday", Op::weekday, 0, 0, Type::any, Type::number},
    {"time_of_day", Op::time_of_day, 0, 0, Type::any, Type::duration},
    {"shift", Op::shift, 0, 0, Type::any, Type::text},
};

constexpr std::string_view kSteps[] = {"prev", "delta", "rate", "increase", "rising", "falling", "changed", "since"};

constexpr std::pair<std::string_view, std::string_view> kElsewhere[] = {
    {"avg", "mean"},         {"average", "mean"},    {"std", "stddev"},
    {"stdev", "stddev"},     {"var", "variance"},    {"percentile", "quantile"},
    {"nunique", "distinct"}, {"ln", "log"},          {"power", "pow"},
    {"ceiling", "ceil"},     {"len", "length"},      {"substring", "contains"},
    {"coalesce", "or_else"}, {"default", "or_else"}, {"lag", "prev"},
    {"previous", "prev"},    {"diff", "delta"},      {"derivative", "rate"},
    {"deriv", "rate"},       {"limit", "clamp"},     {"lookup", "interpolate"},
    {"str", "text"},         {"float", "number"},    {"dayofweek", "weekday"},
};

// Ascending kinds, from the first to the last.
template <class Visit>
void each_aggregate(Visit&& visit) {
  for (int kind = 0; kind <= static_cast<int>(AggregateKind::duration_of); ++kind)
    visit(to_text(static_cast<AggregateKind>(kind)));
}

}  // namespace

const Function* find_function(std::string_view name) {
  const auto* found = std::ranges::find(kFunctions, name, &Function::name);
  return found == std::end(kFunctions) ? nullptr : found;
}

bool is_function(std::string_view name) {
  return find_function(name) != nullptr || find_aggregate(name) != nullptr || find_step(name) != nullptr;
}

std::string nearest_function(std::string_view name) {
  const auto* elsewhere =
      std::ranges::find(kElsewhere, lower(name), &std::pair<std::string_view, std::string_view>::first);
  if (elsewhere != std::end(kElsewhere)) return "did you mean '" + std::string(elsewhere->second) + "'?";
  std::vector<std::string_view> names(std::begin(kSteps), std::end(kSteps));
  for (const Function& known : kFunctions) names.push_back(known.name);
  each_aggregate([&](std::string_view known) { names.push_back(known); });
  return did_you_mean(name, names);
}

}  // namespace weir::rules
