// Functions that remember nothing.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "rules/language/checker.h"

namespace weir::rules {
namespace {

constexpr std::size_t kMostPoints = 64;  // of a table

std::string count_text(std::size_t least, std::size_t most) {
  if (most == 0) return "no arguments";
  const std::string counts =
      least == most ? std::to_string(least) : std::to_string(least) + " to " + std::to_string(most);
  return counts + (most == 1 ? " argument" : " arguments");
}

}  // namespace

std::optional<Type> Checker::call(const Expr& expr, Type expected) {
  if (!is_function(expr.text))
    return complain(expr, "there is no function '" + expr.text + "'", nearest_function(expr.text));
  switch (role(expr)) {
    case Role::aggregate: return aggregate(expr, expected);
    case Role::trailing: return trailing(expr, expected);
    case Role::step: return step(expr, expected);
    default: return function(expr, *find_function(expr.text), expected);
  }
}

bool Checker::counts_fit(const Expr& expr, std::size_t least, std::size_t most, std::string_view hint) {
  const std::size_t count = expr.children.size();
  if (count >= least && count <= most) return true;
  complain(expr, expr.text + "() takes " + count_text(least, most) + ", not " + std::to_string(count),
           std::string(hint));
  return false;
}

std::optional<Type> Checker::function(const Expr& expr, const Function& function, Type expected) {
  if (function.op == Op::interpolate) return interpolate(expr);
  if (!counts_fit(expr, function.least, function.most)) return std::nullopt;
  switch (function.op) {
    case Op::age: return age(expr);
    case Op::or_else: {
      const auto type = alike(expr.children, expected, Type::any);
      if (type) emit(Op::or_else);
      return type;
    }
    case Op::round:
      if (expr.children.size() == 2) return round_to(expr);
      break;
    case Op::shift:
      if (scope_.site != nullptr && scope_.site->shifts.empty())
        return complain(expr, "the site has no shifts", "name them under site: shifts:");
      break;
    default: break;
  }
  if (function.argument == Type::number) return of_numbers(expr, function);
  bool fine = true;
  for (const auto& argument : expr.children) fine = check(*argument, function.argument).has_value() && fine;
  if (!fine) return std::nullopt;
  emit(function.op);
  program_.watches_time = program_.watches_time || expr.children.empty();  // what the clock says
  return function.result;
}

std::optional<Type> Checker::of_numbers(const Expr& expr, const Function& function) {
  // min and max of many are min and max of two, again and again.
  const bool pairs = function.op == Op::min || function.op == Op::max;
  bool durations = false, numbers = false, fine = true;
  for (std::size_t i = 0; i < expr.children.size(); ++i) {
    auto type = check(*expr.children[i], Type::any);
    if (!type || !numeric(*expr.children[i], *type)) fine = false;
    else (*type == Type::duration ? durations : numbers) = true;
    if (pairs && i > 0) emit(function.op);
  }
  if (!fine) return std::nullopt;
  if (durations && (numbers || !function.durations))
    return complain(expr,
                    expr.text + "() does not take " + (numbers ? "durations and numbers together" : "a duration"),
                    "divide the duration: … / 1s");
  if (!pairs) emit(function.op);
  return durations ? Type::duration : function.result;
}

// Of an input itself: its value may be unknown, and how old it is is known all the same.
std::optional<Type> Checker::age(const Expr& expr) {
  const Expr& of = *expr.children[0];
  const auto input = std::ranges::find(scope_.inputs, of.text, &InputName::name);
  if (of.kind != ExprKind::name || input == scope_.inputs.end()) {
    if (of.kind == ExprKind::name) return no_such_name(of);
    return complain(of, "age() is of an input, not of something computed",
                    "name the input: age(" + (scope_.inputs.empty() ? "t" : scope_.inputs[0].name) + ")");
  }
  if (input->of_member && !in_aggregate_)
    return complain(of, "there is a '" + of.text + "' of each member of the group",
                    "say which: max(age(" + of.text + "))");
  const auto index = static_cast<std::size_t>(input - scope_.inputs.begin());
  reads(index);
  emit(Op::age, index, input->of_member ? 1 : 0);
  program_.watches_time = true;
  return Type::duration;
}

std::optional<double> Checker::constant(const Expr& expr) {
  const std::size_t code = program_.code.size();
  const auto type = check(expr, Type::number);
  std::optional<double> out;
  if (type && program_.code.size() == code + 1 && program_.code.back().op == Op::constant)
    out = program_.constants[program_.code.back().index];
  else if (type) complain(expr, "this has to be a number that stands here, not one that changes");
  program_.code.resize(code);
  return out;
}

// round(x, 2): to so many places.
std::optional<Type> Checker::round_to(const Expr& expr) {
  const Expr& places = *expr.children[1];
  const auto type = check(*expr.children[0], Type::number);
  const auto count = constant(places);
  if (!type || !count) return std::nullopt;
  if (*count < 0 || *count > 12 || *count != static_cast<int>(*count))
    return complain(places, "the places of round() are a whole number from 0 to 12");
  double scale = 1;
  for (int i = 0; i < static_cast<int>(*count); ++i) scale *= 10;
  emit_constant(scale);
  emit(Op::multiply);
  emit(Op::round);
  emit_constant(scale);
  emit(Op::divide);
  return Type::number;
}

// A table, from x1, y1 on.
std::optional<Type> Checker::interpolate(const Expr& expr) {
  constexpr std::string_view kHint = "write interpolate(x, x1, y1, x2, y2)";
  if (!counts_fit(expr, 5, 1 + 2 * kMostPoints, kHint)) return std::nullopt;
  if (expr.children.size() % 2 == 0)
    return complain(*expr.children.back(), "a point of interpolate() without its y", std::string(kHint));
  bool fine = check(*expr.children[0], Type::number).has_value();
  std::vector<double> points;
  for (std::size_t i = 1; i < expr.children.size(); ++i) {
    const auto value = constant(*expr.children[i]);
    fine = fine && value;
    points.push_back(value.value_or(0));
  }
  if (!fine) return std::nullopt;
  for (std::size_t i = 2; i < points.size(); i += 2)
    if (points[i] <= points[i - 2])
      return complain(*expr.children[i + 1], "the x of interpolate() have to ascend", "sort the points by x");
  emit(Op::interpolate, points.size() / 2, program_.constants.size());
  program_.constants.insert(program_.constants.end(), points.begin(), points.end());
  return Type::number;
}

}  // namespace weir::rules
