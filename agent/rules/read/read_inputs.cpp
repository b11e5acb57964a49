// from, across, by, within: what a rule looks at, and what it takes together.
#include <algorithm>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "rules/read/read_parts.h"

namespace weir::rules {
namespace {

constexpr std::string_view kInputKeys[] = {"path", "within", "unit"};
constexpr KeyHint kInputHints[] = {{"signal", "write path: \"device/signal\""},
                                   {"topic", "write path: \"device/signal\""},
                                   {"max_age", "write within: 5s"},
                                   {"timeout", "write within: 5s"}};
constexpr DurationRange kWithin{.least = kMillisecond, .forever = true};

std::string in_braces(const std::vector<std::string>& captures, std::size_t begin, std::size_t end) {
  std::string out;
  for (std::size_t i = begin; i < end; ++i) out += (i == begin ? "{" : ", {") + captures[i] + "}";
  return out;
}

class InputReader {
 public:
  explicit InputReader(Draft& draft) : draft_(draft), rule_(draft.rule), reporter_(draft.reporter) {}

  void run() {
    const Node* from = draft_.find("from");
    if (from == nullptr)
      return reporter_.error(draft_.node, "a rule without inputs", "add from: {t: \"device/signal\"}");
    const Node::Map* map = from->as_map();
    if (map == nullptr)
      return reporter_.error(*from, "from: is a map of inputs, not " + std::string(from->kind()),
                             "write from: {t: \"device/signal\"}");
    if (map->empty() || map->size() > kMostInputs)
      return reporter_.error(
          *from, "a rule has 1 to " + std::to_string(kMostInputs) + " inputs, not " + std::to_string(map->size()));
    draft_.captures_known = true;
    for (const Node::Member& member : *map) read_input(member);
    if (draft_.captures_known) {
      gather_captures(*from);
      split_group(*from);
    } else {
      rule_.members = draft_.find("across") != nullptr || draft_.find("by") != nullptr;
    }
    read_within();
  }

 private:
  void read_input(const Node::Member& member) {
    check_name(member, "an input", reporter_);
    const Node* path = &member.value;
    const Node *within = nullptr, *unit = nullptr;
    if (path->as_map() != nullptr) {
      read_map(*path, {"an input", "t: {path: \"device/signal\"}", kInputKeys, kInputHints}, reporter_);
      within = member.value.find("within");
      unit = member.value.find("unit");
      path = member.value.find("path");
      if (path == nullptr) reporter_.error(member, "an input without a path", "add path: \"device/signal\"");
    }
    Input input;
    input.name = member.key;
    if (path == nullptr || !read_pattern(*path, input.pattern)) draft_.captures_known = false;
    if (unit != nullptr) input.unit = read_unit(*unit, reporter_);
    draft_.paths.push_back(path != nullptr ? path : &member.value);
    rule_.inputs.push_back(std::move(input));
    within_.push_back(within);
  }

  bool read_pattern(const Node& node, model::PathPattern& out) {
    const std::string* text = read_text(node, "the path of an input", reporter_);
    if (text == nullptr) return false;
    auto pattern = model::PathPattern::parse(*text);
    if (!pattern) reporter_.error(node, pattern.error().what, pattern.error().hint);
    else out = std::move(*pattern);
    if (text->find('*') != text->npos)
      reporter_.warn(node, "'*' is a character like others in a path", "for any part of a name write {name}");
    return pattern.has_value();
  }

  // The rule's captures are those of all inputs; only named ones are shared.
  void gather_captures(const Node& from) {
    for (Input& input : rule_.inputs)
      for (const std::string& capture : input.pattern.captures()) {
        auto found = capture.empty() ? rule_.captures.end() : std::ranges::find(rule_.captures, capture);
        input.captures.push_back(static_cast<std::uint16_t>(found - rule_.captures.begin()));
        if (found == rule_.captures.end()) rule_.captures.push_back(capture);
      }
    for (const std::string& capture : rule_.captures)
      if (!capture.empty() && std::ranges::find(rule_.inputs, capture, &Input::name) != rule_.inputs.end())
        reporter_.error(from, "'" + capture + "' is an input and a part of a path", "give one of them another name");
  }

