#include "rules/read/expressions.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "rules/language/parser.h"
#include "rules/read/fields.h"

namespace weir::rules {
namespace {

constexpr std::size_t kMostLets = 64;

// A scalar that YAML made a bool or a number of is an expression, too.
std::optional<std::string> written(const Node& node) {
  if (const std::string* text = node.as_string()) return *text;
  if (const bool* truth = node.as_bool()) return *truth ? "true" : "false";
  double number = 0;
  if (!node.as_number(number)) return std::nullopt;
  char digits[32];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void move_places(Expr& expr, std::size_t by) {
  expr.offset += by;
  for (const auto& child : expr.children) move_places(*child, by);
}

bool speaks_of(const Expr& expr, std::string_view name) {
  return (expr.kind == ExprKind::name && expr.text == name) ||
         std::ranges::any_of(expr.children, [&](const auto& child) { return speaks_of(*child, name); });
}

}  // namespace

std::unique_ptr<Expr> Expressions::parse(const Node& node) {
  const auto text = written(node);
  if (!text) {
    reporter_.error(node, "an expression belongs here, not " + std::string(node.kind()),
                    "write, for example, t > 90");
    return nullptr;
  }
  Fault fault;
  auto tree = parse_expression(*text, fault);
  if (!tree) reporter_.inside(node)(std::move(fault));
  return tree;
}

void Expressions::read_lets(const Node& node) {
  const Node::Map* map = node.as_map();
  if (map == nullptr)
    return reporter_.error(node, "let: is a map of names and expressions, not " + std::string(node.kind()),
                           "write let: {rise: delta(t)}");
  if (map->size() > kMostLets)
    return reporter_.error(
        node, std::to_string(map->size()) + " names under let:", std::to_string(kMostLets) + " are allowed");
  for (const Node::Member& member : *map) {
    if (!check_name(member, "what stands under let:", reporter_)) continue;
    if (std::ranges::find(rule_.inputs, member.key, &Input::name) != rule_.inputs.end()) {
      reporter_.error(member, "'" + member.key + "' is an input already", "give one of them another name");
      continue;
    }
    auto tree = parse(member.value);
    if (!tree) continue;
    move_places(*tree, kLetPlaces * (lets_.size() + 1));
    lets_.push_back({member.key, std::move(tree)});
    let_places_.push_back(&member);
  }
}

void Expressions::add(const Node& node, Type expected, Program& into, Stage stage) {
  if (auto tree = parse(node)) formulas_.push_back({&node, std::move(tree), expected, &into, stage});
}

void Expressions::add_message(const Node& node, MessageTemplate& into) {
  if (const std::string* text = read_text(node, "a message", reporter_)) messages_.push_back({&node, *text, &into});
}

void Expressions::add_message(std::string text, MessageTemplate& into) {
  messages_.push_back({nullptr, std::move(text), &into});
}

// A fault may lie in what stands under let:, wherever that is used; and is said once.
Reporter::Complain Expressions::complain_about(const Node& node) {
  return [this, &node](Fault fault) {
    const std::size_t let = fault.offset / kLetPlaces;
    if (let == 0 || let > lets_.size()) return reporter_.inside(node)(std::move(fault));
    if (!let_faults_.emplace(fault.offset, fault.message).second) return;
    fault.offset %= kLetPlaces;
    reporter_.inside(let_places_[let - 1]->value)(std::move(fault));
  };
}

Scope Expressions::scope(std::vector<InputName>& names, Stage stage) {
  const bool filters = stage == Stage::where;
  const bool aggregates = !filters && (rule_.window || rule_.members);
  return {.inputs = names,
          .captures = rule_.captures,
          .site = &site_,
          .lets = lets_,
          .stage = stage,
          .window = rule_.window && !filters,
          .members = rule_.members,
          .aggregates = aggregates ? &rule_.aggregates : nullptr,
          .steps = &rule_.steps,
          .detects = rule_.detect.has_value() && !filters};
}

std::vector<InputName> Expressions::names() const {
  std::vector<InputName> out;
  for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
    const Input& input = rule_.inputs[i];
    // What is converted, and what a detector looks at, is a number.
    const Type type = input.unit || rule_.detect ? Type::number : Type::any;
    out.push_back({input.name, type, input.of_member, rule_.within[i]});
  }
  return out;
}

void Expressions::infer_types(std::vector<InputName>& names, const KnownSignals& signals) {
  for (bool learned = true; learned;) {
    learned = false;
    for (const Formula& formula : formulas_) {
      Scope here = scope(names, formula.stage);
      learned = infer(*formula.tree, formula.expected, here) || learned;
    }
  }
  for (const Message& message : messages_) {
    Scope here = scope(names, Stage::result);
    parse_message_template(message.text, here, rule_.group_captures.size(), true, {});
  }
  // What no expression says, the first signal that matches does.
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].type != Type::any) continue;
    if (const auto& examples = signals.examples(rule_.inputs[i].pattern); !examples.empty())
      names[i].type = type_of(examples.front()->type);
  }
}

