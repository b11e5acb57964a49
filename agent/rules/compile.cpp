#include <algorithm>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "rules/engine.h"
#include "rules/fields.h"
#include "rules/graph.h"
#include "rules/known_signals.h"
#include "rules/pattern_index.h"
#include "rules/read.h"
#include "rules/read_validity.h"
#include "rules/reporter.h"
#include "rules/rule_set.h"

namespace weir::rules {
namespace {

constexpr std::size_t kMostRules = 100'000;

constexpr std::string_view kFileKeys[] = {"rules", "valid"};
constexpr KeyHint kFileHints[] = {{"groups", "write rules: and each rule below it"},
                                  {"rule", "write rules:"},
                                  {"alerts", "write rules:"},
                                  {"alert", "write rules:, and a rule with alert:"},
                                  {"repair", "it belongs below valid:"}};

// The list of rules in a file; null if there is none.
const Node::List* rules_of(const Node& file, Reporter& reporter) {
  if (file.is_null() || read_map(file, {"a file of rules", "rules: and each rule below it", kFileKeys, kFileHints},
                                 reporter) == nullptr)
    return nullptr;
  const Node* rules = file.find("rules");
  if (rules == nullptr || rules->is_null()) return nullptr;
  if (rules->as_list() == nullptr)
    reporter.error(*rules, std::string("rules: is a list, not ") + rules->kind(), "write - name: … for each rule");
  return rules->as_list();
}

std::string place_of(const Position& position) {
  return (position.file ? *position.file + ":" : std::string("line ")) + std::to_string(position.line);
}

// All rules of all files; what is wrong with one keeps none of the others from being read.
class FileReader {
 public:
  FileReader(const Site& site, const KnownSignals& signals, Diagnostics& diagnostics)
      : site_(site), signals_(signals), diagnostics_(diagnostics), reporter_(diagnostics) {}

  std::vector<Rule> run(std::span<const Node> files) {
    for (const Node& file : files) {
      const Node::List* list = rules_of(file, reporter_);
      if (list == nullptr) continue;
      for (const Node& node : *list) {
        if (++count_ > kMostRules) {
          reporter_.error(node, "more than " + std::to_string(kMostRules) + " rules", "use captures: {n}");
          return {};
        }
        check_name(node);
        if (auto rule = read_rule(node, site_, signals_, diagnostics_)) rules_.push_back(std::move(*rule));
      }
    }
    return std::move(rules_);
  }

 private:
  void check_name(const Node& node) {
    const Node* name = node.find("name");
    if (name == nullptr || name->as_string() == nullptr) return;
    const auto [first, is_new] = names_.try_emplace(*name->as_string(), name->position);
    if (!is_new)
      reporter_.error(*name, "there is a rule '" + *name->as_string() + "' already",
                      "give each rule a name of its own; the first is at " + place_of(first->second));
  }

  const Site& site_;
  const KnownSignals& signals_;
  Diagnostics& diagnostics_;
  Reporter reporter_;
  std::vector<Rule> rules_;
  std::unordered_map<std::string, Position> names_;
  std::size_t count_ = 0;
};

// Of inputs that nothing known feeds, neither a driver nor another rule.
void warn_of_silence(const std::vector<Rule>& rules, const KnownSignals& signals, Reporter& reporter) {
  const auto emitted = [&](const Input& input) {
    return std::ranges::any_of(rules, [&](const Rule& rule) {
      return rule.has_readers && std::ranges::any_of(rule.emits, [&](const Emit& emit) {
               return emit.has_readers && may_overlap(emit.path.text, input.pattern.text());
             });
    });
  };
  for (const Rule& rule : rules)
    for (const Input& input : rule.inputs)
      if (signals.examples(input.pattern).empty() && !emitted(input))
        reporter.warn(rule.position, 1,
                      "rule '" + rule.name + "': no signal that is known matches " + input.pattern.text(),
                      "the rule waits for one; compare with what the driver announces");
}

std::shared_ptr<const ValiditySet> read_profiles(std::span<const Node> files, const KnownSignals& signals, Reporter& reporter) {
  auto set = std::make_shared<ValiditySet>();
  for (const Node& file : files)
    if (const Node* valid = file.as_map() != nullptr ? file.find("valid") : nullptr) read_valid(*valid, signals, reporter, *set);
  return set;
}

// What is repaired goes out under a path that no rule emits.
void refuse_shared_paths(const std::vector<Rule>& rules, const ValiditySet& validity, Reporter& reporter) {
  for (const Profile& profile : validity.profiles)
    for (const Check& check : profile.checks)
      for (const Rule& rule : rules)
        for (const Emit& emit : rule.emits)
          if (check.repair != Repair::none && may_overlap(check.repaired.text, emit.path.text))
            reporter.error(emit.position, emit.path.text.size(),
                           "what is repaired of " + check.pattern.text() + " goes out as " + check.repaired.text,
                           "give this output another path");
}

}  // namespace

Compiled compile(std::span<const Node> files, const Site& site, std::span<const model::Signal> announced) {
  Compiled out;
  Reporter reporter(out.diagnostics);
  auto calendar = Calendar::make(site.timezone, site.shifts);
  if (!calendar) reporter.error(Position{}, 1, calendar.error().what, calendar.error().hint);
  const KnownSignals signals(announced);
  auto set = std::make_shared<RuleSet>();
  set->rules = FileReader(site, signals, out.diagnostics).run(files);
  set->validity = read_profiles(files, signals, reporter);
  refuse_shared_paths(set->rules, *set->validity, reporter);
  order(set->rules, out.diagnostics);
  if (has_errors(out.diagnostics)) return out;
  if (!signals.empty()) warn_of_silence(set->rules, signals, reporter);
  set->calendar = std::move(*calendar);
  for (Rule& rule : set->rules) rule.calendar = set->calendar;
  out.rules = std::move(set);
  return out;
}

}  // namespace weir::rules
