#include "cli/replay_output.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "cli/table.h"

namespace weir::cli {
namespace {

constexpr Nanoseconds kPatience = kMinute;  // for the other set of rules to say the same
constexpr std::size_t kMostWaiting = 100'000;
constexpr std::size_t kWidestName = 60;

constexpr std::string_view kKinds[] = {"emits", "alerts", "writes"};  // as rule_test::Kind

struct Shown {
  std::string kind, name, what;
  Node json;
};

Shown shown(const rules::Emitted& emitted) {
  const model::Reading& reading = emitted.reading;
  const std::string quality = model::to_text(reading.quality);
  std::string what = model::to_text(reading.value);
  if (!emitted.unit.empty()) what += " " + emitted.unit;
  if (!reading.quality.good()) what += "  " + quality;
  if (emitted.revision) what += "  (revision)";
  Node json = Node::object();
  json.set("time", to_iso(reading.time)).set("path", emitted.path).set("value", json_value(reading.value));
  json.set("unit", emitted.unit).set("quality", quality);
  if (emitted.revision) json.set("revision", true);
  return {"emit", emitted.path, std::move(what), std::move(json)};
}

Shown shown(const rules::AlertEvent& alert) {
  std::string what = alert.change + "  " + alert.severity;
  if (!alert.message.empty()) what += "  " + alert.message;
  if (!alert.who.empty()) what += "  (" + alert.who + (alert.why.empty() ? "" : ": " + alert.why) + ")";
  Node group = Node::object();
  for (const auto& [name, value] : alert.group) group.set(name, value);
  Node json = Node::object();
  json.set("time", to_iso(alert.time)).set("alert", alert.target).set("rule", alert.rule).set("id", alert.id);
  json.set("change", alert.change).set("severity", alert.severity).set("message", alert.message);
  json.set("group", std::move(group)).set("active", alert.active).set("acknowledged", alert.acknowledged);
  json.set("latched", alert.latched).set("shelved", alert.shelved).set("suppressed", alert.suppressed);
  json.set("uncertain", alert.uncertain).set("since", to_iso(alert.since));
  if (!alert.who.empty()) json.set("who", alert.who).set("why", alert.why);
  if (alert.shelved_until != 0) json.set("shelved_until", to_iso(alert.shelved_until));
  return {"alert", alert.target, std::move(what), std::move(json)};
}

Shown shown(const rules::WriteRequest& write) {
  std::string what = model::to_text(write.value) + "  by " + write.rule;
  Node json = Node::object();
  json.set("time", to_iso(write.time)).set("write", write.path).set("value", json_value(write.value));
  json.set("rule", write.rule);
  if (write.lease > 0) {
    const std::string lease = to_text(std::chrono::nanoseconds(write.lease));
    what += ", lease " + lease;
    json.set("lease", lease);
  }
  if (write.fallback) {
    what += ", else " + model::to_text(*write.fallback);
    json.set("fallback", json_value(*write.fallback));
  }
  return {"write", write.path, std::move(what), std::move(json)};
}

}  // namespace

ReplayOutput::Line ReplayOutput::line(std::size_t side, Timestamp arrival, const rule_test::Happening& said) const {
  Shown shown = said.visit([](const auto& what) { return cli::shown(what); });
  if (show_.json && show_.diff) shown.json.set("diff", side == 0 ? "-" : "+");
  return {side,
          arrival,
          time_text(said.time()),
          std::move(shown.kind),
          printable(shown.name),
          printable(shown.what),
          show_.json ? to_json(shown.json) : std::string()};
}

void ReplayOutput::add(std::size_t side, Timestamp arrival, const rules::Outputs& outputs) {
  if (outputs.empty()) return;
  for (const rule_test::Happening& said : rule_test::happenings(outputs)) {
    if (said.time() < show_.from || said.time() > show_.to) continue;
    if (!show_.only.empty() && show_.only != kKinds[static_cast<std::size_t>(said.kind())]) continue;
    Line line = this->line(side, arrival, said);
    if (show_.diff) compare(std::move(line));
    else print(line);
  }
}

void ReplayOutput::compare(Line line) {
  auto& same = unmatched_[line.key()];
  if (!same.empty() && same.front()->side != line.side) {
    waiting_.erase(same.front());
    same.pop_front();
    if (same.empty()) unmatched_.erase(line.key());
    return;
  }
  waiting_.push_back(std::move(line));
  same.push_back(std::prev(waiting_.end()));
}

void ReplayOutput::stepped(Timestamp arrival) {
  while (!waiting_.empty() && (waiting_.front().arrival < arrival - kPatience || waiting_.size() > kMostWaiting))
    show_first();
}

void ReplayOutput::end() {
  while (!waiting_.empty()) show_first();
  std::fflush(stdout);
}

void ReplayOutput::show_first() {
  const Line& line = waiting_.front();
  print(line);
  differs_ = true;
  const auto same = unmatched_.find(line.key());
  same->second.pop_front();  // the oldest of its key
  if (same->second.empty()) unmatched_.erase(same);
  waiting_.pop_front();
}

void ReplayOutput::print(const Line& line) {
  std::string out;
  if (show_.json) {
    out = line.json;
  } else {
    // A column grows as needed: what comes next is not known.
    const std::size_t own = width(line.name);
    name_width_ = std::max(name_width_, std::min(own, kWidestName));
    if (show_.diff) out = line.side == 0 ? "- " : "+ ";
    out += line.time + "  " + line.kind + std::string(7 - line.kind.size(), ' ') + line.name +
           std::string(name_width_ - std::min(name_width_, own) + 2, ' ') + line.what;
  }
  out += '\n';
  std::fwrite(out.data(), 1, out.size(), stdout);
}

}  // namespace weir::cli
