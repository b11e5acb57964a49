#include "rules/engine.h"

#include <gmock/gmock.h>

#include "plant.h"

namespace weir::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Alert, RaisesAndClearsPerGroup) {
  Plant plant(R"Y(
rules:
  - name: overheat
    from: {t: "boiler-{n}/temperature"}
    when: t > 90
    alert: {severity: critical, message: "boiler {n} is at {t:.1f} °C"}
)Y");
  plant.at(1, "boiler-1/temperature", 95.0).at(1, "boiler-2/temperature", 20.0);
  EXPECT_THAT(plant.said(), ElementsAre("1 raised since 1: boiler 1 is at 95.0 °C"));
  plant.at(2, "boiler-1/temperature", 96.0);
  EXPECT_THAT(plant.said(), IsEmpty());
  ASSERT_EQ(plant.engine.active_alerts().size(), 1U);
  const AlertEvent active = plant.engine.active_alerts()[0];
  EXPECT_EQ(active.rule, "overheat");
  EXPECT_EQ(active.severity, "critical");
  EXPECT_EQ(active.group, (std::map<std::string, std::string>{{"n", "1"}}));
  EXPECT_EQ(active.id.size(), 32U);
  plant.at(3, "boiler-1/temperature", std::int64_t{80});
  EXPECT_THAT(plant.said(), ElementsAre("3 cleared since 1: boiler 1 is at 80.0 °C"));
  EXPECT_THAT(plant.engine.active_alerts(), IsEmpty());
  EXPECT_EQ(plant.engine.groups(), 2U);
  EXPECT_FALSE(plant.engine.waits_for_time());
}

constexpr const char* kHysteresis = R"Y(
rules:
  - name: overheat
    from: {t: "b/t"}
    when: t > 90
    for: 30s
    clear: t < 85
    clear_for: 10s
    alert: {severity: critical, message: "{t}"}
)Y";

TEST(Alert, WaitsForOnDelayAndOffDelayInEventTime) {
  Plant plant(kHysteresis);
  plant.at(0, "b/t", 91.0).at(20, "b/t", 92.0);
  EXPECT_THAT(plant.said(), IsEmpty());
  EXPECT_TRUE(plant.engine.waits_for_time());
  plant.at(30, "b/t", 93.0);
  EXPECT_THAT(plant.said(), ElementsAre("30 raised since 0: 93"));
  plant.at(40, "b/t", 87.0).at(50, "b/t", 84.0).at(55, "b/t", 86.0).at(56, "b/t", 84.0);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.at(70, "b/t", 80.0);  // the value of 56 held until then
  EXPECT_THAT(plant.said(), ElementsAre("66 cleared since 0: 84"));
}

TEST(Alert, AReadingAtTheEndOfTheDelayStillCounts) {
  Plant plant(kHysteresis);
  plant.at(0, "b/t", 91.0).at(30, "b/t", 20.0).at(31, "b/t", 95.0);
  EXPECT_THAT(plant.said(), IsEmpty());
}

TEST(Alert, TicksLetTheDelayRunOutForAnIdleGroup) {
  Plant plant(kHysteresis);
  plant.at(0, "b/t", 91.0).tick_to(30);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.tick_to(31);
  EXPECT_THAT(plant.said(), ElementsAre("30 raised since 0: 91"));
  EXPECT_FALSE(plant.engine.waits_for_time());
}

TEST(Alert, TimeThatTheAgentDidNotSeeDoesNotCount) {
  Plant plant(kHysteresis);
  plant.at(0, "b/t", 91.0);
  plant.engine.tick(Plant::seconds(3600), plant.out);
  EXPECT_THAT(plant.said(), IsEmpty());
}

TEST(Alert, TheSameWithOrWithoutTicks) {
  for (const bool ticks : {false, true}) {
    Plant plant(kHysteresis);
    plant.at(0, "b/t", 91.0);
    if (ticks) plant.tick_to(59);
    plant.at(60, "b/t", 80.0);
    EXPECT_THAT(plant.said(), ElementsAre("30 raised since 0: 91")) << ticks;
  }
}

