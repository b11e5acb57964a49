#include "rule_test/happening.h"

#include <algorithm>

#include "rule_test/expectation.h"

namespace weir::rule_test {
namespace {

std::string word(model::Quality quality) { return quality.good() ? "good" : quality.bad() ? "bad" : "uncertain"; }

std::optional<model::Value> field_of(const rules::Emitted& emitted, std::string_view key) {
  if (key == "value") return emitted.reading.value;
  if (key == "quality") return word(emitted.reading.quality);
  if (key == "unit") return emitted.unit;
  return std::nullopt;
}

std::optional<model::Value> field_of(const rules::AlertEvent& alert, std::string_view key) {
  if (key.starts_with("group.")) {
    const auto found = alert.group.find(std::string(key.substr(6)));
    return found != alert.group.end() ? std::optional<model::Value>(found->second) : std::nullopt;
  }
  if (key == "change") return alert.change;
  if (key == "severity") return alert.severity;
  if (key == "message") return alert.message;
  if (key == "uncertain") return alert.uncertain;
  if (key == "acknowledged") return alert.acknowledged;
  if (key == "latched") return alert.latched;
  if (key == "shelved") return alert.shelved;
  if (key == "suppressed") return alert.suppressed;
  return std::nullopt;
}

}  // namespace

std::optional<model::Value> Happening::field(std::string_view key) const {
  return emitted_ != nullptr ? field_of(*emitted_, key) : field_of(*alert_, key);
}

std::string Happening::group() const {
  if (alert_ == nullptr || alert_->group.empty()) return {};
  std::string out;
  for (const auto& [capture, value] : alert_->group) out += (out.empty() ? "{" : ", ") + capture + "=" + value;
  return out + "}";
}

std::string Happening::what() const {
  if (alert_ != nullptr) return alert_->change;
  const model::Reading& reading = emitted_->reading;
  return "= " + shown(reading.value) + (reading.quality.good() ? "" : " " + word(reading.quality));
}

std::vector<Happening> happenings(const rules::Outputs& outputs) {
  std::vector<Happening> out;
  out.reserve(outputs.emitted.size() + outputs.alerts.size());
  for (const auto& emitted : outputs.emitted) out.emplace_back(emitted);
  for (const auto& alert : outputs.alerts) out.emplace_back(alert);
  std::ranges::stable_sort(out, {}, &Happening::time);
  return out;
}

}  // namespace weir::rule_test
