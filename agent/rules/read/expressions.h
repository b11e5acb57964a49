// All expressions of one rule: parsed as they are read, checked and compiled when all are there, because one use may
// say the type of an input that another leaves open.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/document.h"
#include "rules/language/check.h"
#include "rules/read/known_signals.h"
#include "rules/read/reporter.h"
#include "rules/rule_set.h"

namespace weir::rules {

class Expressions {
 public:
  // What comes out goes to programs of `rule`, and to its inputs' types, steps and aggregates.
  Expressions(Rule& rule, const Site& site, Reporter& reporter) : rule_(rule), site_(site), reporter_(reporter) {}

  // `let:`: names for what stands behind them.
  void read_lets(const Node& node);

  // `into` stays where it is until compile() has filled it.
  void add(const Node& node, Type expected, Program& into, Stage stage = Stage::result);
  void add_message(const Node& node, MessageTemplate& into);
  // One of ours, behind what `into` has already.
  void add_message(std::string text, MessageTemplate& into);

  void compile(const KnownSignals& signals);

  // Of a program that was added and compiled: where it stands, and the input whose unit its value has (as `t` and
  // mean(t) have that of t; -1: none).
  const Node& node_of(const Program& program) const;
  int unit_of(const Program& program) const;

 private:
  struct Formula {
    const Node* node;
    std::unique_ptr<Expr> tree;
    Type expected;
    Program* into;
    Stage stage;
  };
  struct Message {
    const Node* node;  // null: one of ours
    std::string text;
    MessageTemplate* into;
  };

  std::unique_ptr<Expr> parse(const Node& node);
  Reporter::Complain complain_about(const Node& node);
  Scope scope(std::vector<InputName>& names, Stage stage);
  std::vector<InputName> names() const;
  void infer_types(std::vector<InputName>& names, const KnownSignals& signals);
  void warn_of_idle_lets();
  int unit_of(const Expr& expr) const;

  Rule& rule_;
  const Site& site_;
  Reporter& reporter_;
  std::vector<LetName> lets_;
  std::vector<const Node::Member*> let_places_;
  std::set<std::pair<std::size_t, std::string>> let_faults_;  // those that were said
  std::vector<Formula> formulas_;
  std::vector<Message> messages_;
};

}  // namespace weir::rules
