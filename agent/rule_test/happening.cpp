#include "rule_test/happening.h"

#include <algorithm>
#include <chrono>

#include "rule_test/expectation.h"

namespace weir::rule_test {
namespace {

using Field = std::optional<model::Value>;

std::string word(model::Quality quality) { return quality.good() ? "good" : quality.bad() ? "bad" : "uncertain"; }

// What the three have in common under different names.
struct Time {
  Timestamp operator()(const rules::Emitted* emitted) const { return emitted->reading.time; }
  Timestamp operator()(const auto* said) const { return said->time; }
};

struct Name {
  const std::string& operator()(const rules::AlertEvent* alert) const { return alert->rule; }
  const std::string& operator()(const auto* said) const { return said->path; }
};

Field field_of(const rules::Emitted& emitted, std::string_view key) {
  if (key == "value") return emitted.reading.value;
  if (key == "quality") return word(emitted.reading.quality);
  if (key == "unit") return emitted.unit;
  if (key == "revision") return emitted.revision;
  return std::nullopt;
}

Field field_of(const rules::AlertEvent& alert, std::string_view key) {
  if (key.starts_with("group.")) {
    const auto found = alert.group.find(std::string(key.substr(6)));
    return found != alert.group.end() ? Field(found->second) : std::nullopt;
  }
  if (key == "change") return alert.change;
  if (key == "severity") return alert.severity;
  if (key == "message") return alert.message;
  if (key == "who") return alert.who;
  if (key == "why") return alert.why;
  if (key == "uncertain") return alert.uncertain;
  if (key == "acknowledged") return alert.acknowledged;
  if (key == "latched") return alert.latched;
  if (key == "shelved") return alert.shelved;
  if (key == "suppressed") return alert.suppressed;
  return std::nullopt;
}

Field field_of(const rules::WriteRequest& write, std::string_view key) {
  if (key == "value") return write.value;
  if (key == "rule") return write.rule;
  if (key == "lease") return weir::to_text(std::chrono::nanoseconds(write.lease));
  if (key == "fallback") return write.fallback;
  return std::nullopt;
}

struct What {
  std::string operator()(const rules::Emitted* emitted) const {
    const model::Reading& reading = emitted->reading;
    return "= " + shown(reading.value) + (reading.quality.good() ? "" : " " + word(reading.quality)) +
           (emitted->revision ? " revision" : "");
  }
  std::string operator()(const rules::AlertEvent* alert) const { return alert->change; }
  std::string operator()(const rules::WriteRequest* write) const { return "= " + shown(write->value); }
};

}  // namespace

Timestamp Happening::time() const { return std::visit(Time{}, said_); }
const std::string& Happening::name() const { return std::visit(Name{}, said_); }

std::optional<model::Value> Happening::field(std::string_view key) const {
  return std::visit([&](const auto* said) { return field_of(*said, key); }, said_);
}

std::string Happening::group() const {
  const auto* alert = std::get_if<const rules::AlertEvent*>(&said_);
  if (alert == nullptr || (*alert)->group.empty()) return {};
  std::string out;
  for (const auto& [capture, value] : (*alert)->group) out += (out.empty() ? "{" : ", ") + capture + "=" + value;
  return out + "}";
}

std::string Happening::what() const { return std::visit(What{}, said_); }

bool Happening::again(const Happening* before) const {
  if (const auto* alert = std::get_if<const rules::AlertEvent*>(&said_)) return (*alert)->change == "repeated";
  const auto* write = std::get_if<const rules::WriteRequest*>(&said_);
  const auto* last = before != nullptr ? std::get_if<const rules::WriteRequest*>(&before->said_) : nullptr;
  return write != nullptr && last != nullptr && (*write)->lease > 0 && (*write)->rule == (*last)->rule &&
         (*write)->value == (*last)->value;
}

std::vector<Happening> happenings(const rules::Outputs& outputs) {
  std::vector<Happening> out;
  out.reserve(outputs.emitted.size() + outputs.alerts.size() + outputs.writes.size());
  for (const auto& emitted : outputs.emitted) out.emplace_back(&emitted);
  for (const auto& alert : outputs.alerts) out.emplace_back(&alert);
  for (const auto& write : outputs.writes) out.emplace_back(&write);
  std::ranges::stable_sort(out, {}, &Happening::time);
  return out;
}

}  // namespace weir::rule_test
