#include "rules/check.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace weir::rules {
namespace {

struct Function {
  std::string_view name;
  Op op;
  std::size_t least, most;  // arguments
};
constexpr Function kFunctions[] = {
    {"abs", Op::abs, 1, 1},     {"sqrt", Op::sqrt, 1, 1},   {"exp", Op::exp, 1, 1},     {"log", Op::log, 1, 1},
    {"round", Op::round, 1, 2}, {"floor", Op::floor, 1, 1}, {"ceil", Op::ceil, 1, 1},   {"sign", Op::sign, 1, 1},
    {"pow", Op::pow, 2, 2},     {"min", Op::min, 2, 16},    {"max", Op::max, 2, 16},    {"clamp", Op::clamp, 3, 3},
    {"good", Op::good, 1, 1},   {"or_else", Op::or_else, 2, 2},
};
constexpr std::string_view kLater[] = {
    "quantile", "median", "mode",   "distinct", "integral", "slope",   "span",        "increase", "duration_of",
    "count_good", "prev", "delta",  "rate",     "since",    "rising",  "falling",     "changed",  "age",
    "interpolate", "zscore", "ewma", "mad",     "cusum",    "flatline"};

const Function* find_function(std::string_view name) {
  const auto* found = std::ranges::find(kFunctions, name, &Function::name);
  return found == std::end(kFunctions) ? nullptr : found;
}

Op op_of(ExprKind kind) {
  switch (kind) {
    case ExprKind::add: return Op::add;
    case ExprKind::subtract: return Op::subtract;
    case ExprKind::multiply: return Op::multiply;
    case ExprKind::divide: return Op::divide;
    case ExprKind::modulo: return Op::modulo;
    case ExprKind::less: return Op::less;
    case ExprKind::less_equal: return Op::less_equal;
    case ExprKind::greater: return Op::greater;
    case ExprKind::greater_equal: return Op::greater_equal;
    case ExprKind::equal: return Op::equal;
    case ExprKind::not_equal: return Op::not_equal;
    case ExprKind::logical_and: return Op::logical_and;
    default: return Op::logical_or;
  }
}

// The type that the argument of an aggregate has to have.
Type argument_type(AggregateKind kind) {
  switch (kind) {
    case AggregateKind::count: return Type::any;
    case AggregateKind::count_true: return Type::truth;
    case AggregateKind::first:
    case AggregateKind::last: return Type::any;
    default: return Type::number;
  }
}

class Checker {
 public:
  Checker(Scope& scope, const std::function<void(Fault)>* complain) : scope_(scope), complain_(complain) {}

  // The type of the expression; nothing if it has none, which was complained about.
  std::optional<Type> check(const Expr& expr, Type expected) {
    auto found = visit(expr, expected);
    if (!found) return found;
    if (expected != Type::any && *found != expected && *found != Type::any) {
      complain(expr, std::string("this is ") + to_text(*found) + " where " + to_text(expected) + " belongs",
               hint_for(*found, expected));
      return std::nullopt;
    }
    return found;
  }

  bool learned() const { return learned_; }
  bool failed() const { return failed_; }
  Program take() { return std::move(program_); }

 private:
  static std::string hint_for(Type found, Type expected) {
    if (expected == Type::truth && found == Type::number) return "compare it: … > 0";
    if (expected == Type::number && found == Type::duration) return "divide it by a duration: … / 1s";
    if (expected == Type::number && found == Type::truth) return "write: if … then 1 else 0";
    return {};
  }

  std::nullopt_t complain(const Expr& at, std::string message, std::string hint = {}) {
    failed_ = true;
    if (complain_ != nullptr) (*complain_)({at.offset, at.length, std::move(message), std::move(hint)});
    return std::nullopt;
  }

  void emit(Op op, std::size_t slot = 0, std::size_t index = 0) {
    program_.code.push_back({op, static_cast<std::uint16_t>(slot), static_cast<std::uint32_t>(index)});
  }

  void emit_constant(double value) {
    emit(Op::constant, 0, program_.constants.size());
    program_.constants.push_back(value);
  }

