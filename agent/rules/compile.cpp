#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "rules/engine.h"
#include "rules/graph.h"
#include "rules/pattern_index.h"
#include "rules/read.h"
#include "rules/rule_set.h"

namespace weir::rules {
namespace {

constexpr std::size_t kMostRules = 100'000;

void complain(Diagnostics& diagnostics, const Position& at, std::string message, std::string hint, std::size_t length = 1,
              Diagnostic::Severity severity = Diagnostic::Severity::error) {
  diagnostics.push_back({severity, at, std::move(message), std::move(hint), static_cast<int>(length)});
}

// The list of rules in a file; null if there is none.
const Node::List* rules_of(const Node& file, Diagnostics& diagnostics) {
  if (file.is_null()) return nullptr;
  const Node::Map* map = file.as_map();
  if (map == nullptr) {
    complain(diagnostics, file.position, std::string("a file of rules is a map, not ") + file.kind(), "begin it with rules:");
    return nullptr;
  }
  for (const Node::Member& member : *map)
    if (member.key != "rules")
      complain(diagnostics, member.key_position, "a file of rules has no '" + member.key + "'",
               did_you_mean(member.key, std::array<std::string_view, 1>{"rules"}), member.key.size());
  const Node* rules = file.find("rules");
  if (rules == nullptr || rules->is_null()) return nullptr;
  if (rules->as_list() == nullptr)
    complain(diagnostics, rules->position, std::string("rules: is a list, not ") + rules->kind(), "write - name: … for each rule");
  return rules->as_list();
}

void warn_of_silence(const std::vector<Rule>& rules, std::span<const model::Signal> announced, Diagnostics& diagnostics) {
  PatternIndex index;
  std::vector<std::pair<const Rule*, const Input*>> silent;
  for (const Rule& rule : rules)
    for (const Input& input : rule.inputs) {
      index.add(input.pattern.text(), static_cast<std::uint32_t>(silent.size()));
      silent.emplace_back(&rule, &input);
    }
  for (const model::Signal& signal : announced)
    index.candidates(signal.path, [&](std::uint32_t i) {
      if (silent[i].second != nullptr && silent[i].second->pattern.match(signal.path)) silent[i].second = nullptr;
    });
  const auto emitted = [&](const Input& input) {
    return std::ranges::any_of(rules, [&](const Rule& rule) {
      return rule.has_readers && std::ranges::any_of(rule.emits, [&](const Emit& emit) {
               return emit.has_readers && may_overlap(emit.path.text, input.pattern.text());
             });
    });
  };
  for (const auto& [rule, input] : silent)
    if (input != nullptr && !emitted(*input))
      complain(diagnostics, rule->position,
               "rule '" + rule->name + "': no signal that is known matches " + input->pattern.text(),
               "the rule waits for one; compare with what the driver announces", 1, Diagnostic::Severity::warning);
}

}  // namespace

Compiled compile(std::span<const Node> files, std::span<const model::Signal> announced) {
  Compiled out;
  std::vector<Rule> rules;
  std::unordered_map<std::string, Position> names;
  std::size_t count = 0;
  for (const Node& file : files) {
    const Node::List* list = rules_of(file, out.diagnostics);
    if (list == nullptr) continue;
    for (const Node& node : *list) {
      if (++count > kMostRules) {
        complain(out.diagnostics, node.position, "more than " + std::to_string(kMostRules) + " rules", "use captures: {n}");
        return out;
      }
      if (const Node* name = node.find("name"); name != nullptr && name->as_string() != nullptr) {
        const auto [first, is_new] = names.try_emplace(*name->as_string(), name->position);
        if (!is_new)
          complain(out.diagnostics, name->position, "there is a rule '" + *name->as_string() + "' already",
                   "give each rule a name of its own; the first is at " +
                       (first->second.file ? *first->second.file + ":" : std::string("line ")) + std::to_string(first->second.line),
                   name->as_string()->size());
      }
      if (auto rule = read_rule(node, announced, out.diagnostics)) rules.push_back(std::move(*rule));
    }
  }
  order(rules, out.diagnostics);
  if (has_errors(out.diagnostics)) return out;
  if (!announced.empty()) warn_of_silence(rules, announced, out.diagnostics);
  auto set = std::make_shared<RuleSet>();
  set->rules = std::move(rules);
  out.rules = std::move(set);
  return out;
}

}  // namespace weir::rules
