#include "rules/read.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <utility>

#include "base/text.h"
#include "rules/parser.h"

namespace weir::rules {
namespace {

constexpr std::string_view kKeys[] = {"name",  "from", "within",    "where", "when",     "for",
                                      "clear", "clear_for", "alert", "window", "lateness", "emit"};
constexpr std::string_view kLaterKeys[] = {"detect", "missing", "across",   "by",     "write",  "on_clear", "late",
                                           "let",    "repeat",  "latch",    "forget", "valid",  "repair",   "unit",
                                           "max_age", "limit",  "acknowledge", "shelve"};
constexpr std::string_view kSeverities[] = {"info", "warning", "critical"};

// A value that may be an expression: a text, or a scalar that reads as one.
struct Written {
  const Node* node = nullptr;
  std::string text;
};

class Reader {
 public:
  Reader(const Node& node, std::span<const model::Signal> announced, Diagnostics& diagnostics)
      : node_(node), announced_(announced), diagnostics_(diagnostics) {}

  std::optional<Rule> run() {
    const std::size_t before = diagnostics_.size();
    const Node::Map* map = node_.as_map();
    if (map == nullptr) {
      error(node_, "a rule is a map, not " + std::string(node_.kind()), "write - name: …, from: …");
      return std::nullopt;
    }
    for (const Node::Member& member : *map) check_key(member);
    rule_.position = node_.position;
    read_name();
    read_from();
    read_within();
    rule_.window = read_window();
    rule_.lateness = read_duration("lateness", 0);
    rule_.hold = read_duration("for", 0);
    rule_.clear_hold = read_duration("clear_for", 0);
    check_combination();
    read_expressions();
    if (failed_ || has_errors_since(before)) return std::nullopt;
    finish();
    return std::move(rule_);
  }

 private:
  bool has_errors_since(std::size_t before) const {
    return std::any_of(diagnostics_.begin() + static_cast<std::ptrdiff_t>(before), diagnostics_.end(),
                       [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::error; });
  }

  void error(const Node& at, std::string message, std::string hint = {}) {
    int length = 1;
    if (const std::string* text = at.as_string(); text != nullptr && at.verbatim)
      length = std::max(1, static_cast<int>(text->size()));
    add(at.position, length, std::move(message), std::move(hint));
  }
  void error(const Node::Member& at, std::string message, std::string hint = {}) {
    add(at.key_position, static_cast<int>(at.key.size()), std::move(message), std::move(hint));
  }
  void add(Position position, int length, std::string message, std::string hint,
           Diagnostic::Severity severity = Diagnostic::Severity::error) {
    if (severity == Diagnostic::Severity::error) failed_ = true;
    diagnostics_.push_back({severity, std::move(position), std::move(message), std::move(hint), length});
  }

  // Turns a place in an expression into one in the file.
  std::function<void(Fault)> complain_about(const Node& node) {
    return [this, &node](Fault fault) {
      Position position = node.position;
      int length = 1;
      if (node.verbatim && node.as_string() != nullptr) {
        if (position.column > 0) position.column += static_cast<int>(fault.offset);
        length = std::max(1, static_cast<int>(fault.length));
      }
      add(std::move(position), length, std::move(fault.message), std::move(fault.hint));
    };
  }

  void check_key(const Node::Member& member) {
    if (std::ranges::find(kKeys, member.key) != std::end(kKeys)) return;
    if (std::ranges::find(kLaterKeys, member.key) != std::end(kLaterKeys))
      return error(member, "'" + member.key + "' is not supported yet by this version", "leave it out");
    error(member, "a rule has no '" + member.key + "'", did_you_mean(member.key, kKeys));
  }

  const Node* find(std::string_view key) const { return node_.find(key); }