TEST(Alert, UnknownResetsAPendingDelay) {
  Plant plant(kHysteresis);
  plant.at(0, "b/t", 91.0).at(20, "b/t", 91.0, model::kBadTimeout).at(21, "b/t", 91.0).at(40, "b/t", 91.0);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.at(51, "b/t", 91.0);
  EXPECT_THAT(plant.said(), ElementsAre("51 raised since 21: 91"));
  EXPECT_EQ(plant.engine.counters().bad, 1U);
}

TEST(Alert, UnknownNeitherClearsNorHidesAFiringAlert) {
  Plant plant(R"Y(
rules:
  - name: hot
    from: {t: "b/t"}
    when: t > 90
    alert: {severity: info, message: "{t}"}
)Y");
  plant.at(0, "b/t", 91.0).at(1, "b/t", 0.0, model::kBadTimeout).at(2, "b/t", 0.0, model::kBadTimeout);
  EXPECT_THAT(plant.said(), ElementsAre("0 raised since 0: 91", "1 uncertain since 0: ?"));
  EXPECT_TRUE(plant.engine.active_alerts()[0].uncertain);
  plant.at(3, "b/t", 95.0);
  EXPECT_THAT(plant.said(), ElementsAre("3 certain since 0: 95"));
  plant.at(4, "b/t", std::nan(""));
  plant.at(5, "b/t", 20.0);
  EXPECT_THAT(plant.said(), ElementsAre("4 uncertain since 0: ?", "5 cleared since 0: 20"));
  EXPECT_EQ(plant.engine.counters().arithmetic, 1U);
}

TEST(Alert, AnExpiredInputIsUnknown) {
  Plant plant(R"Y(
rules:
  - name: hot
    from: {t: {path: "b/t", within: 5s}}
    when: t > 90
    for: 10s
    alert: {severity: info, message: "{t}"}
)Y");
  plant.at(0, "b/t", 91.0).at(8, "b/t", 91.0).at(12, "b/t", 91.0);  // from 5 to 8 nobody knew
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.at(16, "b/t", 91.0).at(18, "b/t", 92.0).tick_to(40);
  EXPECT_THAT(plant.said(), ElementsAre("18 raised since 8: 92", "23.000000001 uncertain since 8: ?"));
  EXPECT_FALSE(plant.engine.waits_for_time());
}

TEST(Alert, AlertsHaveOneNamePerEpisode) {
  Plant plant("rules: [{name: hot, from: {t: \"b-{n}/t\"}, when: t > 1, alert: {severity: info}}]");
  plant.at(0, "b-1/t", 2.0).at(1, "b-1/t", 0.0).at(2, "b-1/t", 2.0).at(0, "b-2/t", 2.0);
  ASSERT_EQ(plant.out.alerts.size(), 4U);
  EXPECT_EQ(plant.out.alerts[0].id, plant.out.alerts[1].id);
  EXPECT_NE(plant.out.alerts[0].id, plant.out.alerts[2].id);
  EXPECT_NE(plant.out.alerts[0].id, plant.out.alerts[3].id);
  EXPECT_EQ(plant.out.alerts[0].message, "hot (n = 1)");
}

TEST(Reading, OldAndRepeatedOnesAreCountedAndDropped) {
  Plant plant("rules: [{name: copy, from: {t: \"b/t\"}, emit: {\"b/copy\": t}}]");
  plant.at(5, "b/t", 1.0).at(4, "b/t", 2.0).at(5, "b/t", 3.0).at(6, "b/t", 4.0).at(7e9, "b/t", 4.0);
  EXPECT_THAT(plant.said(), ElementsAre("5 b/copy = 1", "6 b/copy = 4"));
  EXPECT_EQ(plant.engine.counters().late, 2U);
  EXPECT_EQ(plant.engine.counters().duplicate, 1U);
  EXPECT_EQ(plant.engine.counters().readings, 5U);
}

TEST(Reading, OfAnotherTypeIsBad) {
  Plant plant("rules: [{name: r, from: {t: \"b/t\"}, emit: {\"b/twice\": t * 2}}]");
  plant.at(1, "b/t", std::string("warm")).at(2, "b/t", true);
  EXPECT_THAT(plant.said(), ElementsAre("1 b/twice = nan [bad: wrong type]", "2 b/twice = 2"));
}

