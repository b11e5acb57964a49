#include "rules/read/read.h"

#include <algorithm>
#include <utility>

#include "rules/read/read_parts.h"

namespace weir::rules {
namespace {

// Whether it may be known while an input is not.
bool knows_absence(const Program& program) {
  return std::ranges::any_of(program.code, [](const Instruction& instruction) {
    return instruction.op == Op::good || instruction.op == Op::quality || instruction.op == Op::or_else;
  });
}

constexpr std::string_view kKeys[] = {"name",  "from",     "within",      "across",  "by",        "let",
                                      "where", "when",     "for",         "clear",   "clear_for", "alert",
                                      "emit",  "window",   "lateness",    "late",    "missing",   "detect",
                                      "write", "on_clear", "write_limit", "max_age", "forget"};

constexpr KeyHint kHints[] = {
    {"expr", "write when: and a condition"},
    {"condition", "write when: and a condition"},
    {"if", "write when: and a condition"},
    {"trigger", "write when: and a condition"},
    {"having", "write when: and a condition"},
    {"then", "write alert:, write: or emit:"},
    {"actions", "write alert:, write: or emit:"},
    {"filter", "write where: and a condition"},
    {"inputs", "write from: {t: \"device/signal\"}"},
    {"input", "write from: {t: \"device/signal\"}"},
    {"source", "write from: {t: \"device/signal\"}"},
    {"output", "write emit: {\"device/signal\": …}"},
    {"publish", "write emit: {\"device/signal\": …}"},
    {"severity", "it belongs into alert: {severity: warning}"},
    {"message", "it belongs into alert: {severity: warning, message: \"…\"}"},
    {"latch", "it belongs into alert: {severity: warning, latch: true}"},
    {"repeat", "it belongs into alert: {severity: warning, repeat: 1h}"},
    {"suppress", "it belongs into alert: {severity: warning, suppress: …}"},
    {"labels", "captures name what an alert is about: from: {t: \"boiler-{n}/temperature\"}"},
    {"annotations", "write alert: {severity: warning, message: \"…\"}"},
    {"description", "write alert: {severity: warning, message: \"…\"}, or a comment behind #"},
    {"delay", "write for: 30s"},
    {"on_delay", "write for: 30s"},
    {"off_delay", "write clear_for: 30s"},
    {"hysteresis", "write clear: and the condition under which the alert ends"},
    {"deadband", "write clear: and the condition under which the alert ends"},
    {"keep_firing_for", "write clear_for: 30s"},
    {"interval", "a rule is judged as readings come; to gather them, write window: 1m"},
    {"every", "it belongs into window: {size: 5m, every: 1m}"},
    {"group_by", "captures in from: make groups; by: makes others"},
    {"unit", "it belongs into from: {p: {path: \"device/signal\", unit: kPa}}"},
    {"path", "it belongs into from: {t: \"device/signal\"}"},
    {"lease", "it belongs into write: {\"plc/enable\": {value: true, lease: 30s, fallback: false}}"},
    {"fallback", "it belongs into write: {\"plc/enable\": {value: true, lease: 30s, fallback: false}}"},
    {"sensitivity", "it belongs into detect: {sensitivity: high}"},
    {"method", "it belongs into detect: {method: zscore}"},
    {"threshold", "it belongs into detect: {method: zscore, threshold: 3}"},
    {"valid", "it belongs beside rules:, not into one"},
    {"repair", "it belongs below valid:, beside rules:"},
    {"enabled", "to switch a rule off, take it out, or put # before its lines"},
    {"disabled", "to switch a rule off, take it out, or put # before its lines"},
    {"ttl", "write forget: 30d"}};

// What a key has no meaning without: one of these.
struct Need {
  std::string_view key;
  std::initializer_list<std::string_view> one_of;
  std::string_view hint;
};
const Need kNeeds[] = {
    {"for", {"when"}, "add when: … > …; of what detect: finds, emit the score and let another rule judge it"},
    {"clear", {"when"}, "add when: … > …"},
    {"clear_for", {"when", "detect"}, "add when: … > …"},
    {"when", {"alert", "write", "on_clear"}, "add alert: {severity: warning}"},
    {"missing", {"alert", "write", "on_clear"}, "add alert: {severity: warning}"},
    {"detect", {"alert", "emit"}, "add alert: {severity: warning}"},
    {"alert", {"when", "missing", "detect"}, "add when: … > …"},
    {"write", {"when", "missing"}, "add when: the condition at whose beginning it is written"},
    {"on_clear", {"when", "missing"}, "add when: the condition at whose end it is written"},
    {"write_limit", {"write", "on_clear"}, "leave it out"},
    {"max_age", {"write", "on_clear"}, "leave it out; how old an input may be says within:"},
    {"late", {"window"}, "add window: 1m; without one, older readings are counted and left out"},
};

// What does not go together.
struct Clash {
  std::string_view key;
  std::initializer_list<std::string_view> others;
  std::string_view hint;
};
const Clash kClashes[] = {
    {"missing", {"when", "detect", "window", "where", "emit", "lateness"}, "let another rule do that"},
    {"detect",
     {"when", "window", "across", "by"},
     "emit the score, and let another rule judge it: emit: {\"{device}/score\": score}"},
};

class RuleReader {
 public:
  explicit RuleReader(Draft& draft) : draft_(draft), rule_(draft.rule), reporter_(draft.reporter) {}