  std::optional<Type> visit(const Expr& expr, Type expected) {
    switch (expr.kind) {
      case ExprKind::number: emit_constant(expr.number); return Type::number;
      case ExprKind::duration:
        emit_constant(static_cast<double>(expr.duration) / static_cast<double>(kSecond));
        return Type::duration;
      case ExprKind::truth: emit_constant(expr.truth ? 1 : 0); return Type::truth;
      case ExprKind::text:
        emit(Op::text, 0, program_.texts.size());
        program_.texts.push_back(expr.text);
        return Type::text;
      case ExprKind::name: return name(expr, expected);
      case ExprKind::call: return call(expr, expected);
      case ExprKind::negate: {
        const auto type = check(*expr.children[0], expected == Type::duration ? Type::duration : Type::any);
        if (!type) return type;
        if (!numeric(*expr.children[0], *type)) return std::nullopt;
        emit(Op::negate);
        return *type == Type::any ? Type::number : *type;
      }
      case ExprKind::logical_not:
        if (!check(*expr.children[0], Type::truth)) return std::nullopt;
        emit(Op::logical_not);
        return Type::truth;
      case ExprKind::logical_and:
      case ExprKind::logical_or: {
        const auto left = check(*expr.children[0], Type::truth);
        const auto right = check(*expr.children[1], Type::truth);
        if (!left || !right) return std::nullopt;
        emit(op_of(expr.kind));
        return Type::truth;
      }
      case ExprKind::choice: {
        const auto condition = check(*expr.children[0], Type::truth);
        const auto type = alike(*expr.children[1], *expr.children[2], expected);
        if (!condition || !type) return std::nullopt;
        emit(Op::choice);
        return type;
      }
      case ExprKind::less:
      case ExprKind::less_equal:
      case ExprKind::greater:
      case ExprKind::greater_equal:
      case ExprKind::equal:
      case ExprKind::not_equal: return comparison(expr);
      default: return arithmetic(expr, expected);
    }
  }

  // An input takes the type that its place asks for, the first time something asks for one.
  std::optional<Type> name(const Expr& expr, Type expected) {
    const auto input = std::ranges::find(scope_.inputs, expr.text, &InputName::name);
    if (input == scope_.inputs.end()) {
      if (std::ranges::find(scope_.captures, expr.text) != scope_.captures.end())
        return complain(expr, "'" + expr.text + "' is a part of a path, not an input",
                        "it may stand in messages and in the paths of emit");
      std::vector<std::string_view> names;
      for (const InputName& known : scope_.inputs) names.push_back(known.name);
      return complain(expr, "there is no input '" + expr.text + "'", did_you_mean(expr.text, names));
    }
    if (scope_.aggregates != nullptr && !inside_aggregate_)
      return complain(expr, "in a rule with a window, '" + expr.text + "' alone is not one value",
                      "say which: last(" + expr.text + "), mean(" + expr.text + ")");
    if (input->type == Type::any && expected != Type::any && expected != Type::duration) {
      input->type = expected;
      learned_ = true;
    }
    const auto index = static_cast<std::size_t>(input - scope_.inputs.begin());
    program_.inputs |= 1U << index;
    emit(Op::slot, index);
    return input->type;
  }

  bool numeric(const Expr& expr, Type& type) {
    if (type == Type::any) {
      // Only an input has no type yet: once more, asking for a number. What it emitted is the same.
      const std::size_t size = program_.code.size();
      const auto again = check(expr, Type::number);
      program_.code.resize(size);
      if (!again) return false;
      type = Type::number;
    }
    if (type == Type::number || type == Type::duration) return true;
    complain(expr, std::string("this is ") + to_text(type) + " where a number belongs", hint_for(type, Type::number));
    return false;
  }
  bool numeric(const Expr& expr, const Type& type) {
    Type copy = type;
    return numeric(expr, copy);
  }

  // Two operands of one type, whichever says it.
  std::optional<Type> alike(const Expr& a, const Expr& b, Type expected) {
    const std::size_t begin = program_.code.size();
    auto left = check(a, expected);
    auto right = check(b, left && *left != Type::any ? *left : expected);
    if (!left || !right) return std::nullopt;
    if (*left == Type::any && *right != Type::any && *right != Type::duration) {
      program_.code.resize(begin);
      left = check(a, *right);
      if (left) right = check(b, *right);
      if (!left || !right) return std::nullopt;
    }
    return *left == Type::any ? *right : *left;
  }

