#include "agent/explain.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/text.h"

namespace weir {
namespace {

Node::List texts(const std::vector<std::string>& from) {
  Node::List out;
  for (const std::string& text : from) out.push_back(Node::of(text));
  return out;
}

std::string when(Timestamp time) { return time == 0 ? std::string() : to_iso(time); }

Node group(const rules::GroupReport& report) {
  Node::List values;
  for (const auto& [name, value] : report.values)
    values.push_back(Node::object().set("name", name).set("value", value));
  Node captures = Node::object();
  for (const auto& [name, value] : report.group) captures.set(name, value);
  return Node::object()
      .set("group", captures)
      .set("state", report.state)
      .set("since", when(report.since))
      .set("newest", when(report.newest))
      .set("watermark", when(report.watermark))
      .set("bytes", report.bytes)
      .set("held_back", report.held_back)
      .set("members", report.members)
      .set("values", std::move(values));
}

Node document(const rules::RuleReport& report) {
  Node::List groups;
  for (const rules::GroupReport& one : report.some) groups.push_back(group(one));
  return Node::object()
      .set("rule", report.name)
      .set("reads", texts(report.reads))
      .set("asks", texts(report.asks))
      .set("emits", texts(report.emits))
      .set("writes", texts(report.writes))
      .set("judged", report.judged)
      .set("groups", report.groups)
      .set("bytes", report.bytes)
      .set("operations", report.operations)
      .set("readings", report.readings)
      .set("late", report.late)
      .set("some", std::move(groups));
}

}  // namespace

Result<Node> explain(const rules::Engine& engine, const Node& request) {
  constexpr std::int64_t kUsually = 5, kMost = 1'000;
  const Node* rule = request.find("rule");
  const Node* groups = request.find("groups");
  const std::string name = rule != nullptr && rule->as_string() != nullptr ? *rule->as_string() : std::string();
  const std::int64_t count = groups != nullptr && groups->as_int() != nullptr ? *groups->as_int() : kUsually;
  const auto report = engine.report(name, static_cast<std::size_t>(std::clamp<std::int64_t>(count, 0, kMost)));
  if (report) return document(*report);
  const auto rules = engine.rules();
  const std::string near = did_you_mean(name, std::vector<std::string_view>(rules.begin(), rules.end()));
  return fail("no rule is named '" + name + "'", !near.empty()   ? near
                                                 : rules.empty() ? "no rule runs"
                                                                 : "these run: " + join(rules, ", "));
}

}  // namespace weir