  void read_name() {
    const Node* node = find("name");
    if (node == nullptr) return error(node_, "a rule without a name", "add name: …");
    const std::string* text = node->as_string();
    if (text == nullptr) return error(*node, "a name is a text, not " + std::string(node->kind()), "put it in quotes");
    if (text->empty() || text->size() > 128) return error(*node, "a name has 1 to 128 bytes");
    for (const char c : *text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return error(*node, "a name with a control character in it");
    rule_.name = *text;
  }

  void read_from() {
    const Node* node = find("from");
    if (node == nullptr) return error(node_, "a rule without inputs", "add from: {t: \"device/signal\"}");
    const Node::Map* map = node->as_map();
    if (map == nullptr)
      return error(*node, "from: is a map of inputs, not " + std::string(node->kind()), "write from: {t: \"device/signal\"}");
    if (map->empty() || map->size() > kMostInputs)
      return error(*node, "a rule has 1 to " + std::to_string(kMostInputs) + " inputs, not " + std::to_string(map->size()));
    for (const Node::Member& member : *map) read_input(member);
    if (!failed_) gather_captures(*node);
  }

  void read_input(const Node::Member& member) {
    Fault fault;
    const auto expr = parse_expression(member.key, fault);
    if (!expr || expr->kind != ExprKind::name || member.key.size() > 64)
      error(member, "'" + member.key + "' cannot be the name of an input", "letters, digits and _, not a word of the language");
    const Node* path = &member.value;
    const Node* within = nullptr;
    if (const Node::Map* details = path->as_map()) {
      for (const Node::Member& detail : *details) {
        if (detail.key == "path" || detail.key == "within") continue;
        if (std::ranges::find(kLaterKeys, detail.key) != std::end(kLaterKeys))
          error(detail, "'" + detail.key + "' is not supported yet by this version", "leave it out");
        else
          error(detail, "an input has no '" + detail.key + "'",
                did_you_mean(detail.key, std::array<std::string_view, 2>{"path", "within"}));
      }
      within = member.value.find("within");
      path = member.value.find("path");
      if (path == nullptr) return error(member, "an input without a path", "add path: \"device/signal\"");
    }
    Input input;
    input.name = member.key;
    const std::string* text = path->as_string();
    if (text == nullptr)
      return error(*path, "the path of an input is a text, not " + std::string(path->kind()), "write \"device/signal\"");
    auto pattern = model::PathPattern::parse(*text);
    if (!pattern) return error(*path, pattern.error().what, pattern.error().hint);
    input.pattern = std::move(*pattern);
    path_nodes_.push_back(path);
    rule_.inputs.push_back(std::move(input));
    rule_.within.push_back(kForever);
    within_nodes_.push_back(within);
  }

  // The rule's captures are those of all inputs; only named ones are shared.
  void gather_captures(const Node& from) {
    for (Input& input : rule_.inputs)
      for (const std::string& capture : input.pattern.captures()) {
        auto found = capture.empty() ? rule_.captures.end() : std::ranges::find(rule_.captures, capture);
        input.captures.push_back(static_cast<std::uint16_t>(found - rule_.captures.begin()));
        if (found == rule_.captures.end()) rule_.captures.push_back(capture);
      }
    bool any = false;
    for (Input& input : rule_.inputs) {
      input.whole = input.captures.size() == rule_.captures.size();
      any = any || input.whole;
      for (const std::string& capture : rule_.captures)
        if (capture == input.name)
          error(from, "'" + capture + "' is an input and a part of a path", "give one of them another name");
    }
    if (!any)
      error(from, "no input has all captures of the rule, so that they do not join",
            "let one path hold each of {" + join(rule_.captures, "}, {") + "}");
  }

  bool duration(const Node& node, Nanoseconds& out, bool forever_allowed) {
    const std::string* text = node.as_string();
    if (text != nullptr && forever_allowed && *text == "forever") {
      out = kForever;
      return true;
    }
    if (text != nullptr && parse_duration(*text, out)) return true;
    error(node, "this is no duration" + (text == nullptr ? ", but " + std::string(node.kind()) : ": '" + *text + "'"),
          forever_allowed ? "write 5s, 1h30m or forever" : "write 30s, 5m or 1h30m");
    return false;
  }

  Nanoseconds read_duration(std::string_view key, Nanoseconds otherwise) {
    const Node* node = find(key);
    Nanoseconds out = otherwise;
    if (node != nullptr && duration(*node, out, false) && out > 3660 * kDay) error(*node, "longer than ten years");
    return out;
  }

  void read_within() {
    const Node* common = find("within");
    Nanoseconds all = kForever;
    if (common != nullptr) duration(*common, all, true);
    for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
      rule_.within[i] = all;
      if (within_nodes_[i] != nullptr) duration(*within_nodes_[i], rule_.within[i], true);
      if (rule_.within[i] != kForever && rule_.within[i] > 3660 * kDay)
        error(within_nodes_[i] != nullptr ? *within_nodes_[i] : *common, "longer than ten years", "write forever");
      if (within_nodes_[i] == nullptr && common == nullptr && rule_.inputs.size() > 1 && !said_within_) {
        said_within_ = true;
        error(*path_nodes_[i], "several inputs, and nothing says how old '" + rule_.inputs[i].name + "' may be",
              "add within: 5s, or within: forever");
      }
    }
  }

