// What people do to alerts, and that what does nothing leaves no trace: it is not in the log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"
#include "rules/engine.h"

namespace weir::rules {
namespace {

constexpr const char* kRules = R"Y(
rules:
  - {name: hot, from: {t: "boiler-{n}/t"}, when: t > 90, for: 1h, alert: {severity: critical}}
  - {name: warm, from: {t: "boiler-{n}/t"}, when: t > 50, alert: {severity: warning, latch: true}}
)Y";

class Commands : public testing::Test {
 protected:
  void SetUp() override {
    const config::Parsed parsed = config::parse_yaml({"a.yaml", kRules});
    const Node files[] = {parsed.root};
    Compiled compiled = compile(files, {});
    ASSERT_TRUE(compiled.rules);
    engine_.install(compiled.rules);
    model::Signal signal;
    signal.path = "boiler-7/t";
    engine_.define(1, signal);
    model::Series series;
    series.signal = 1;
    series.append({kStart, 60.0, {}});
    engine_.readings(kStart, series, outputs_);
    outputs_.clear();
  }

  std::size_t command(AlertCommand::Verb verb, const std::string& target, Nanoseconds at, Timestamp until = 0) {
    outputs_.clear();
    return engine_.command(kStart + at, {verb, target, "eve", "because", until}, outputs_);
  }

  using Verb = AlertCommand::Verb;
  static constexpr Timestamp kStart = 1'700'000'000 * kSecond;
  Engine engine_;
  Outputs outputs_;
};

TEST_F(Commands, WhatChangesNothingLeavesNoTrace) {
  const std::string before = engine_.save();
  for (const auto& [verb, target] :
       {std::pair(Verb::acknowledge, "cold"), std::pair(Verb::acknowledge, "hot/7"),
        std::pair(Verb::unshelve, "warm/7"), std::pair(Verb::reset, "warm/7"), std::pair(Verb::shelve, "warm/7")})
    EXPECT_EQ(command(verb, target, 7 * kSecond), 0U) << target;
  EXPECT_TRUE(outputs_.empty());
  EXPECT_TRUE(engine_.save() == before);
}

TEST_F(Commands, AnAlertIsNamedByItsTarget) {
  const auto standing = engine_.active_alerts();
  ASSERT_EQ(standing.size(), 1U);
  EXPECT_EQ(standing[0].target, "warm/7");
  EXPECT_EQ(command(Verb::acknowledge, standing[0].target, kSecond), 1U);
  EXPECT_EQ(engine_.active_alerts()[0].who, "eve");
  EXPECT_EQ(engine_.active_alerts()[0].why, "because");
  EXPECT_EQ(command(Verb::shelve, standing[0].id, 2 * kSecond, kStart + kHour), 1U);
  EXPECT_EQ(engine_.active_alerts()[0].shelved_until, kStart + kHour);
}

}  // namespace
}  // namespace weir::rules