TEST(Emit, CarriesTheWorstQualityAndTheUnit) {
  Plant plant(
      "rules: [{name: r, from: {t: \"b/t\"}, emit: {\"b/same\": t, \"b/twice\": t * 2, \"b/text\": \"if t > 1 then "
      "'high' else 'low'\"}}]");
  plant.signal("b/t", "Cel");
  plant.at(1, "b/t", 3.0, model::kUncertainLastUsable);
  const auto said = plant.said();
  ASSERT_EQ(said.size(), 3U);
  EXPECT_THAT(said[0], testing::StartsWith("1 b/same = 3 Cel [uncertain"));
  EXPECT_THAT(said[1], testing::StartsWith("1 b/twice = 6 [uncertain"));
  EXPECT_THAT(said[2], testing::StartsWith("1 b/text = high [uncertain"));
}

TEST(Where, FiltersReadings) {
  Plant plant("rules: [{name: r, from: {t: \"b/t\"}, where: t >= 0, emit: {\"b/positive\": t}}]");
  plant.at(1, "b/t", -3.0).at(2, "b/t", 3.0).at(3, "b/t", 3.0, model::kBad);
  EXPECT_THAT(plant.said(), ElementsAre("2 b/positive = 3"));
}

TEST(Text, IsCompared) {
  Plant plant(
      "rules: [{name: r, from: {s: \"b/state\"}, when: s == 'fault', alert: {severity: info, message: \"{s}\"}}]");
  plant.at(1, "b/state", std::string("run"))
      .at(2, "b/state", std::string("fault"))
      .at(3, "b/state", std::string("run"));
  EXPECT_THAT(plant.said(), ElementsAre("2 raised since 2: fault", "3 cleared since 2: run"));
}

constexpr const char* kDifference = R"Y(
rules:
  - name: difference
    from: {a: "p-{n}/a", b: "p-{n}/b"}
    within: 5s
    emit: {"p-{n}/difference": a - b}
)Y";

TEST(Join, JudgesEachInstantOnceWithTheInputsAsOfThen) {
  Plant plant(kDifference);
  plant.at(1, "p-1/a", 10.0).at(1, "p-1/b", 3.0).at(2, "p-1/a", 11.0).at(2, "p-1/b", 3.0);
  EXPECT_THAT(plant.said(), ElementsAre("1 p-1/difference = 7", "2 p-1/difference = 8"));
}

TEST(Join, TakesSeriesOfABatchOneAfterTheOther) {
  Plant plant(kDifference);
  for (int i = 1; i <= 3; ++i) plant.at(i, "p-1/a", 10.0 * i, model::kGood, 10);
  for (int i = 1; i <= 3; ++i) plant.at(i + 0.5, "p-1/b", 1.0 * i, model::kGood, 10);
  EXPECT_THAT(plant.said(), ElementsAre("1 p-1/difference = nan [bad]", "1.5 p-1/difference = 9",
                                        "2 p-1/difference = 19", "2.5 p-1/difference = 18", "3 p-1/difference = 28"));
  EXPECT_TRUE(plant.engine.waits_for_time());
  plant.tick_to(13);
  EXPECT_THAT(plant.said(), ElementsAre("3.5 p-1/difference = 27"));
}

TEST(Join, AnIdleInputHoldsNothingBackForLong) {
  Plant plant(kDifference);
  plant.at(1, "p-1/a", 10.0).at(1, "p-1/b", 3.0).at(4, "p-1/a", 10.0).at(6, "p-1/a", 10.0).at(8, "p-1/a", 10.0);
  plant.tick_to(12);
  EXPECT_THAT(plant.said(), ElementsAre("1 p-1/difference = 7", "4 p-1/difference = 7", "6 p-1/difference = 7",
                                        "8 p-1/difference = nan [bad]"));
}

