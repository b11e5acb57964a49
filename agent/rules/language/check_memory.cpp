// Functions that remember: aggregates of a window or across members, over a trailing window, and steps.
#include <algorithm>
#include <utility>

#include "rules/language/checker.h"

namespace weir::rules {
namespace {

constexpr std::size_t kMostRemembered = 64;  // steps, and aggregates, of a rule
constexpr Nanoseconds kShortest = kMillisecond, kLongest = 366 * kDay;

struct Manner {
  enum class Takes : std::uint8_t { anything, truth, number, number_or_duration } takes;
  Type gives;  // any: what it takes
};

Manner manner(AggregateKind kind) {
  using Takes = Manner::Takes;
  switch (kind) {
    case AggregateKind::count:
    case AggregateKind::count_good:
    case AggregateKind::distinct: return {Takes::anything, Type::number};
    case AggregateKind::span: return {Takes::anything, Type::duration};
    case AggregateKind::first:
    case AggregateKind::last:
    case AggregateKind::mode: return {Takes::anything, Type::any};
    case AggregateKind::count_true: return {Takes::truth, Type::number};
    case AggregateKind::duration_of: return {Takes::truth, Type::duration};
    case AggregateKind::variance:
    case AggregateKind::integral:
    case AggregateKind::slope:
    case AggregateKind::increase: return {Takes::number, Type::number};
    default: return {Takes::number_or_duration, Type::any};
  }
}

std::size_t arguments(std::string_view aggregate) { return aggregate == "quantile" ? 2 : 1; }

// Whether it is a duration, seen from afar: for max(x, 5m), where 5m is the other value or the length of a window.
bool is_duration(const Expr& expr) {
  const auto child = [&](std::size_t i) { return i < expr.children.size() && is_duration(*expr.children[i]); };
  switch (expr.kind) {
    case ExprKind::duration: return true;
    case ExprKind::negate:
    case ExprKind::add:
    case ExprKind::subtract:
    case ExprKind::modulo: return child(0);
    case ExprKind::multiply: return child(0) || child(1);
    case ExprKind::divide: return child(0) && !child(1);
    case ExprKind::choice: return child(1);
    case ExprKind::call: break;
    default: return false;
  }
  if (expr.text == "or_else" || expr.text == "prev" || expr.text == "delta") return child(0);
  if (const Function* known = find_function(expr.text);
      known != nullptr && (known->durations || known->result != Type::number))
    return known->durations ? child(0) : known->result == Type::duration;
  if (const AggregateKind* kind = find_aggregate(expr.text); kind != nullptr)
    return manner(*kind).gives == Type::duration || (manner(*kind).gives == Type::any && child(0));
  return expr.text == "since";
}

// f(x, 5m)
bool is_trailing(const Expr& expr) {
  const std::size_t own = arguments(expr.text);
  if (find_aggregate(expr.text) == nullptr || expr.children.size() != own + 1 ||
      expr.children.back()->kind != ExprKind::duration)
    return false;
  return find_function(expr.text) == nullptr || !is_duration(*expr.children.front());
}

}  // namespace

// min, max and increase are two things each.
Checker::Role Checker::role(const Expr& expr) const {
  if (is_trailing(expr)) return Role::trailing;
  const bool aggregate = find_aggregate(expr.text) != nullptr;
  if (find_step(expr.text) != nullptr) {
    const bool of_window = aggregate && expr.children.size() == 1 && scope_.window && stage_ == Stage::result &&
                           !speaks_of_window(*expr.children.front());
    return of_window ? Role::aggregate : Role::step;
  }
  return aggregate && (expr.children.size() == 1 || find_function(expr.text) == nullptr) ? Role::aggregate
                                                                                         : Role::function;
}

// Whether an aggregate of the window, or across the members, is in it.
bool Checker::speaks_of_window(const Expr& expr) const {
  if (expr.kind == ExprKind::call && find_aggregate(expr.text) != nullptr && !is_trailing(expr)) {
    const bool function = find_function(expr.text) != nullptr && expr.children.size() != 1;
    const bool step = find_step(expr.text) != nullptr && !scope_.window;
    if (!function && !step) return true;
  }
  return std::ranges::any_of(expr.children, [&](const auto& child) { return speaks_of_window(*child); });
}

template <class Visit>
std::optional<Type> Checker::apart(const Expr& argument, Program& out, Visit&& visit) {
  Program outer = std::exchange(program_, {});
  const std::optional<Type> type = visit();
  out = std::exchange(program_, std::move(outer));
  if (!type) return type;
  if (out.inputs == 0) return complain(argument, "this does not change with any input", "name an input in it");
  out.type = *type;
  out.source = print(argument);
  program_.inputs |= out.inputs;
  return type;
}

std::optional<Type> Checker::gather(const Expr& expr, Type expected, Aggregate& out) {
  using Takes = Manner::Takes;
  const Expr& argument = *expr.children.front();
  out.kind = *find_aggregate(expr.text);
  out.source = print(expr);
  const Manner how = manner(out.kind);
  const Type wanted = how.takes == Takes::truth                                ? Type::truth
                      : how.takes == Takes::anything && how.gives == Type::any ? expected
                                                                               : Type::any;
  const auto type = apart(argument, out.argument, [&]() -> std::optional<Type> {
    auto own = check(argument, wanted);
    if (!own || how.takes == Takes::anything || how.takes == Takes::truth) return own;
    if (!numeric(argument, *own)) return std::nullopt;
    if (*own == Type::duration && how.takes == Takes::number)
      return complain(argument, expr.text + "() does not take a duration", "divide it: … / 1s");
    return own;
  });
  if (out.kind == AggregateKind::quantile) {
    const Expr& q = *expr.children[1];
    if (q.kind == ExprKind::duration)
      return complain(q, "quantile() takes the share before the time", "write quantile(x, 0.99, 5m)");
    const auto value = constant(q);
    if (!value) return std::nullopt;
    if (*value < 0 || *value > 1)
      return complain(q, "a quantile is from 0 to 1",
                      *value > 1 && *value <= 100 ? "99 of 100 is 0.99" : "the middle is 0.5");
    out.parameter = *value;
  }
  if (!type) return type;
  out.of_text = *type == Type::text;
  out.of_truth = *type == Type::truth && argument.kind != ExprKind::name;
  out.hold = least_hold(out.argument);
  return how.gives == Type::any ? *type : how.gives;
}

bool Checker::reads_member(const Program& argument) const {
  for (std::size_t i = 0; i < scope_.inputs.size() && i < 32; ++i)
    if ((argument.inputs >> i & 1U) != 0 && scope_.inputs[i].of_member) return true;
  return false;
}

Nanoseconds Checker::least_hold(const Program& argument) const {
  Nanoseconds least = kForever;
  for (std::size_t i = 0; i < scope_.inputs.size() && i < 32; ++i)
    if ((argument.inputs >> i & 1U) != 0) least = std::min(least, scope_.inputs[i].within);
  return least;
}

std::optional<Type> Checker::aggregate(const Expr& expr, Type expected) {
  const std::size_t count = arguments(expr.text);
  const std::string trailing = expr.text + (count == 2 ? "(x, 0.99, 5m)" : "(x, 5m)");
  if (!counts_fit(expr, count, count, "over a trailing window: " + trailing)) return std::nullopt;
  if (stage_ == Stage::where)
    return complain(expr, "'" + expr.text + "' speaks of a window, but where: filters single readings",
                    "write " + trailing + ", or put it into when:");
  if (in_aggregate_)
    return complain(expr, "an aggregate inside an aggregate", "use two rules, one reading what the other emits");
  if (scope_.aggregates == nullptr || !(scope_.window || scope_.members))
    return complain(expr, "'" + expr.text + "' needs a window",
                    "write " + trailing + ", or add window: 1m to the rule");
  const Stage around = std::exchange(stage_, scope_.window ? Stage::reading : stage_);
  in_aggregate_ = true;
  Aggregate own{};
  const auto type = gather(expr, expected, own);
  in_aggregate_ = false;
  stage_ = around;
  if (!type) return type;
  if (carries(own.kind) && reads_member(own.argument))
    return complain(expr,
                    "'" + expr.text + "' goes from one value to the next, and members of a group are several series",
                    "use two rules: one for each member, which emits, and one across them");
  // Of the members' present values, some may change by themselves.
  program_.watches_time = program_.watches_time || (own.argument.watches_time && !scope_.window);
  auto& all = *scope_.aggregates;
  auto found = std::ranges::find(all, own.source, &Aggregate::source);
  if (found == all.end()) {
    if (all.size() >= kMostRemembered)
      return complain(expr, "more than " + std::to_string(kMostRemembered) + " aggregates in one rule",
                      "split the rule");
    found = all.emplace(all.end());
  }
  *found = std::move(own);  // it may know more of types than what was there
  emit(Op::aggregate, 0, static_cast<std::size_t>(found - all.begin()));
  return type;
}

bool Checker::may_remember(const Expr& expr) {
  if (scope_.steps == nullptr) complain(expr, "'" + expr.text + "' remembers what was, which cannot be done here");
  else if (in_aggregate_ && scope_.members)
    complain(expr, "'" + expr.text + "' remembers, but members of a group have no memory of their own",
             "use two rules: one for each member, which emits, and one across them");
  else return true;
  return false;
}

bool Checker::keep(const Expr& expr, Step own) {
  own.stage = stage_;
  own.source = print(expr);
  program_.watches_time = program_.watches_time || depends_on_time(own);
  auto& all = *scope_.steps;
  auto found = std::ranges::find_if(
      all, [&](const Step& step) { return step.stage == own.stage && step.source == own.source; });
  if (found == all.end()) {
    if (all.size() >= kMostRemembered) {
      complain(expr, "more than " + std::to_string(kMostRemembered) + " functions with a memory in one rule",
               "split the rule");
      return false;
    }
    found = all.emplace(all.end());
  }
  *found = std::move(own);
  emit(Op::step, 0, static_cast<std::size_t>(found - all.begin()));
  return true;
}

std::optional<Type> Checker::trailing(const Expr& expr, Type expected) {
  if (!may_remember(expr)) return std::nullopt;
  Step own{};
  own.kind = StepKind::trailing;
  own.span = expr.children.back()->duration;
  if (own.span < kShortest || own.span > kLongest)
    return complain(*expr.children.back(), "a trailing window is 1ms to 366d long");
  // In a rule with a window: over its results if it speaks of them, else over the readings.
  const bool readings = scope_.window && stage_ == Stage::result && !speaks_of_window(*expr.children.front());
  const Stage around = std::exchange(stage_, readings ? Stage::reading : stage_);
  const auto type = gather(expr, expected, own.aggregate);
  own.argument = std::exchange(own.aggregate.argument, {});
  const bool kept = type && keep(expr, std::move(own));
  stage_ = around;
  return kept ? type : std::nullopt;
}

std::optional<Type> Checker::step(const Expr& expr, Type expected) {
  if (!counts_fit(expr, 1, 1,
                  find_aggregate(expr.text) != nullptr ? "over a trailing window: " + expr.text + "(x, 5m)" : "") ||
      !may_remember(expr))
    return std::nullopt;
  const Expr& argument = *expr.children.front();
  Step own{};
  own.kind = *find_step(expr.text);
  Type wanted = Type::any;
  switch (own.kind) {
    case StepKind::prev: wanted = expected; break;
    case StepKind::rising:
    case StepKind::falling:
    case StepKind::since: wanted = Type::truth; break;
    default: break;
  }
  const auto type = apart(argument, own.argument, [&]() -> std::optional<Type> {
    auto found = check(argument, wanted);
    if (!found || wanted == Type::truth || own.kind == StepKind::prev || own.kind == StepKind::changed) return found;
    if (!numeric(argument, *found)) return std::nullopt;
    if (*found == Type::duration && own.kind != StepKind::delta)
      return complain(argument, expr.text + "() does not take a duration", "divide it: … / 1s");
    return found;
  });
  const StepKind kind = own.kind;
  if (!type || !keep(expr, std::move(own))) return std::nullopt;
  switch (kind) {
    case StepKind::prev:
    case StepKind::delta: return type;
    case StepKind::rate:
    case StepKind::increase: return Type::number;
    case StepKind::since: return Type::duration;
    default: return Type::truth;
  }
}

}  // namespace weir::rules
