#include "agent/explain.h"

#include "base/clock.h"

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

}  // namespace

Node explain(const rules::RuleReport& report) {
  Node::List groups;
  for (const rules::GroupReport& one : report.some) groups.push_back(group(one));
  return Node::object()
      .set("rule", report.name)
      .set("reads", texts(report.reads))
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

}  // namespace weir