  Nanoseconds read_window() {
    const Node* node = find("window");
    if (node == nullptr) return 0;
    if (node->as_map() != nullptr) {
      error(*node, "windows other than one duration (hopping, session, count, calendar, since) are not supported yet by this version",
            "write window: 1m");
      return 0;
    }
    Nanoseconds out = 0;
    if (!duration(*node, out, false)) return 0;
    if (out < kMillisecond || out > 366 * kDay) error(*node, "a window is 1ms to 366d long");
    return out;
  }

  void check_combination() {
    const bool when = find("when") != nullptr, alert = find("alert") != nullptr, emit = find("emit") != nullptr;
    if (when && !alert) error(*find("when"), "when: without alert:", "add alert: {severity: warning}");
    if (alert && !when) error(*find("alert"), "alert: without when:", "add when: … > …");
    if (!alert && !when && !emit) error(node_, "a rule that does nothing", "add when: and alert:, or emit:");
    for (const std::string_view key : {"for", "clear", "clear_for"})
      if (find(key) != nullptr && !when) error(*find(key), std::string(key) + ": without when:", "add when: … > …");
  }

  Written written(const Node& node) {
    Written out{&node, {}};
    if (const std::string* text = node.as_string()) out.text = *text;
    else if (const bool* truth = node.as_bool()) out.text = *truth ? "true" : "false";
    else if (double number = 0; node.as_number(number)) {
      char digits[32];
      out.text.assign(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
    } else {
      error(node, "an expression belongs here, not " + std::string(node.kind()), "write, for example, t > 90");
      out.node = nullptr;
    }
    return out;
  }

  struct Parsed {
    const Node* node = nullptr;
    std::unique_ptr<Expr> expr;
    Type expected = Type::any;
    Program* into = nullptr;
  };

  void parse(const Node* node, Type expected, Program* into) {
    if (node == nullptr) return;
    const Written text = written(*node);
    if (text.node == nullptr) return;
    Fault fault;
    auto expr = parse_expression(text.text, fault);
    if (!expr) return complain_about(*node)(std::move(fault));
    parsed_.push_back({node, std::move(expr), expected, into});
  }

  void read_emits() {
    const Node* node = find("emit");
    if (node == nullptr) return;
    const Node::Map* map = node->as_map();
    if (map == nullptr || map->empty())
      return error(*node, "emit: is a map of path and value, not " + std::string(map == nullptr ? node->kind() : "an empty one"),
                   "write emit: {\"{device}/mean\": mean(t)}");
    if (map->size() > 64) return error(*node, "a rule emits at most 64 signals", "split it");
    rule_.emits.resize(map->size());
    for (std::size_t i = 0; i < map->size(); ++i) {
      const Node::Member& member = (*map)[i];
      rule_.emits[i].path = parse_path_template(member.key, rule_.captures, [&](Fault fault) {
        Position position = member.key_position;
        if (position.column > 0) position.column += static_cast<int>(fault.offset);
        add(std::move(position), static_cast<int>(std::max<std::size_t>(fault.length, 1)), std::move(fault.message),
            std::move(fault.hint));
      });
      rule_.emits[i].position = member.key_position;
      check_capture_use(member, rule_.emits[i].path);
      parse(&member.value, Type::any, &rule_.emits[i].value);
    }
  }

  // Two groups must not write one path.
  void check_capture_use(const Node::Member& member, const PathTemplate& path) {
    for (std::size_t c = 0; c < rule_.captures.size(); ++c) {
      const bool used = std::ranges::any_of(path.parts, [&](const auto& part) { return part.capture == static_cast<int>(c); });
      if (used || failed_) continue;
      if (rule_.captures[c].empty())
        return error(member, "a path without a name for every {} would be the same for all groups", "give it a name: {device}");
      return error(member, "without {" + rule_.captures[c] + "} this path is the same for several groups",
                   "put {" + rule_.captures[c] + "} into it");
    }
  }

  void read_alert(const Node*& message) {
    const Node* node = find("alert");
    if (node == nullptr) return;
    const Node::Map* map = node->as_map();
    if (map == nullptr)
      return error(*node, "alert: is a map, not " + std::string(node->kind()), "write alert: {severity: warning, message: \"…\"}");
    for (const Node::Member& member : *map) {
      if (member.key == "severity" || member.key == "message") continue;
      if (std::ranges::find(kLaterKeys, member.key) != std::end(kLaterKeys))
        error(member, "'" + member.key + "' is not supported yet by this version", "leave it out");
      else
        error(member, "an alert has no '" + member.key + "'",
              did_you_mean(member.key, std::array<std::string_view, 2>{"severity", "message"}));
    }
    Alert alert;
    const Node* severity = node->find("severity");
    if (severity == nullptr) error(*node, "an alert without a severity", "add severity: info, warning or critical");
    else if (severity->as_string() == nullptr || std::ranges::find(kSeverities, *severity->as_string()) == std::end(kSeverities))
      error(*severity, "this is no severity", "info, warning and critical are");
    else alert.severity = *severity->as_string();
    message = node->find("message");
    if (message != nullptr && message->as_string() == nullptr) {
      error(*message, "a message is a text, not " + std::string(message->kind()), "put it in quotes");
      message = nullptr;
    }
    rule_.alert = std::move(alert);
  }

  void read_expressions() {
    parse(find("where"), Type::truth, &rule_.where);
    parse(find("when"), Type::truth, &rule_.when);
    parse(find("clear"), Type::truth, &rule_.clear);
    read_emits();
    const Node* message = nullptr;
    read_alert(message);
    if (rule_.inputs.empty()) return;

    std::vector<InputName> names;
    for (const Input& input : rule_.inputs) names.push_back({input.name, Type::any});
    Scope readings{names, rule_.captures, nullptr};
    Scope result{names, rule_.captures, rule_.window > 0 ? &rule_.aggregates : nullptr};
    // One use may say the type of an input that another leaves open, in any order.
    for (bool learned = true; learned;) {
      learned = false;
      for (const Parsed& parsed : parsed_)
        learned = infer(*parsed.expr, parsed.expected, parsed.into == &rule_.where ? readings : result) || learned;
    }
    if (message != nullptr) parse_message_template(*message->as_string(), result, true, {});
    from_announced(names);

    for (const Parsed& parsed : parsed_)
      *parsed.into = compile_expression(*parsed.expr, parsed.expected, parsed.into == &rule_.where ? readings : result,
                                        complain_about(*parsed.node));
    for (std::size_t i = 0; i < parsed_.size(); ++i) check_emit(parsed_[i]);
    if (rule_.alert) {
      if (message != nullptr)
        rule_.alert->message = parse_message_template(*message->as_string(), result, false, complain_about(*message));
      else default_message();
    }
    for (std::size_t i = 0; i < names.size(); ++i) rule_.inputs[i].type = names[i].type;
    check_announced();
  }

  void check_emit(const Parsed& parsed) {
    for (Emit& emit : rule_.emits) {
      if (parsed.into != &emit.value || emit.value.empty()) continue;
      if (emit.value.type == Type::duration)
        error(*parsed.node, "a duration cannot be emitted", "divide it by its unit: … / 1s");
      if (emit.value.code.size() != 1) continue;
      const Instruction only = emit.value.code.front();
      if (only.op == Op::slot) emit.unit_of = only.slot;
      if (only.op != Op::aggregate) continue;
      const Aggregate& aggregate = rule_.aggregates[only.index];
      const bool counts = aggregate.kind == AggregateKind::count || aggregate.kind == AggregateKind::count_true ||
                          aggregate.kind == AggregateKind::variance;
      if (!counts && aggregate.argument.code.size() == 1 && aggregate.argument.code.front().op == Op::slot)
        emit.unit_of = aggregate.argument.code.front().slot;
    }
  }

  void default_message() {
    auto& parts = rule_.alert->message.parts;
    std::string before = rule_.name;
    for (std::size_t i = 0; i < rule_.captures.size(); ++i) {
      auto& part = parts.emplace_back();
      part.literal = std::exchange(before, {}) + (i == 0 ? " (" : ", ");
      if (!rule_.captures[i].empty()) part.literal += rule_.captures[i] + " = ";
      part.capture = static_cast<int>(i);
    }
    parts.emplace_back().literal = rule_.captures.empty() ? before : ")";
  }

  static Type type_of(model::ValueType type) {
    switch (type) {
      case model::ValueType::boolean: return Type::truth;
      case model::ValueType::string: return Type::text;
      case model::ValueType::bytes: return Type::any;
      default: return Type::number;
    }
  }

  // What no expression says, the first signal that matches does.
  void from_announced(std::vector<InputName>& names) const {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i].type != Type::any) continue;
      for (const model::Signal& signal : announced_)
        if (rule_.inputs[i].pattern.match(signal.path)) {
          names[i].type = type_of(signal.type);
          break;
        }
    }
  }

