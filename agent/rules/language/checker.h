// What goes over an expression to check it, and leaves the instructions that compute it. Private to check*.cpp:
// check.cpp has names and operators, check_calls.cpp the functions, check_memory.cpp those that remember.
//
// Each visit gives the type of what it visited, or nothing after a complaint; it goes on all the same, to find what
// else is wrong. Without `complain` it is quiet, and only learns the types of inputs.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/language/ast.h"
#include "rules/language/check.h"
#include "rules/language/functions.h"
#include "rules/language/program.h"
#include "rules/memory/aggregate.h"
#include "rules/memory/step.h"

namespace weir::rules {

class Checker {
 public:
  Checker(Scope& scope, const std::function<void(Fault)>* complain)
      : scope_(scope), complain_(complain), stage_(scope.stage) {}

  std::optional<Type> check(const Expr& expr, Type expected);
  bool learned() const { return learned_; }
  bool failed() const { return failed_; }
  Program take() { return std::move(program_); }

 private:
  using Operands = std::span<const std::unique_ptr<Expr>>;

  // check.cpp
  std::nullopt_t complain(const Expr& at, std::string message, std::string hint = {});
  std::optional<Type> visit(const Expr& expr, Type expected);
  std::optional<Type> name(const Expr& expr, Type expected);
  std::nullopt_t no_such_name(const Expr& expr);
  std::optional<Type> choice(const Expr& expr, Type expected);
  std::optional<Type> comparison(const Expr& expr);
  std::optional<Type> between(const Expr& expr);
  std::optional<Type> one_of(const Expr& expr);
  std::optional<Type> arithmetic(const Expr& expr);
  // Operands of one type, whichever says it; `otherwise` if none does. After each, `after`.
  std::optional<Type> alike(Operands operands, Type type, Type otherwise, const std::function<void()>& after = {});
  // An input that could be anything becomes `as`, and so does the type.
  bool settle(const Expr& expr, Type& type, Type as);
  // Numbers and durations are fine.
  bool numeric(const Expr& expr, Type& type);
  bool fuse(Op op);
  void fold(std::size_t code, std::size_t constants);

  // check_calls.cpp
  std::optional<Type> call(const Expr& expr, Type expected);
  bool counts_fit(const Expr& expr, std::size_t least, std::size_t most, std::string_view hint = {});
  std::optional<Type> function(const Expr& expr, const Function& function, Type expected);
  std::optional<Type> of_numbers(const Expr& expr, const Function& function);
  std::optional<Type> age(const Expr& expr);
  std::optional<Type> round_to(const Expr& expr);
  std::optional<Type> interpolate(const Expr& expr);
  // The value of what computes to one right here.
  std::optional<double> constant(const Expr& expr);

  // check_memory.cpp
  enum class Role { function, step, trailing, aggregate };
  Role role(const Expr& expr) const;
  bool speaks_of_window(const Expr& expr) const;
  std::optional<Type> aggregate(const Expr& expr, Type expected);
  std::optional<Type> trailing(const Expr& expr, Type expected);
  std::optional<Type> step(const Expr& expr, Type expected);
  // An aggregate with its argument in it.
  std::optional<Type> gather(const Expr& expr, Type expected, Aggregate& out);
  // What `visit` leaves is not ours, but a program of its own.
  template <class Visit>
  std::optional<Type> apart(const Expr& argument, Program& out, Visit&& visit);
  bool may_remember(const Expr& expr);
  bool keep(const Expr& expr, Step step);
  bool reads_member(const Program& argument) const;
  Nanoseconds least_hold(const Program& argument) const;

  void emit(Op op, std::size_t slot = 0, std::size_t index = 0) {
    program_.code.push_back({op, static_cast<std::uint16_t>(slot), static_cast<std::uint32_t>(index)});
  }
  void emit_constant(double value) {
    emit(Op::constant, 0, program_.constants.size());
    program_.constants.push_back(value);
  }
  void reads(std::size_t input) { program_.inputs |= 1U << (input % 32); }

  Scope& scope_;
  const std::function<void(Fault)>* complain_;
  Program program_;
  Stage stage_;                // at which what is visited is computed
  bool in_aggregate_ = false;  // of the window, or across members
  bool learned_ = false;
  bool failed_ = false;
};

}  // namespace weir::rules