  std::optional<Type> comparison(const Expr& expr) {
    const Expr &a = *expr.children[0], &b = *expr.children[1];
    const bool ordering = expr.kind != ExprKind::equal && expr.kind != ExprKind::not_equal;
    const auto type = alike(a, b, Type::any);
    if (!type) return std::nullopt;
    Type both = *type;
    if (ordering && (!numeric(a, both) || (*type == Type::any && !numeric(b, *type)))) return std::nullopt;
    if (both == Type::text) {
      emit(expr.kind == ExprKind::equal ? Op::text_equal : Op::text_not_equal);
      return Type::truth;
    }
    // As long as types are still being found out, another use may say what both are.
    if (both == Type::any && complain_ != nullptr && (!numeric(a, both) || !numeric(b, *type))) return std::nullopt;
    if (!fuse(op_of(expr.kind))) emit(op_of(expr.kind));
    return Type::truth;
  }

  // `t > 90` is what most rules are: one instruction.
  bool fuse(Op op) {
    const std::size_t size = program_.code.size();
    if (size < 2 || op > Op::greater_equal || op < Op::less) return false;
    const Instruction left = program_.code[size - 2], right = program_.code[size - 1];
    if (left.op != Op::slot || right.op != Op::constant) return false;
    program_.code.resize(size - 2);
    const auto fused = static_cast<Op>(static_cast<int>(Op::slot_less) + static_cast<int>(op) - static_cast<int>(Op::less));
    emit(fused, left.slot, right.index);
    return true;
  }

  std::optional<Type> arithmetic(const Expr& expr, Type) {
    const Expr &a = *expr.children[0], &b = *expr.children[1];
    auto left = check(a, Type::any);
    auto right = check(b, Type::any);
    if (!left || !right || !numeric(a, *left) || !numeric(b, *right)) return std::nullopt;
    emit(op_of(expr.kind));
    const bool l = *left == Type::duration, r = *right == Type::duration;
    switch (expr.kind) {
      case ExprKind::add:
      case ExprKind::subtract:
      case ExprKind::modulo:
        if (l == r) return l ? Type::duration : Type::number;
        return complain(expr, "a duration and a number do not add", "write the number as a duration: 5s");
      case ExprKind::multiply:
        if (l && r) return complain(expr, "a duration times a duration is nothing that a rule can use");
        return l || r ? Type::duration : Type::number;
      default: return l && !r ? Type::duration : Type::number;  // per second, if divided by a duration
    }
  }

  std::optional<Type> call(const Expr& expr, Type expected) {
    const Function* function = find_function(expr.text);
    if (expr.children.size() == 2 && expr.children[1]->kind == ExprKind::duration &&
        expr.children[0]->kind != ExprKind::duration &&
        (find_aggregate(expr.text) != nullptr || std::ranges::find(kLater, expr.text) != std::end(kLater)))
      return complain(expr, "trailing windows as in " + expr.text + "(x, 5m) are not supported yet by this version",
                      "give the rule a window: and write " + expr.text + "(x)");
    if (find_aggregate(expr.text) != nullptr && (expr.children.size() == 1 || function == nullptr))
      return aggregate(expr, expected);
    if (function == nullptr) {
      if (std::ranges::find(kLater, expr.text) != std::end(kLater))
        return complain(expr, "'" + expr.text + "' is not supported yet by this version");
      std::vector<std::string_view> names;
      for (const Function& known : kFunctions) names.push_back(known.name);
      for (const std::string_view known : {"count", "count_true", "sum", "mean", "first", "last", "stddev", "variance"})
        names.push_back(known);
      return complain(expr, "there is no function '" + expr.text + "'", did_you_mean(expr.text, names));
    }
    if (expr.children.size() < function->least || expr.children.size() > function->most) {
      const std::string count = function->least == function->most
                                    ? std::to_string(function->least)
                                    : std::to_string(function->least) + " to " + std::to_string(function->most);
      return complain(expr, expr.text + "() takes " + count + (function->most == 1 ? " argument" : " arguments") +
                                ", not " + std::to_string(expr.children.size()));
    }
    return apply(expr, *function, expected);
  }

