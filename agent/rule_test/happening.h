// What the engine said, in the one form in which expectations speak of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rule_test/suite.h"
#include "rules/engine.h"

namespace weir::rule_test {

// Borrows from the outputs.
class Happening {
 public:
  using Said = std::variant<const rules::Emitted*, const rules::AlertEvent*, const rules::WriteRequest*>;  // as Kind

  explicit Happening(Said said) : said_(said) {}

  Kind kind() const { return static_cast<Kind>(said_.index()); }
  Timestamp time() const;
  const std::string& name() const;  // the path of a value or write, the rule of an alert

  // As Expectation::Field names them; nothing if there is none.
  std::optional<model::Value> field(std::string_view key) const;
  std::string group() const;  // "{n=1}"; empty if it has none
  std::string what() const;   // "= 90.5 uncertain", "raised"

  template <class Use>
  auto visit(Use use) const {
    return std::visit([&](const auto* said) { return use(*said); }, said_);
  }

  // Whether it only says again what was said: an alert that is repeated, a lease that is renewed after `before`.
  bool again(const Happening* before) const;

 private:
  Said said_;
};

// All of it, by event time; what has the same, in the order in which it came.
std::vector<Happening> happenings(const rules::Outputs& outputs);

}  // namespace weir::rule_test
