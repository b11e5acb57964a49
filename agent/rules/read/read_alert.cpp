// alert, detect: what a rule says, and what it says where nobody wrote a message.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/text.h"
#include "rules/read/read_parts.h"

namespace weir::rules {
namespace {

constexpr std::string_view kSeverities[] = {"info", "warning", "critical"};
constexpr std::string_view kAlertKeys[] = {"severity", "message", "latch", "repeat", "suppress"};
constexpr KeyHint kAlertHints[] = {{"summary", "write message: \"…\""},   {"description", "write message: \"…\""},
                                   {"text", "write message: \"…\""},      {"annotations", "write message: \"…\""},
                                   {"level", "write severity: warning"},  {"priority", "write severity: warning"},
                                   {"labels", "write severity: warning"}, {"latching", "write latch: true"},
                                   {"renotify", "write repeat: 1h"},      {"for", "it belongs beside alert:"},
                                   {"when", "it belongs beside alert:"},  {"clear", "it belongs beside alert:"}};

constexpr std::string_view kDetectKeys[] = {"sensitivity", "method", "threshold", "window", "alpha", "drift"};
constexpr KeyHint kDetectHints[] = {
    {"detector", "write method: zscore"}, {"algorithm", "write method: zscore"}, {"score", "write threshold: 3"}};
constexpr std::string_view kSensitivities[] = {"low", "normal", "high"};  // as detect::Sensitivity

constexpr const char* kAlertExample = "alert: {severity: warning, message: \"…\"}";

// Where an alert belongs to one signal, its path; else the rule's name, and what its group is.
void say_where(const Draft& draft, MessageTemplate& message) {
  const Rule& rule = draft.rule;
  std::string before;
  const auto place = [&](std::string literal, std::uint16_t capture) {
    auto& part = message.parts.emplace_back();
    part.literal = std::exchange(before, {}) + std::move(literal);
    part.capture = capture;
  };
  if (draft.find("when") == nullptr && rule.inputs.size() == 1 && !rule.members) {
    const std::string& pattern = rule.inputs[0].pattern.text();
    std::size_t at = 0;
    for (const std::uint16_t capture : rule.inputs[0].captures) {
      const std::size_t open = pattern.find('{', at);
      place(pattern.substr(at, open - at), capture);
      at = pattern.find('}', open) + 1;
    }
    before += pattern.substr(at);
  } else {
    before = rule.name;
    for (const std::uint16_t capture : rule.group_captures) {
      const std::string& name = rule.captures[capture];
      place((capture == 0 ? " (" : ", ") + (name.empty() ? "" : name + " = "), capture);
    }
    if (!rule.group_captures.empty()) before = ")";
  }
  if (!before.empty()) message.parts.emplace_back().literal = std::move(before);
}

void default_message(Draft& draft) {
  Rule& rule = draft.rule;
  MessageTemplate& message = rule.alert->message;
  say_where(draft, message);
  if (rule.missing > 0)
    draft.expressions.add_message(": nothing for " + weir::to_text(std::chrono::nanoseconds(rule.missing)), message);
  if (rule.detect) draft.expressions.add_message(": {reason}", message);
}

}  // namespace

void read_alert(Draft& draft) {
  const Node::Member* member = find_member(draft.node, "alert");
  if (member == nullptr) return;
  const Node& node = member->value;
  Rule& rule = draft.rule;
  Alert& alert = rule.alert.emplace();
  if (node.as_string() != nullptr)
    return draft.reporter.error(node, "alert: says how loud it is and what is said; a text alone does not",
                                std::string("write ") + kAlertExample + "; the rule's name stands under name:");
  if (read_map(node, {"an alert", kAlertExample, kAlertKeys, kAlertHints}, draft.reporter) == nullptr) return;
  if (const Node* severity = node.find("severity")) {
    if (const auto choice = read_choice(*severity, "severity", kSeverities, draft.reporter))
      alert.severity = kSeverities[*choice];
  } else {
    draft.reporter.error(*member, "an alert without a severity", "add severity: info, warning or critical");
  }
  if (const Node* latch = node.find("latch")) alert.latch = read_truth(*latch, draft.reporter).value_or(false);
  if (const Node* repeat = node.find("repeat"))
    alert.repeat = read_duration(*repeat, {.least = 10 * kSecond}, draft.reporter).value_or(0);
  if (const Node* suppress = node.find("suppress")) draft.expressions.add(*suppress, Type::truth, rule.suppress);
  if (!draft.captures_known) return;
  if (const Node* message = node.find("message")) draft.expressions.add_message(*message, alert.message);
  else default_message(draft);
}

void read_detect(Draft& draft) {
  const Node::Member* member = find_member(draft.node, "detect");
  if (member == nullptr) return;
  const Node& node = member->value;
  detect::Settings& settings = draft.rule.detect.emplace();
  if (read_map(node, {"detect:", "detect: {}, or {sensitivity: high}", kDetectKeys, kDetectHints}, draft.reporter) ==
      nullptr)
    return;
  const auto number = [&](std::string_view key) {
    const Node* value = node.find(key);
    return value == nullptr ? std::nullopt : read_number(*value, draft.reporter);
  };
  if (const Node* sensitivity = node.find("sensitivity"))
    if (const auto choice = read_choice(*sensitivity, "sensitivity", kSensitivities, draft.reporter))
      settings.sensitivity = static_cast<detect::Sensitivity>(*choice);
  if (const Node* method = node.find("method"))
    if (const auto choice = read_choice(*method, "method", detect::methods(), draft.reporter))
      settings.method = detect::methods()[*choice];
  if (const Node* window = node.find("window"))
    settings.window = read_duration(*window, {.least = kMillisecond, .most = 366 * kDay}, draft.reporter);
  settings.threshold = number("threshold");
  settings.alpha = number("alpha");
  settings.drift = number("drift");
  if (draft.rule.inputs.size() > 1)
    draft.reporter.error(*member, "detect: looks at one input, not " + std::to_string(draft.rule.inputs.size()),
                         "write a rule for each; or let a rule emit what they make together, and detect on that");
  if (draft.reporter.failed()) return;
  if (const auto detector = detect::make_detector(settings); !detector)
    draft.reporter.error(*member, detector.error().what, detector.error().hint);
}

}  // namespace weir::rules