  // Which captures name the group, and which the members that the rule looks across.
  void split_group(const Node& from) {
    const Node::Member *across = find_member(draft_.node, "across"), *by = find_member(draft_.node, "by");
    std::vector<bool> of_member(rule_.captures.size(), by != nullptr);
    if (across != nullptr && by != nullptr)
      reporter_.error(*by, "across: and by: say the same in two ways",
                      "across: names the members, by: the groups; keep one");
    const Node::Member* said = by != nullptr ? by : across;
    const bool right = said == nullptr || read_captures(*said, of_member);
    order_captures(of_member);
    // What is wrong there looks across something all the same: aggregates are no fault, too.
    if (!right) rule_.members = true;

    const std::size_t group = rule_.group_captures.size(), all = rule_.captures.size();
    bool any_whole = false;
    for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
      Input& input = rule_.inputs[i];
      input.whole = input.captures.size() == all;
      input.of_member = std::ranges::any_of(input.captures, [&](std::uint16_t c) { return c >= group; });
      any_whole = any_whole || input.whole;
      if (input.of_member && !input.whole)
        reporter_.error(
            *draft_.paths[i],
            "'" + input.name + "' belongs to members, but does not say to which: its path has not all of " +
                in_braces(rule_.captures, 0, all),
            "let it have all of them" + (group > 0 ? ", or only " + in_braces(rule_.captures, 0, group) : ""));
    }
    if (!any_whole)
      reporter_.error(from, "no input has all captures of the rule, so that they do not join",
                      "let one path hold each of " + in_braces(rule_.captures, 0, all));
  }

  // False after a complaint.
  bool read_captures(const Node::Member& said, std::vector<bool>& of_member) {
    const bool by = said.key == "by";
    std::vector<const Node*> names;
    if (const Node::List* list = said.value.as_list())
      for (const Node& node : *list) names.push_back(&node);
    else names.push_back(&said.value);
    if (names.empty() && !by)
      reporter_.error(said, "across: names nothing", "name a capture: across: k; or by: [] for one group of all");
    bool right = by || !names.empty();
    for (const Node* node : names) {
      const std::string* name = read_text(*node, "a capture", reporter_);
      const auto found =
          name == nullptr || name->empty() ? rule_.captures.end() : std::ranges::find(rule_.captures, *name);
      if (found != rule_.captures.end()) {
        of_member[static_cast<std::size_t>(found - rule_.captures.begin())] = !by;
        continue;
      }
      right = false;
      if (name != nullptr) reporter_.error(*node, "'" + *name + "' is no capture of this rule", capture_hint(*name));
    }
    return right;
  }

  std::string capture_hint(const std::string& name) const {
    std::vector<std::string_view> named;
    for (const std::string& capture : rule_.captures)
      if (!capture.empty()) named.push_back(capture);
    const std::string meant = did_you_mean(name, named);
    return meant.empty() ? "a capture is a part of a path in from: k in \"tank-1/pressure_{k}\"" : meant;
  }

  // Those of the group go first, so that their numbers are the same in the group and in the rule.
  void order_captures(const std::vector<bool>& of_member) {
    std::vector<std::uint16_t> order(rule_.captures.size());
    std::iota(order.begin(), order.end(), std::uint16_t{0});
    const auto members = std::ranges::stable_partition(order, [&](std::uint16_t c) { return !of_member[c]; });
    rule_.members = !members.empty();
    std::vector<std::string> captures;
    std::vector<std::uint16_t> place(order.size());
    for (const std::uint16_t old : order) {
      place[old] = static_cast<std::uint16_t>(captures.size());
      captures.push_back(std::move(rule_.captures[old]));
    }
    rule_.captures = std::move(captures);
    for (Input& input : rule_.inputs)
      for (std::uint16_t& capture : input.captures) capture = place[capture];
    rule_.group_captures.resize(order.size() - members.size());
    std::iota(rule_.group_captures.begin(), rule_.group_captures.end(), std::uint16_t{0});
  }

