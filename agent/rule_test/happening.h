// What the engine said, in the one form in which expectations speak of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rule_test/suite.h"
#include "rules/engine.h"

namespace weir::rule_test {

// Borrows from the outputs.
class Happening {
 public:
  explicit Happening(const rules::Emitted& emitted) : kind_(Kind::emit), emitted_(&emitted) {}
  explicit Happening(const rules::AlertEvent& alert) : kind_(Kind::alert), alert_(&alert) {}

  Kind kind() const { return kind_; }
  Timestamp time() const { return emitted_ != nullptr ? emitted_->reading.time : alert_->time; }
  const std::string& name() const { return emitted_ != nullptr ? emitted_->path : alert_->rule; }

  // As Expectation::Field names them; nothing if there is none.
  std::optional<model::Value> field(std::string_view key) const;
  std::string group() const;  // "{n=1}"; empty if it has none
  std::string what() const;   // "= 90.5 uncertain", "raised"

 private:
  Kind kind_;
  const rules::Emitted* emitted_ = nullptr;
  const rules::AlertEvent* alert_ = nullptr;
};

// All of it, by event time; what has the same, in the order in which it came.
std::vector<Happening> happenings(const rules::Outputs& outputs);

}  // namespace weir::rule_test
