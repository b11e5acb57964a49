#include "rules/language/check.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "rules/language/checker.h"
#include "rules/language/expand.h"

namespace weir::rules {
namespace {

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

// What takes numbers from the stack and leaves one; see the order of Op.
bool computes(Op op) { return op >= Op::negate && op <= Op::between; }

std::string hint_for(const Expr& expr, Type found, Type expected) {
  const bool literal = expr.kind == ExprKind::duration;
  if (expected == Type::truth && found == Type::number) return "compare it: … > 0";
  if (expected == Type::number && found == Type::duration)
    return literal ? "write a plain number; a duration compares with age(x), since(c), span(x) and the like"
                   : "divide it by a duration: … / 1s";
  if (expected == Type::number && found == Type::truth) return "write: if … then 1 else 0";
  if (expected == Type::number && found == Type::text) return "number(…) reads a text as a number";
  if (expected == Type::duration && found == Type::number) return "write the number as a duration: 5s, or … * 1s";
  if (expected == Type::text && found == Type::number) return "text(…) writes a number as a text";
  return {};
}

}  // namespace

std::nullopt_t Checker::complain(const Expr& at, std::string message, std::string hint) {
  failed_ = true;
  if (complain_ != nullptr) (*complain_)({at.offset, at.length, std::move(message), std::move(hint)});
  return std::nullopt;
}

std::optional<Type> Checker::check(const Expr& expr, Type expected) {
  const std::size_t code = program_.code.size(), constants = program_.constants.size();
  const auto found = visit(expr, expected);
  if (!found) return found;
  if (expected != Type::any && *found != expected && *found != Type::any)
    return complain(expr, std::string("this is ") + to_text(*found) + " where " + to_text(expected) + " belongs",
                    hint_for(expr, *found, expected));
  fold(code, constants);
  return found;
}

std::optional<Type> Checker::visit(const Expr& expr, Type expected) {
  switch (expr.kind) {
    case ExprKind::number:
    case ExprKind::constant: emit_constant(expr.number); return Type::number;
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
      auto type = check(*expr.children[0], expected == Type::duration ? Type::duration : Type::any);
      if (!type || !numeric(*expr.children[0], *type)) return std::nullopt;
      emit(Op::negate);
      return type;
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
    case ExprKind::choice: return choice(expr, expected);
    case ExprKind::between: return between(expr);
    case ExprKind::one_of: return one_of(expr);
    case ExprKind::less:
    case ExprKind::less_equal:
    case ExprKind::greater:
    case ExprKind::greater_equal:
    case ExprKind::equal:
    case ExprKind::not_equal: return comparison(expr);
    default: return arithmetic(expr);
  }
}

// An input takes the type that its place asks for, the first time something asks for one.
std::optional<Type> Checker::name(const Expr& expr, Type expected) {
  if (scope_.detects && (expr.text == "score" || expr.text == "reason")) {
    reads(0);
    emit(Op::aggregate, 0, expr.text == "score" ? 0 : 1);
    return expr.text == "score" ? Type::number : Type::text;
  }
  const auto input = std::ranges::find(scope_.inputs, expr.text, &InputName::name);
  if (input == scope_.inputs.end()) return no_such_name(expr);
  if (input->of_member && !in_aggregate_)
    return complain(expr, "there is a '" + expr.text + "' of each member of the group",
                    "say which: max(" + expr.text + "), or how many: count_true(" + expr.text + " > …)");
  if (scope_.window && stage_ == Stage::result)
    return complain(expr, "in a rule with a window, '" + expr.text + "' alone is not one value",
                    "say which: last(" + expr.text + "), mean(" + expr.text + ")");
  if (input->type == Type::any && expected != Type::any) {
    // There are no inputs of durations.
    input->type = expected == Type::duration ? Type::number : expected;
    learned_ = true;
  }
  const auto index = static_cast<std::size_t>(input - scope_.inputs.begin());
  reads(index);
  emit(input->of_member ? Op::member : Op::slot, index);
  return input->type;
}

std::nullopt_t Checker::no_such_name(const Expr& expr) {
  if (std::ranges::find(scope_.captures, expr.text) != scope_.captures.end())
    return complain(expr, "'" + expr.text + "' is a part of a path, not an input",
                    "it may stand in messages and in the paths of emit");
  if (std::ranges::find(scope_.lets, expr.text, &LetName::name) != scope_.lets.end())
    return complain(expr, "'" + expr.text + "' is not known yet", "under let: a name may speak of those above it");
  std::vector<std::string_view> names;
  for (const InputName& known : scope_.inputs) names.push_back(known.name);
  for (const LetName& known : scope_.lets) names.push_back(known.name);
  if (scope_.detects) names.insert(names.end(), {"score", "reason"});
  std::string hint = did_you_mean(expr.text, names);
  if (is_function(expr.text)) hint = "'" + expr.text + "' is a function: " + expr.text + "(…)";
  return complain(expr, "there is no input '" + expr.text + "'", std::move(hint));
}

bool Checker::settle(const Expr& expr, Type& type, Type as) {
  if (type != Type::any || as == Type::any) return true;
  // Only an input has no type yet, alone or passed through. Once more, asking for one; what it emits is the same.
  const std::size_t size = program_.code.size();
  const auto again = check(expr, as);
  program_.code.resize(size);
  if (again) type = *again;
  return again.has_value();
}

bool Checker::numeric(const Expr& expr, Type& type) {
  if (!settle(expr, type, Type::number)) return false;
  if (type == Type::number || type == Type::duration) return true;
  complain(expr, std::string("this is ") + to_text(type) + " where a number belongs",
           hint_for(expr, type, Type::number));
  return false;
}

std::optional<Type> Checker::alike(Operands operands, Type type, Type otherwise, const std::function<void()>& after) {
  std::vector<Type> found;
  bool fine = true;
  for (const auto& operand : operands) {
    const auto own = check(*operand, type);
    found.push_back(own.value_or(Type::any));
    fine = fine && own;
    if (type == Type::any) type = found.back();
    if (after) after();
  }
  if (!fine) return std::nullopt;
  if (type == Type::any) type = otherwise;
  for (std::size_t i = 0; i < operands.size(); ++i) fine = settle(*operands[i], found[i], type) && fine;
  return fine ? std::optional(type) : std::nullopt;
}

std::optional<Type> Checker::choice(const Expr& expr, Type expected) {
  const auto condition = check(*expr.children[0], Type::truth);
  const auto type = alike(Operands(expr.children).subspan(1), expected, Type::any);
  if (!condition || !type) return std::nullopt;
  emit(Op::choice);
  return type;
}

std::optional<Type> Checker::comparison(const Expr& expr) {
  const bool ordering = expr.kind != ExprKind::equal && expr.kind != ExprKind::not_equal;
  // As long as types are still being found out, another use may say what both are.
  auto type = alike(expr.children, Type::any, ordering || complain_ != nullptr ? Type::number : Type::any);
  if (!type) return type;
  if (ordering && !numeric(*expr.children[0], *type)) return std::nullopt;
  if (*type == Type::text) emit(expr.kind == ExprKind::equal ? Op::text_equal : Op::text_not_equal);
  else if (!fuse(op_of(expr.kind))) emit(op_of(expr.kind));
  return Type::truth;
}

// `t > 90` is what most rules are: one instruction.
bool Checker::fuse(Op op) {
  const std::size_t size = program_.code.size();
  if (size < 2 || op > Op::greater_equal || op < Op::less) return false;
  const Instruction left = program_.code[size - 2], right = program_.code[size - 1];
  if (left.op != Op::slot || right.op != Op::constant) return false;
  program_.code.resize(size - 2);
  const auto fused =
      static_cast<Op>(static_cast<int>(Op::slot_less) + static_cast<int>(op) - static_cast<int>(Op::less));
  emit(fused, left.slot, right.index);
  return true;
}

std::optional<Type> Checker::between(const Expr& expr) {
  auto type = alike(expr.children, Type::any, Type::number);
  if (!type || !numeric(*expr.children[0], *type)) return std::nullopt;
  emit(Op::between);
  return Type::truth;
}

// x, and whether it was found so far; then each value in turn.
std::optional<Type> Checker::one_of(const Expr& expr) {
  std::vector<std::size_t> comparisons;
  const auto type =
      alike(expr.children, Type::any, complain_ != nullptr ? Type::number : Type::any, [&, first = true]() mutable {
        if (std::exchange(first, false)) return emit_constant(0);
        comparisons.push_back(program_.code.size());
        emit(Op::same);
      });
  if (!type) return type;
  if (*type == Type::text)
    for (const std::size_t at : comparisons) program_.code[at].op = Op::same_text;
  emit(Op::drop_second);
  return Type::truth;
}

std::optional<Type> Checker::arithmetic(const Expr& expr) {
  const Expr &a = *expr.children[0], &b = *expr.children[1];
  auto left = check(a, Type::any);
  auto right = check(b, left == Type::text && expr.kind == ExprKind::add ? Type::text : Type::any);
  if (!left || !right) return std::nullopt;
  if (expr.kind == ExprKind::add && *right == Type::text) {
    if (!settle(a, *left, Type::text)) return std::nullopt;
    if (*left != Type::text)
      return complain(a, std::string("this is ") + to_text(*left) + " where a text belongs",
                      hint_for(a, *left, Type::text));
    emit(Op::concat);
    return Type::text;
  }
  const bool numbers = numeric(a, *left);
  if (!numeric(b, *right) || !numbers) return std::nullopt;
  emit(op_of(expr.kind));
  const bool l = *left == Type::duration, r = *right == Type::duration;
  switch (expr.kind) {
    case ExprKind::add:
    case ExprKind::subtract:
    case ExprKind::modulo:
      if (l == r) return *left;
      return complain(expr, "a duration and a number do not add", "write the number as a duration: 5s");
    case ExprKind::multiply:
      if (l && r) return complain(expr, "a duration times a duration is nothing that a rule can use");
      return l || r ? Type::duration : Type::number;
    default: return l && !r ? Type::duration : Type::number;  // per second, if divided by a duration
  }
}

// What is the same always is computed here, once: -5, 1h / 4. What has no result stays, to be counted.
void Checker::fold(std::size_t code, std::size_t constants) {
  const auto begin = program_.code.begin() + static_cast<std::ptrdiff_t>(code), end = program_.code.end();
  if (end - begin < 2 || !computes(end[-1].op)) return;
  if (!std::all_of(begin, end - 1, [](const Instruction& in) { return in.op == Op::constant; })) return;
  Program part;
  part.code.assign(begin, end);
  part.constants = program_.constants;
  std::uint64_t failures = 0;
  const Result3 result = run(part, {nullptr, nullptr, nullptr, nullptr, 0, &failures});
  if (!result.known) return;
  program_.code.resize(code);
  program_.constants.resize(constants);
  emit_constant(result.number);
}

bool infer(const Expr& expr, Type expected, Scope& scope) {
  const auto tree = expand(expr, scope, [](const Fault&) {});
  if (!tree) return false;
  std::vector<Aggregate> aggregates;
  std::vector<Step> steps;
  Scope quiet = scope;
  if (scope.aggregates != nullptr) quiet.aggregates = &aggregates;
  if (scope.steps != nullptr) quiet.steps = &steps;
  Checker checker(quiet, nullptr);
  checker.check(*tree, expected);
  return checker.learned();
}

Program compile_expression(const Expr& expr, Type expected, Scope& scope,
                           const std::function<void(Fault)>& complain) {
  bool faulty = false;
  const std::function<void(Fault)> noted = [&](Fault fault) {
    faulty = true;
    complain(std::move(fault));
  };
  const auto tree = expand(expr, scope, noted);
  if (!tree) return {};
  Checker checker(scope, &noted);
  const auto type = checker.check(*tree, expected);
  if (!type || faulty) return {};
  Program program = checker.take();
  program.type = *type;
  program.source = print(*tree);
  return program;
}

}  // namespace weir::rules