  std::optional<Type> apply(const Expr& expr, const Function& function, Type expected) {
    if (function.op == Op::good) {
      if (!check(*expr.children[0], Type::any)) return std::nullopt;
      emit(Op::good);
      return Type::truth;
    }
    if (function.op == Op::or_else) {
      const auto type = alike(*expr.children[0], *expr.children[1], expected);
      if (type) emit(Op::or_else);
      return type;
    }
    if (function.op == Op::round && expr.children.size() == 2) return round_to(expr);
    bool durations = false, numbers = false;
    for (std::size_t i = 0; i < expr.children.size(); ++i) {
      auto type = check(*expr.children[i], Type::any);
      if (!type || !numeric(*expr.children[i], *type)) return std::nullopt;
      (*type == Type::duration ? durations : numbers) = true;
      // min and max of many are min and max of two, again and again.
      if ((function.op == Op::min || function.op == Op::max) && i > 0) emit(function.op);
    }
    const bool keeps = function.op == Op::min || function.op == Op::max || function.op == Op::clamp || function.op == Op::abs;
    if (durations && (numbers || !keeps))
      return complain(expr, expr.text + "() does not take " + (numbers ? "durations and numbers together" : "a duration"),
                      "divide the duration: … / 1s");
    if (function.op != Op::min && function.op != Op::max) emit(function.op);
    return durations ? Type::duration : Type::number;
  }

  // round(x, 2): to so many places, which must stand there as a number.
  std::optional<Type> round_to(const Expr& expr) {
    const Expr& places = *expr.children[1];
    if (places.kind != ExprKind::number || places.number < 0 || places.number > 12 ||
        places.number != static_cast<int>(places.number))
      return complain(places, "the places of round() are a whole number from 0 to 12");
    auto type = check(*expr.children[0], Type::number);
    if (!type) return type;
    double scale = 1;
    for (int i = 0; i < static_cast<int>(places.number); ++i) scale *= 10;
    emit_constant(scale);
    emit(Op::multiply);
    emit(Op::round);
    emit_constant(scale);
    emit(Op::divide);
    return Type::number;
  }

  std::optional<Type> aggregate(const Expr& expr, Type expected) {
    if (expr.children.size() != 1)
      return complain(expr, expr.text + "() takes 1 argument, not " + std::to_string(expr.children.size()));
    if (inside_aggregate_) return complain(expr, "an aggregate inside an aggregate", "use two rules, one reading what the other emits");
    if (scope_.aggregates == nullptr)
      return complain(expr, "'" + expr.text + "' needs a window", "add window: 1m to the rule");
    const AggregateKind kind = *find_aggregate(expr.text);
    const bool same = kind == AggregateKind::first || kind == AggregateKind::last;
    Program outer = std::exchange(program_, {});
    inside_aggregate_ = true;
    const auto type = check(*expr.children[0], same ? expected : argument_type(kind));
    inside_aggregate_ = false;
    Program argument = std::exchange(program_, std::move(outer));
    if (!type) return std::nullopt;
    if (*type == Type::text && kind != AggregateKind::count)
      return complain(expr, expr.text + "() of a text is not supported yet by this version");
    if (argument.inputs == 0) return complain(*expr.children[0], "an aggregate of something that no input is in");
    argument.type = *type;
    argument.source = print(*expr.children[0]);
    program_.inputs |= argument.inputs;
    const std::string source = print(expr);
    auto& all = *scope_.aggregates;
    auto found = std::ranges::find(all, source, &Aggregate::source);
    if (found == all.end()) found = all.insert(all.end(), {kind, std::move(argument), source});
    emit(Op::aggregate, 0, static_cast<std::size_t>(found - all.begin()));
    return same ? *type : Type::number;
  }

  Scope& scope_;
  const std::function<void(Fault)>* complain_;
  Program program_;
  bool inside_aggregate_ = false;
  bool learned_ = false;
  bool failed_ = false;
};

}  // namespace

bool infer(const Expr& expr, Type expected, Scope& scope) {
  std::vector<Aggregate> ignored;
  Scope quiet{scope.inputs, scope.captures, scope.aggregates == nullptr ? nullptr : &ignored};
  Checker checker(quiet, nullptr);
  checker.check(expr, expected);
  return checker.learned();
}

Program compile_expression(const Expr& expr, Type expected, Scope& scope, const std::function<void(Fault)>& complain) {
  Checker checker(scope, &complain);
  const auto type = checker.check(expr, expected);
  if (!type || checker.failed()) return {};
  Program program = checker.take();
  program.type = *type;
  program.source = print(expr);
  return program;
}

}  // namespace weir::rules