  void read_within() {
    const Node* common = draft_.find("within");
    const auto all = common == nullptr ? kForever : read_duration(*common, kWithin, reporter_).value_or(kForever);
    // Values of different ages meet where inputs join, and where a rule looks across members as they are now.
    const bool meet = rule_.inputs.size() > 1 || (rule_.members && draft_.find("window") == nullptr);
    bool said = false;
    for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
      rule_.within.push_back(
          within_[i] == nullptr ? all : read_duration(*within_[i], kWithin, reporter_).value_or(kForever));
      if (!meet || said || within_[i] != nullptr || common != nullptr) continue;
      said = true;
      reporter_.error(*draft_.paths[i],
                      (rule_.inputs.size() > 1 ? "several inputs" : "several members") +
                          (", and nothing says how old '" + rule_.inputs[i].name + "' may be"),
                      "add within: 5s, or within: forever");
    }
  }

  Draft& draft_;
  Rule& rule_;
  Reporter& reporter_;
  std::vector<const Node*> within_;  // of the inputs that say it for themselves
};

void check_type(Draft& draft, const Input& input, const Node& path) {
  for (const model::Signal* signal : draft.signals.examples(input.pattern)) {
    const Type type = type_of(signal->type);
    const bool clash = (type == Type::text) != (input.type == Type::text) && input.type != Type::any;
    const bool bytes = signal->type == model::ValueType::bytes;
    if (!bytes && !clash) continue;
    return draft.reporter.warn(path,
                               "'" + input.name + "' is used as " + to_text(input.type) + ", but " + signal->path +
                                   " is " + (bytes ? "bytes" : to_text(type)),
                               "its readings will count as bad");
  }
}

// Between two readings it would be unknown, so that nothing lasts.
void check_interval(Draft& draft, const Input& input, Nanoseconds within, const Node& path) {
  for (const model::Signal* signal : draft.signals.examples(input.pattern)) {
    const Nanoseconds interval = signal->interval.count() * kMillisecond;
    if (interval <= within) continue;
    return draft.reporter.warn(
        path,
        signal->path + " comes every " + weir::to_text(std::chrono::nanoseconds(interval)) + ", but counts for " +
            weir::to_text(std::chrono::nanoseconds(within)) + " only",
        "between its readings it is unknown; write within: " + weir::to_text(std::chrono::nanoseconds(2 * interval)));
  }
}

void check_unit(Draft& draft, const Input& input, const Node& path) {
  for (const model::Signal* signal : draft.signals.examples(input.pattern)) {
    if (type_of(signal->type) != Type::number) continue;
    if (signal->unit.empty()) {
      draft.reporter.warn(path, signal->path + " announces no unit", "it is taken to be in " + input.unit->text);
      continue;
    }
    const auto unit = model::Unit::parse(signal->unit);
    if (!unit || !model::convert(*unit, *input.unit))
      draft.reporter.error(
          path, signal->path + " is in " + signal->unit + ", which cannot be converted to " + input.unit->text,
          unit ? "ask for a unit of the same kind" : unit.error().what);
  }
}

}  // namespace

void read_inputs(Draft& draft) { InputReader(draft).run(); }

void check_inputs(Draft& draft) {
  for (std::size_t i = 0; i < draft.rule.inputs.size(); ++i) {
    const Input& input = draft.rule.inputs[i];
    check_type(draft, input, *draft.paths[i]);
    check_interval(draft, input, draft.rule.within[i], *draft.paths[i]);
    if (input.unit) check_unit(draft, input, *draft.paths[i]);
  }
}

}  // namespace weir::rules