void Expressions::compile(const KnownSignals& signals) {
  std::vector<InputName> names = this->names();
  infer_types(names, signals);
  for (const Formula& formula : formulas_) {
    Scope here = scope(names, formula.stage);
    *formula.into = compile_expression(*formula.tree, formula.expected, here, complain_about(*formula.node));
  }
  for (const Message& message : messages_) {
    Scope here = scope(names, Stage::result);
    const auto complain = message.node != nullptr ? complain_about(*message.node) : [](const Fault&) {};
    MessageTemplate compiled =
        parse_message_template(message.text, here, rule_.group_captures.size(), false, complain);
    std::ranges::move(compiled.parts, std::back_inserter(message.into->parts));
  }
  for (std::size_t i = 0; i < names.size(); ++i) rule_.inputs[i].type = names[i].type;
  warn_of_idle_lets();
}

void Expressions::warn_of_idle_lets() {
  for (std::size_t i = 0; i < lets_.size(); ++i) {
    const std::string& name = lets_[i].name;
    const bool used =
        std::ranges::any_of(formulas_, [&](const Formula& f) { return speaks_of(*f.tree, name); }) ||
        std::ranges::any_of(lets_, [&](const LetName& l) { return speaks_of(*l.value, name); }) ||
        std::ranges::any_of(messages_, [&](const Message& m) { return m.text.find(name) != std::string::npos; });
    if (!used)
      reporter_.warn(let_places_[i]->key_position, name.size(), "nothing uses '" + name + "'",
                     "leave it out, or use it");
  }
}

const Node& Expressions::node_of(const Program& program) const {
  return *std::ranges::find(formulas_, &program, &Formula::into)->node;
}

int Expressions::unit_of(const Program& program) const {
  return unit_of(*std::ranges::find(formulas_, &program, &Formula::into)->tree);
}

int Expressions::unit_of(const Expr& expr) const {
  static constexpr std::string_view kKeep[] = {
      "mean",      "sum",      "min",  "max",   "first", "last",  "stddev", "median", "quantile", "mode",
      "time_mean", "increase", "prev", "delta", "abs",   "round", "floor",  "ceil",   "or_else",  "clamp"};
  if (expr.kind == ExprKind::call && !expr.children.empty() &&
      std::ranges::find(kKeep, expr.text) != std::end(kKeep)) {
    // min and max of several, which may be of different units, are not said.
    const bool several = (expr.text == "min" || expr.text == "max") && expr.children.size() > 1 &&
                         expr.children[1]->kind != ExprKind::duration;
    return several ? -1 : unit_of(*expr.children.front());
  }
  if (expr.kind == ExprKind::negate) return unit_of(*expr.children.front());
  if (expr.kind != ExprKind::name) return -1;
  if (const auto let = std::ranges::find(lets_, expr.text, &LetName::name); let != lets_.end())
    return unit_of(*let->value);
  const auto input = std::ranges::find(rule_.inputs, expr.text, &Input::name);
  return input == rule_.inputs.end() ? -1 : static_cast<int>(input - rule_.inputs.begin());
}

}  // namespace weir::rules