  void run() {
    static constexpr Shape kShape{"a rule", "- name: …, from: …", kKeys, kHints};
    if (read_map(draft_.node, kShape, reporter_) == nullptr) return;
    rule_.position = draft_.node.position;
    read_name();
    read_inputs(draft_);
    read_durations();
    read_window(draft_);
    read_detect(draft_);
    check_combination();
    read_conditions();
    read_alert(draft_);
    read_outputs(draft_);
    if (rule_.inputs.empty()) return;
    draft_.expressions.compile(draft_.signals);
    check_inputs(draft_);
    if (reporter_.failed()) return;
    check_outputs(draft_);
    finish();
  }

 private:
  void read_name() {
    const Node* node = draft_.find("name");
    if (node == nullptr) return reporter_.error(draft_.node, "a rule without a name", "add name: …");
    const std::string* text = read_text(*node, "a name", reporter_);
    if (text == nullptr) return;
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (text->empty() || text->size() > 128)
      reporter_.error(*node, "a name has 1 to 128 bytes", "write a shorter one");
    else if (std::ranges::any_of(*text, control))
      reporter_.error(*node, "a name with a control character in it", "use printable characters");
    rule_.name = *text;
  }

  void read_durations() {
    const auto read = [&](std::string_view key, Nanoseconds& into, DurationRange range) {
      if (const Node* node = draft_.find(key)) into = read_duration(*node, range, reporter_).value_or(into);
    };
    read("for", rule_.hold, {});
    if (draft_.find("detect") != nullptr) rule_.clear_hold = kUnusualFor;
    read("clear_for", rule_.clear_hold, {});
    read("missing", rule_.missing, {.least = kSecond, .most = 366 * kDay});
    read("forget", rule_.forget, {.least = kMinute, .forever = true});
  }

  void check_combination() {
    const auto has = [&](std::string_view key) { return draft_.find(key) != nullptr; };
    for (const Need& need : kNeeds) {
      const Node::Member* member = find_member(draft_.node, need.key);
      if (member == nullptr || std::ranges::any_of(need.one_of, has)) continue;
      std::string others;
      for (const std::string_view other : need.one_of)
        others += (others.empty() ? "" : " or ") + std::string(other) + ":";
      reporter_.error(*member, member->key + ": without " + others, std::string(need.hint));
    }
    for (const Clash& clash : kClashes)
      for (const std::string_view other : clash.others)
        if (const Node::Member* member = find_member(draft_.node, other); member != nullptr && has(clash.key))
          reporter_.error(*member, std::string(clash.key) + ": does not go with " + member->key + ":",
                          std::string(clash.hint));
    static constexpr std::string_view kEffects[] = {"alert", "emit",    "write", "on_clear",
                                                    "when",  "missing", "detect"};
    if (std::ranges::none_of(kEffects, has))
      reporter_.error(draft_.node, "a rule that does nothing", "add when: and alert:, or emit:");
  }

  void read_conditions() {
    if (const Node* let = draft_.find("let")) draft_.expressions.read_lets(*let);
    if (const Node* where = draft_.find("where"))
      draft_.expressions.add(*where, Type::truth, rule_.where, Stage::where);
    if (const Node* when = draft_.find("when")) draft_.expressions.add(*when, Type::truth, rule_.when);
    if (const Node* clear = draft_.find("clear")) draft_.expressions.add(*clear, Type::truth, rule_.clear);
  }

  void finish() {
    for (std::size_t i = 0; i < rule_.inputs.size(); ++i) {
      rule_.expires = rule_.expires || rule_.within[i] != kForever;
      rule_.has_texts = rule_.has_texts || rule_.inputs[i].type == Type::text;
    }
    rule_.holds_back = rule_.inputs.size() > 1 || rule_.members || rule_.lateness > 0;
    rule_.watches_expiry =
        rule_.expires && !rule_.window && (rule_.members || knows_absence(rule_.when) || knows_absence(rule_.clear));
    rule_.watches_time = !rule_.window && (rule_.when.watches_time || rule_.clear.watches_time);
    rule_.key = key_of(rule_, draft_.site);
  }

  Draft& draft_;
  Rule& rule_;
  Reporter& reporter_;
};

}  // namespace

std::optional<Rule> read_rule(const Node& node, const Site& site, const KnownSignals& signals,
                              Diagnostics& diagnostics) {
  Draft draft(node, site, signals, diagnostics);
  RuleReader(draft).run();
  if (draft.reporter.failed()) return std::nullopt;
  return std::move(draft.rule);
}

}  // namespace weir::rules