TEST(Join, AnInputOfAllGroups) {
  Plant plant(R"Y(
rules:
  - name: above-ambient
    from: {t: "boiler-{n}/t", ambient: "site/ambient"}
    within: forever
    emit: {"boiler-{n}/above": t - ambient}
)Y");
  plant.signal("boiler-2/t");
  plant.at(1, "site/ambient", 20.0).tick_to(3);
  plant.said();
  plant.at(4, "boiler-1/t", 50.0).at(4, "boiler-2/t", 60.0).tick_to(8);
  EXPECT_THAT(plant.said(), ElementsAre("4 boiler-1/above = 30", "4 boiler-2/above = 40"));
}

constexpr const char* kMean = R"Y(
rules:
  - name: temperature-1m
    from: {t: "{device}/temperature"}
    window: 1m
    emit: {"{device}/mean": "mean(t)", "{device}/count": "count(t)", "{device}/range": "max(t) - min(t)"}
)Y";

TEST(Window, TumblesAlignedToTheEpoch) {
  Plant plant(kMean);
  plant.signal("b/temperature", "Cel");
  plant.at(70, "b/temperature", 1.0).at(100, "b/temperature", 3.0).at(119.9, "b/temperature", 5.0);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.at(120, "b/temperature", 100.0);
  EXPECT_THAT(plant.said(), ElementsAre("120 b/mean = 3 Cel", "120 b/count = 3", "120 b/range = 4"));
  plant.tick_to(180.5);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.tick_to(182);
  EXPECT_THAT(plant.said(), ElementsAre("180 b/mean = 100 Cel", "180 b/count = 1", "180 b/range = 0"));
  EXPECT_FALSE(plant.engine.waits_for_time());
}

TEST(Window, BeforeTheEpoch) {
  Plant plant(kMean);
  plant.at(-1, "b/temperature", 1.0, model::kGood, 0).at(1, "b/temperature", 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("0 b/mean = 1", "0 b/count = 1", "0 b/range = 0"));
}

TEST(Window, SaysHowGoodItIs) {
  Plant plant(kMean);
  plant.at(1, "b/temperature", 1.0)
      .at(2, "b/temperature", 9.0, model::kBad)
      .at(61, "b/temperature", 9.0, model::kBad);
  EXPECT_EQ(plant.said()[0], "60 b/mean = 1 [uncertain: fewer sources than required]");
  plant.at(121, "b/temperature", 9.0);
  EXPECT_THAT(plant.said(),
              ElementsAre("120 b/mean = nan [bad]", "120 b/count = 0 [uncertain: fewer sources than required]",
                          "120 b/range = nan [bad]"));
}

TEST(Window, LatenessPutsReadingsInOrder) {
  Plant plant(R"Y(
rules:
  - name: r
    from: {t: "b/t"}
    window: 10s
    lateness: 5s
    emit: {"b/first": first(t), "b/last": last(t), "b/sum": sum(t)}
)Y");
  plant.at(4, "b/t", 4.0)
      .at(2, "b/t", 2.0)
      .at(12, "b/t", 12.0)
      .at(8, "b/t", 8.0)
      .at(2, "b/t", 99.0)
      .at(1, "b/t", 1.0);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.at(15, "b/t", 15.0);
  EXPECT_THAT(plant.said(), ElementsAre("10 b/first = 2", "10 b/last = 8", "10 b/sum = 14"));
  plant.at(9, "b/t", 9.0);
  EXPECT_EQ(plant.engine.counters().late, 3U);
}

TEST(Window, JudgesItsResult) {
  Plant plant(R"Y(
rules:
  - name: r
    from: {t: "b/t"}
    window: 10s
    when: mean(t) > 5
    for: 20s
    alert: {severity: info, message: "mean {mean(t):.2f}, spread {stddev(t):.1f}"}
)Y");
  for (int i = 0; i <= 40; i += 5) plant.at(i, "b/t", 8.0);
  EXPECT_THAT(plant.said(), ElementsAre("30 raised since 10: mean 8.00, spread 0.0"));
  plant.at(50, "b/t", 1.0).at(60, "b/t", 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("60 cleared since 10: mean 1.00, spread 0.0"));
}

