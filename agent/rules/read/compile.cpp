#include <algorithm>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "rules/engine.h"
#include "rules/pattern_index.h"
#include "rules/read/fields.h"
#include "rules/read/graph.h"
#include "rules/read/known_signals.h"
#include "rules/read/read.h"
#include "rules/read/read_validity.h"
#include "rules/read/reporter.h"
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

// Of inputs that nothing known feeds: no driver, no other rule, and nothing that is repaired.
void warn_of_silence(const RuleSet& set, const KnownSignals& signals, Reporter& reporter) {
  std::vector<std::string_view> made;
  for (const Rule& rule : set.rules)
    for (const Emit& emit : rule.emits)
      if (emit.has_readers) made.push_back(emit.path.text);
  for (const Profile& profile : set.validity->profiles)
    for (const Check& check : profile.checks)
      if (check.repair != Repair::none) made.push_back(check.repaired.text);
  const auto is_made = [&](const std::string& pattern) {
    return std::ranges::any_of(made, [&](std::string_view path) { return may_overlap(path, pattern); });
  };
  for (const Rule& rule : set.rules)
    for (const Input& input : rule.inputs)
      if (const std::string& pattern = input.pattern.text();
          signals.examples(input.pattern).empty() && !is_made(pattern))
        reporter.warn(rule.position, 1, "rule '" + rule.name + "': no signal that is known matches " + pattern,
                      "the rule waits for one; compare with what the driver announces");
}

std::shared_ptr<const ValiditySet> read_profiles(std::span<const Node> files, const KnownSignals& signals,
                                                 Reporter& reporter) {
  auto set = std::make_shared<ValiditySet>();
  for (const Node& file : files)
    if (const Node* valid = file.as_map() != nullptr ? file.find("valid") : nullptr)
      read_valid(*valid, signals, reporter, *set);
  return set;
}

}  // namespace

Compiled compile(std::span<const Node> files, const Site& site, std::span<const model::Signal> announced) {
  Compiled out;
  Reporter reporter(out.diagnostics);
  auto calendar = calendar::Calendar::make(site.timezone, site.shifts);
  if (!calendar) reporter.error(Position{}, 1, calendar.error().what, calendar.error().hint);
  const KnownSignals signals(announced);
  auto set = std::make_shared<RuleSet>();
  set->rules = FileReader(site, signals, out.diagnostics).run(files);
  set->validity = read_profiles(files, signals, reporter);
  order(set->rules, *set->validity, out.diagnostics);
  if (has_errors(out.diagnostics)) return out;
  if (!signals.empty()) warn_of_silence(*set, signals, reporter);
  set->calendar = std::move(*calendar);
  for (Rule& rule : set->rules) rule.calendar = set->calendar;
  out.rules = std::move(set);
  return out;
}

}  // namespace weir::rules
