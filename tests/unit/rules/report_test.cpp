// What a rule says of itself, and what a reload would lose.
#include <gmock/gmock.h>

#include "plant.h"

namespace weir::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string rule(const std::string& when, const std::string& message) {
  return "rules: [{name: hot, from: {t: \"b-{n}/t\"}, when: \"" + when +
         "\", for: 1m, alert: {severity: info, message: \"" + message + "\"}}]";
}

TEST(Reload, NamesTheStateThatItWouldLose) {
  Plant plant(rule("t > 90", "hot"));
  const auto lost = [&](const std::string& rules) { return plant.engine.would_lose(*compile_yaml(rules).rules); };
  EXPECT_THAT(lost("rules: []"), IsEmpty()) << "there is none yet";
  plant.at(1, "b-1/t", 95.0);
  EXPECT_THAT(lost(rule("t > 90", "too hot")), IsEmpty());
  EXPECT_THAT(lost(rule("t > 91", "hot")), ElementsAre("hot"));
  EXPECT_THAT(lost("rules: []"), ElementsAre("hot"));
}

TEST(Reload, AnotherMessageGoesOnWhereTheRuleWas) {
  Plant plant(rule("t > 90", "hot"));
  plant.at(0, "b-1/t", 95.0);
  plant.install(rule("t > 90", "too hot"));
  plant.at(60, "b-1/t", 96.0);
  EXPECT_THAT(plant.said(), ElementsAre("60 raised since 0: too hot"));
  plant.install(rule("t > 91", "hot"));
  EXPECT_THAT(plant.engine.active_alerts(), IsEmpty());
}

// What it has learnt of days and weeks is of the clock that it learnt it by.
TEST(Reload, ADetectorBeginsAnewInAnotherTimeZone) {
  const std::string rules = "rules: [{name: odd, from: {t: d/t}, detect: {}, alert: {severity: info}}]";
  Plant plant(rules, plant_site("UTC"));
  plant.at(1, "d/t", 1.0);
  EXPECT_THAT(plant.engine.would_lose(*compile_yaml(rules, {}, plant_site("UTC")).rules), IsEmpty());
  EXPECT_THAT(plant.engine.would_lose(*compile_yaml(rules, {}, plant_site("Asia/Tokyo")).rules), ElementsAre("odd"));
}

TEST(Report, SaysWhatARuleAsksAndWhatStandsOfItsAlert) {
  Plant plant(R"Y(
rules:
  - name: hot
    from: {t: "b/t", run: "b/run"}
    within: forever
    where: run
    when: t > 90
    for: 5s
    clear: t < 85
    clear_for: 10s
    alert: {severity: info, latch: true}
)Y");
  plant.at(0, "b/run", true).at(0, "b/t", 95.0).at(6, "b/run", true).at(6, "b/t", 95.0).tick_to(8);
  EXPECT_EQ(plant.command(AlertCommand::Verb::acknowledge, "hot"), 1U);
  const auto report = plant.engine.report("hot", 1);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->asks, ElementsAre("where run", "when t > 90 for 5s", "clear t < 85 for 10s"));
  EXPECT_EQ(report->some.at(0).state, "active, acknowledged");
  EXPECT_THAT(report->some.at(0).values.at(1).second, HasSubstr("true, good"));
  plant.at(9, "b/run", true).at(9, "b/t", 20.0).tick_to(40);
  EXPECT_EQ(plant.engine.report("hot", 1)->some.at(0).state, "idle, latched, acknowledged");
}

TEST(Report, SaysWhatARuleReadsKeepsAndKnows) {
  Plant plant(R"Y(
rules:
  - name: mean
    from: {t: "{device}/t"}
    window: 1m
    emit: {"{device}/mean": mean(t)}
)Y");
  plant.at(1, "a/t", 20.0).at(2, "a/t", 22.0).at(2, "b/t", 5.0);
  EXPECT_FALSE(plant.engine.report("men", 5));
  const auto report = plant.engine.report("mean", 1);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->reads, ElementsAre("t: {device}/t"));
  EXPECT_THAT(report->emits, ElementsAre("{device}/mean = mean(t)"));
  EXPECT_EQ(report->judged, "at the end of each window of 1m");
  EXPECT_EQ(report->groups, 2U);
  EXPECT_EQ(report->readings, 3U);
  EXPECT_GT(report->bytes, 2 * sizeof(double));
  ASSERT_EQ(report->some.size(), 1U);
  const GroupReport& group = report->some[0];
  EXPECT_EQ(group.group.at("device"), "a");
  EXPECT_EQ(group.state, "idle");
  EXPECT_EQ(group.newest, Plant::seconds(2));
  ASSERT_EQ(group.values.size(), 2U);
  EXPECT_THAT(group.values[0].second, HasSubstr("22, good, at 1970-01-01T00:00:02"));
  EXPECT_EQ(group.values[1], std::pair(std::string("mean(t) so far"), std::string("21")));
}

}  // namespace
}  // namespace weir::rules