TEST(Window, CountsAndSpreads) {
  Plant plant(R"Y(
rules:
  - name: r
    from: {t: "b/t"}
    window: 10s
    emit: {"b/over": count_true(t > 2), "b/stddev": stddev(t), "b/variance": variance(t), "b/min": min(t), "b/max": max(t), "b/last": last(t > 3)}
)Y");
  for (int i = 1; i <= 4; ++i) plant.at(i, "b/t", 1.0 * i);
  plant.at(10, "b/t", 0.0);
  const auto said = plant.said();
  EXPECT_THAT(said, ElementsAre("10 b/over = 2", testing::StartsWith("10 b/stddev = 1.29099"),
                                testing::StartsWith("10 b/variance = 1.6666"), "10 b/min = 1", "10 b/max = 4",
                                "10 b/last = true"));
}

TEST(Chain, DerivedSignalsFeedOtherRules) {
  Plant plant(R"Y(
rules:
  - name: hot-mean
    from: {m: "{device}/mean"}
    when: m > 50
    alert: {severity: warning, message: "{device} at {m}"}
  - name: mean
    from: {t: "{device}/t"}
    window: 10s
    emit: {"{device}/mean": mean(t)}
)Y");
  plant.at(1, "a/t", 60.0).at(2, "b/t", 40.0).tick_to(20);
  EXPECT_THAT(plant.said(), ElementsAre("10 a/mean = 60", "10 b/mean = 40", "10 raised since 10: a at 60"));
  EXPECT_EQ(plant.engine.groups(), 4U);
}

TEST(Chain, ADiamondIsJudgedOnce) {
  Plant plant(R"Y(
rules:
  - {name: c, from: {x: "d/x", y: "d/y"}, within: 5s, emit: {"d/z": x + y}}
  - {name: a, from: {t: "d/t"}, emit: {"d/x": t + 1}}
  - {name: b, from: {t: "d/t"}, emit: {"d/y": t * 10}}
)Y");
  plant.at(1, "d/t", 1.0).at(2, "d/t", 2.0);
  EXPECT_THAT(plant.said(),
              ElementsAre("1 d/x = 2", "1 d/y = 10", "1 d/z = 12", "2 d/x = 3", "2 d/y = 20", "2 d/z = 23"));
}

TEST(Define, AgainOrAfterInstallBindsTheSame) {
  Plant plant("rules: [{name: a, from: {t: \"b/t\"}, emit: {\"b/x\": t}}]");
  plant.at(1, "b/t", 1.0);
  plant.engine.define(plant.signal("b/t"), make_signal("b/t", "bar"));
  plant.at(2, "b/t", 2.0);
  plant.install("rules: [{name: a2, from: {t: \"b/t\"}, emit: {\"b/x\": t + 1}}]");
  plant.at(3, "b/t", 3.0);
  EXPECT_THAT(plant.said(), ElementsAre("1 b/x = 1", "2 b/x = 2 bar", "3 b/x = 4"));
}

TEST(Install, KeepsTheStateOfWhatIsComputedTheSame) {
  Plant plant(kHysteresis);
  plant.at(0, "b/t", 91.0);
  std::string changed = kHysteresis;
  changed.replace(changed.find("critical"), 8, "warning");
  changed.replace(changed.find("{t}"), 3, "now {t}");
  plant.install(changed + "  - {name: more, from: {t: \"b/t\"}, emit: {\"b/copy\": t}}\n");
  plant.tick_to(31);
  EXPECT_THAT(plant.said(), ElementsAre("30 raised since 0: now 91"));
  EXPECT_EQ(plant.engine.active_alerts()[0].severity, "warning");
  changed.replace(changed.find("t > 90"), 6, "t > 89");
  plant.install(changed);
  EXPECT_THAT(plant.engine.active_alerts(), IsEmpty());
}

TEST(Engine, WithoutRulesDoesNothing) {
  Engine engine;
  Outputs out;
  engine.define(1, make_signal("a/b"));
  model::Series series;
  series.signal = 1;
  series.append({1, 1.0, model::kGood});
  engine.readings(1, series, out);
  series.signal = 77;
  engine.readings(1, series, out);
  engine.tick(2, out);
  EXPECT_TRUE(out.empty());
  EXPECT_FALSE(engine.waits_for_time());
}

}  // namespace
}  // namespace weir::rules