  void check_announced() {
    for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
      const Input& input = rule_.inputs[i];
      for (const model::Signal& signal : announced_) {
        if (!input.pattern.match(signal.path)) continue;
        const Type type = type_of(signal.type);
        const bool text_clash = (type == Type::text) != (input.type == Type::text) && input.type != Type::any;
        if (signal.type != model::ValueType::bytes && !text_clash) continue;
        add(path_nodes_[i]->position, static_cast<int>(input.pattern.text().size()),
            "'" + input.name + "' is used as " + to_text(input.type) + ", but " + signal.path + " is " +
                (signal.type == model::ValueType::bytes ? "bytes" : to_text(type)),
            "its readings will count as bad", Diagnostic::Severity::warning);
        break;
      }
    }
  }

  void finish() {
    for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
      rule_.expires = rule_.expires || rule_.within[i] != kForever;
      rule_.has_texts = rule_.has_texts || rule_.inputs[i].type == Type::text;
    }
    rule_.holds_back = rule_.inputs.size() > 1 || rule_.lateness > 0;
    Hash128& key = rule_.key;
    key.add_text(rule_.name);
    for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
      key.add_text(rule_.inputs[i].name);
      key.add_text(rule_.inputs[i].pattern.text());
      key.add_number(rule_.inputs[i].type == Type::text ? 1 : 0);
      key.add_number(static_cast<std::uint64_t>(rule_.within[i]));
    }
    for (const Program* program : {&rule_.where, &rule_.when, &rule_.clear}) key.add_text(program->source);
    for (const Nanoseconds duration : {rule_.hold, rule_.clear_hold, rule_.window, rule_.lateness})
      key.add_number(static_cast<std::uint64_t>(duration));
    for (const Emit& emit : rule_.emits) {
      key.add_text(emit.path.text);
      key.add_text(emit.value.source);
    }
    // With them those that only a message speaks of: they are state, too.
    for (const Aggregate& aggregate : rule_.aggregates) key.add_text(aggregate.source);
  }

  const Node& node_;
  std::span<const model::Signal> announced_;
  Diagnostics& diagnostics_;
  Rule rule_;
  std::vector<const Node*> path_nodes_, within_nodes_;  // of each input
  std::vector<Parsed> parsed_;
  bool said_within_ = false;
  bool failed_ = false;
};

}  // namespace

std::optional<Rule> read_rule(const Node& node, std::span<const model::Signal> announced, Diagnostics& diagnostics) {
  return Reader(node, announced, diagnostics).run();
}

}  // namespace weir::rules
