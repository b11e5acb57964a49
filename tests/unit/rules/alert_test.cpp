// The life of an alert, and what it writes.
#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "plant.h"

namespace weir::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Verb = AlertCommand::Verb;

std::string rule(const std::string& keys) {
  return "rules:\n  - name: hot\n    from: {t: \"b-{n}/t\"}\n    when: t > 90\n" + keys;
}

TEST(AlertLife, IsAcknowledgedOnce) {
  Plant plant(rule("    alert: {severity: warning, message: \"{t}\", repeat: 10s}\n"));
  plant.at(1, "b-1/t", 95.0).tick_to(13);
  EXPECT_THAT(plant.said(), ElementsAre("1 raised since 1: 95", "11 repeated since 1: 95"));
  EXPECT_EQ(plant.command(Verb::acknowledge, "hot/1"), 1U);
  EXPECT_EQ(plant.command(Verb::acknowledge, "hot/1"), 0U);
  ASSERT_EQ(plant.out.alerts.size(), 1U);
  EXPECT_TRUE(plant.out.alerts[0].acknowledged);
  EXPECT_EQ(plant.out.alerts[0].who, "eve");
  plant.said();
  plant.tick_to(60);
  EXPECT_THAT(plant.said(), IsEmpty()) << "who knows need not be told again";
  EXPECT_EQ(plant.command(Verb::acknowledge, "cold"), 0U);
}

TEST(AlertLife, StaysLatchedUntilItIsReset) {
  Plant plant(rule("    alert: {severity: warning, message: \"{t}\", latch: true}\n"));
  plant.at(1, "b-1/t", 95.0).at(2, "b-1/t", 20.0);
  ASSERT_EQ(plant.out.alerts.size(), 2U);
  EXPECT_TRUE(plant.out.alerts[1].latched);
  EXPECT_FALSE(plant.out.alerts[1].active);
  const std::string id = plant.out.alerts[0].id;
  EXPECT_EQ(plant.engine.active_alerts().size(), 1U);
  plant.said();
  EXPECT_EQ(plant.command(Verb::reset, id), 1U);
  EXPECT_THAT(plant.said(), ElementsAre("2 reset since 1: 20"));
  EXPECT_THAT(plant.engine.active_alerts(), IsEmpty());
}

TEST(AlertLife, IsShelvedForAWhile) {
  Plant plant(rule("    alert: {severity: warning, message: \"{t}\"}\n"));
  plant.at(1, "b-1/t", 20.0);
  EXPECT_EQ(plant.command(Verb::shelve, "hot", 20), 1U);
  EXPECT_TRUE(plant.engine.waits_for_time());
  plant.at(5, "b-1/t", 95.0);
  ASSERT_EQ(plant.out.alerts.size(), 2U);
  EXPECT_TRUE(plant.out.alerts[1].shelved);
  EXPECT_TRUE(plant.out.alerts[1].active);
  plant.said();
  plant.tick_to(30);
  EXPECT_THAT(plant.said(), ElementsAre("20 unshelved since 5: 95"));
}

TEST(AlertLife, IsSuppressedByDesign) {
  Plant plant(R"Y(
rules:
  - name: hot
    from: {t: "b/t", service: "b/service"}
    within: forever
    when: t > 90
    alert: {severity: warning, message: "{t}", suppress: service}
    write: {b/enable: false}
)Y");
  plant.at(1, "b/service", true).at(1, "b/t", 95.0).at(2, "b/service", true).at(2, "b/t", 95.0);
  ASSERT_EQ(plant.out.alerts.size(), 1U);
  EXPECT_TRUE(plant.out.alerts[0].suppressed);
  EXPECT_THAT(plant.said(), ElementsAre("1 raised since 1: 95"));
  plant.at(3, "b/service", false).at(3, "b/t", 95.0).at(4, "b/service", false).at(4, "b/t", 95.0);
  EXPECT_THAT(plant.said(), ElementsAre("3 unsuppressed since 1: 95", "3 write b/enable = false"));
}

TEST(AlertLife, WhatIsLatchedIsSuppressedNoLongerThanThat) {
  Plant plant(R"Y(
rules:
  - name: hot
    from: {t: "b/t", service: "b/service"}
    within: forever
    when: t > 90
    alert: {severity: warning, message: "{t}", suppress: service, latch: true}
    write: {b/enable: false}
)Y");
  const auto at = [&](double time, double t, bool service) {
    plant.at(time, "b/service", service)
        .at(time, "b/t", t)
        .at(time + 0.5, "b/service", service)
        .at(time + 0.5, "b/t", t);
  };
  at(1, 95, true);
  at(2, 20, true);
  at(3, 20, false);
  EXPECT_THAT(plant.said(),
              ElementsAre("1 raised since 1: 95", "2 cleared since 1: 20", "3 unsuppressed since 1: 20"));
  EXPECT_EQ(plant.command(Verb::reset, "hot"), 1U);
}

// What expires may make true what nothing that comes makes true.
TEST(Alert, IsRaisedWhenAnInputIsKnownNoMore) {
  for (const char* when : {"not good(h)", "or_else(h > 4.5, true)"}) {
    Plant plant(std::string("rules: [{name: r, from: {h: d/h}, within: 5s, for: 2s, when: '") + when +
                "', alert: {severity: info, message: gone}}]");
    plant.at(1, "d/h", 1.0).at(2, "d/h", 1.0).tick_to(30);
    EXPECT_THAT(plant.said(), ElementsAre("9.000000001 raised since 7.000000001: gone")) << when;
    plant.at(31, "d/h", 1.0).at(50, "d/h", 1.0);
    EXPECT_THAT(plant.said(),
                ElementsAre("31 cleared since 7.000000001: gone", "38.000000001 raised since 36.000000001: gone",
                            "50 cleared since 36.000000001: gone"))
        << when;
  }
}

TEST(Alert, HowADriverCutsItsBatchesDoesNotMatter) {
  const std::string rules =
      "rules: [{name: r, from: {t: d/t}, when: since(t > 90) > 5s, alert: {severity: info, message: long}}]";
  Plant whole(rules), single(rules);
  model::Series both;
  both.signal = whole.signal("d/t");
  both.append({Plant::seconds(1), 95.0, model::kGood});
  both.append({Plant::seconds(20), 50.0, model::kGood});
  whole.engine.readings(Plant::seconds(20), both, whole.out);
  single.at(1, "d/t", 95.0).at(20, "d/t", 50.0);
  EXPECT_THAT(single.said(), ElementsAre("7 raised since 7: long", "20 cleared since 7: long"));
  EXPECT_THAT(whole.said(), ElementsAre("7 raised since 7: long", "20 cleared since 7: long"));
}

// Ticks are logged, and flash wears out.
TEST(Alert, AGroupThatHasHeardNothingWaitsForNothing) {
  Plant plant(
      "rules: [{name: r, from: {t: \"b-{n}/t\", o: o/o}, within: 5s, when: not good(o) and t > 30, alert: {severity: "
      "info}}]");
  plant.signal("b-1/t");
  plant.signal("b-2/t");
  plant.at(1, "o/o", 1.0).at(1, "b-1/t", 5.0).at(2, "o/o", 1.0).tick_to(60);
  EXPECT_FALSE(plant.engine.waits_for_time());
}

TEST(Alert, RemembersResultsWhenADelayRunsOut) {
  Plant window(
      "rules: [{name: r, from: {p: t/p}, window: 2s, when: delta(mean(p)) > -5, for: 3s, alert: {severity: info}}]");
  for (int t = 1; t < 18; ++t) window.at(t, "t/p", static_cast<double>(t));
  EXPECT_THAT(window.said(), ElementsAre("7 raised since 4: r"));
  Plant across(
      "rules: [{name: r, from: {p: \"t/p_{k}\"}, across: k, within: forever, when: delta(mean(p)) > -5, for: 1s, "
      "alert: "
      "{severity: info}}]");
  for (double t = 1; t < 8; ++t) across.at(t, "t/p_a", t).at(t, "t/p_b", t);
  EXPECT_THAT(across.said(), ElementsAre("3 raised since 2: r"));
}

// A trip holds until somebody has looked.
TEST(AlertWrites, OfWhatIsLatchedStayUntilItIsReset) {
  Plant plant(
      rule("    alert: {severity: critical, message: \"{t}\", latch: true}\n    write: {\"b-{n}/enable\": {value: "
           "false, lease: 9s, fallback: true}}\n"
           "    on_clear: {\"b-{n}/enable\": true}\n"));
  plant.at(1, "b-1/t", 95.0).at(2, "b-1/t", 20.0);
  EXPECT_THAT(plant.said(), ElementsAre("1 raised since 1: 95", "2 cleared since 1: 20",
                                        "1 write b-1/enable = false for 9, then true"));
  for (int t = 3; t < 12; ++t) plant.at(t, "b-1/t", 20.0);
  EXPECT_THAT(plant.said(), ElementsAre("4 write b-1/enable = false for 9, then true",
                                        "7 write b-1/enable = false for 9, then true",
                                        "10 write b-1/enable = false for 9, then true"));
  EXPECT_EQ(plant.command(Verb::reset, "hot"), 1U);
  EXPECT_THAT(plant.said(), ElementsAre("11 reset since 1: 20", "11 write b-1/enable = true"));
  plant.at(20, "b-1/t", 20.0);
  EXPECT_THAT(plant.said(), testing::IsEmpty());
}

TEST(AlertWrites, OnBothTransitions) {
  Plant plant(rule(
      "    write: {\"b-{n}/enable\": false, \"b-{n}/setpoint\": t / 2}\n    on_clear: {\"b-{n}/enable\": true}\n"));
  plant.at(1, "b-1/t", 95.0).at(2, "b-1/t", 96.0).at(3, "b-1/t", 20.0);
  EXPECT_THAT(plant.said(),
              ElementsAre("1 write b-1/enable = false", "1 write b-1/setpoint = 47.5", "3 write b-1/enable = true"));
}

TEST(AlertWrites, RenewTheirLeaseWhileItLasts) {
  Plant plant(rule("    write: {\"b-{n}/enable\": {value: false, lease: 30s, fallback: true}}\n"));
  plant.at(0, "b-1/t", 95.0).tick_to(25);
  EXPECT_THAT(plant.said(), ElementsAre("0 write b-1/enable = false for 30, then true",
                                        "10 write b-1/enable = false for 30, then true",
                                        "20 write b-1/enable = false for 30, then true"));
  plant.at(26, "b-1/t", 20.0).tick_to(90);
  EXPECT_THAT(plant.said(), IsEmpty());
}

TEST(AlertWrites, KeepTheirLimitAndEndWhereTheAlertEnds) {
  Plant plant(
      rule("    write: {\"b-{n}/enable\": false}\n    on_clear: {\"b-{n}/enable\": true}\n    write_limit: 10s\n"));
  plant.at(1, "b-1/t", 95.0).at(2, "b-1/t", 20.0).at(3, "b-1/t", 95.0).at(4, "b-1/t", 20.0).tick_to(30);
  EXPECT_THAT(plant.said(), ElementsAre("1 write b-1/enable = false", "11 write b-1/enable = true"));
}

TEST(AlertWrites, NothingOfOldReadings) {
  Plant plant(rule("    write: {\"b-{n}/enable\": false}\n"));
  plant.at(1, "b-1/t", 95.0, model::kGood, 7);
  EXPECT_THAT(plant.said(), IsEmpty());
  EXPECT_EQ(plant.engine.counters().stale_writes, 1U);
}

TEST(Missing, CountsFromTheLastReadingAndFromTheBeginning) {
  Plant plant(R"Y(
rules:
  - name: silent
    from: {t: "{device}/temperature"}
    missing: 5m
    alert: {severity: warning, message: "{device} is silent"}
)Y");
  plant.signal("a/temperature");
  plant.at(10, "b/temperature", 1.0).tick_to(290);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.tick_to(312);
  const auto said = plant.said();
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[1], "310 raised since 10: b is silent");
  plant.at(400, "b/temperature", 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("400 cleared since 10: b is silent"));
}

TEST(Missing, KnowsWhatEachInputSaidLast) {
  Plant plant(R"Y(
rules:
  - name: silent
    from: {t: "d-{n}/t", mode: "d-{n}/mode"}
    within: forever
    missing: 10s
    alert: {severity: warning, message: "{t} while {upper(mode)}"}
)Y");
  plant.at(1, "d-1/t", 20.0).at(2, "d-1/mode", std::string("idle")).tick_to(15);
  EXPECT_THAT(plant.said(), ElementsAre("12 raised since 2: 20 while IDLE"));
}

TEST(Time, IsJudgedEachSecondWhereItIsSpokenOf) {
  Plant plant(
      "rules: [{name: r, from: {run: \"d/run\"}, when: since(run) > 5s, alert: {severity: info, message: "
      "\"{since(run) / 1s}\"}}]");
  plant.at(1, "d/run", true).tick_to(10);
  EXPECT_THAT(plant.said(), ElementsAre("7 raised since 7: 6"));
  Plant age(
      "rules: [{name: r, from: {t: \"d/t\"}, when: age(t) > 3s, alert: {severity: info, message: \"{age(t) / "
      "1s}\"}}]");
  age.at(1, "d/t", 1.0).tick_to(10);
  EXPECT_THAT(age.said(), ElementsAre("5 raised since 5: 4"));
}

TEST(Time, CountsStartsOfTheLastHour) {
  Plant plant(R"Y(
rules:
  - name: short-cycling
    from: {run: "chiller-{n}/run"}
    when: count(rising(run), 1h) > 6
    alert: {severity: warning, message: "{count(rising(run), 1h)} starts"}
)Y");
  for (int i = 0; i < 8; ++i) plant.at(i * 400.0, "chiller-1/run", false).at(i * 400.0 + 100, "chiller-1/run", true);
  EXPECT_THAT(plant.said(), ElementsAre("2500 raised since 2500: 7 starts"));
  plant.at(4200, "chiller-1/run", false).at(5000, "chiller-1/run", false);
  EXPECT_EQ(plant.said().size(), 1U);
}

TEST(Forgetting, BeginsAnewAfterALongSilence) {
  Plant plant(rule("    alert: {severity: warning, message: \"{t}\"}\n    forget: 1h\n"));
  plant.at(1, "b-1/t", 95.0);
  plant.said();
  for (int i = 0; i < 3 * 3600; ++i) plant.tick_to(i);
  EXPECT_THAT(plant.said(), ElementsAre("1 forgotten since 1: 95"));
}

TEST(Time, WhatHasExpiredIsTrueNoLonger) {
  Plant plant(
      "rules: [{name: r, from: {run: \"d/run\"}, within: 5s, when: since(run) > 10s, alert: {severity: info}}]");
  plant.at(1, "d/run", true).tick_to(30);
  EXPECT_THAT(plant.said(), IsEmpty());
}

TEST(AlertLife, IsClearedAtOnceWhereItIsKnownToBeOver) {
  Plant plant(rule("    alert: {severity: info, message: \"{t}\"}\n"));
  plant.at(1, "b-1/t", 95.0).at(2, "b-1/t", 0.0, model::kBad).at(3, "b-1/t", 20.0);
  EXPECT_THAT(plant.said(), ElementsAre("1 raised since 1: 95", "2 uncertain since 1: ?", "3 cleared since 1: 20"));
}

TEST(AlertWrites, RenewalsDoNotCountForTheLimit) {
  Plant plant(
      rule("    write: {\"b-{n}/enable\": {value: false, lease: 30s, fallback: true}}\n"
           "    on_clear: {\"b-{n}/enable\": true}\n    write_limit: 20s\n"));
  plant.at(0, "b-1/t", 95.0).tick_to(41);
  plant.said();
  plant.at(45, "b-1/t", 20.0);
  EXPECT_THAT(plant.said(), ElementsAre("45 write b-1/enable = true"));
}

TEST(Detect, StaysRaisedUntilNothingUnusualHasComeForAWhile) {
  Plant plant(
      "rules: [{name: d, from: {t: \"d/t\"}, detect: {method: rate, threshold: 5}, clear_for: 10s, "
      "alert: {severity: warning, message: \"unusual\"}}]");
  double time = 0;
  for (; time < 100; ++time) plant.at(time, "d/t", 20.0 + (static_cast<int>(time) % 2));
  plant.at(100, "d/t", 90.0).at(101, "d/t", 20.0);
  for (time = 102; time < 120; ++time) plant.at(time, "d/t", 20.0);
  EXPECT_THAT(plant.said(), ElementsAre("100 raised since 100: unusual", "112 cleared since 100: unusual"));
}

TEST(AlertLife, ARuleThatOnlyWritesHasNothingToAcknowledge) {
  Plant plant(rule("    write: {\"b-{n}/enable\": false}\n"));
  plant.at(1, "b-1/t", 95.0);
  plant.said();
  for (const Verb verb : {Verb::acknowledge, Verb::shelve, Verb::unshelve, Verb::reset})
    EXPECT_EQ(plant.command(verb, "hot", 100), 0U);
  EXPECT_THAT(plant.said(), IsEmpty());
}

TEST(Time, WhatWhereLeavesOutIsNotJudgedAsTimePasses) {
  Plant plant(R"Y(
rules:
  - name: r
    from: {t: "d/t", run: "d/run"}
    within: forever
    where: run
    when: t > 90 and age(t) < 1h
    alert: {severity: info}
)Y");
  plant.at(1, "d/run", false).at(1, "d/t", 95.0).at(2, "d/run", false).at(2, "d/t", 96.0).tick_to(20);
  EXPECT_THAT(plant.said(), IsEmpty());
}

TEST(Time, AChangeOfWhatHasExpiredIsUnknown) {
  Plant plant(
      "rules: [{name: r, from: {t: \"d/t\"}, within: 5s, when: delta(t) > 5, for: 20s, alert: {severity: info}}]");
  plant.at(1, "d/t", 1.0).at(2, "d/t", 10.0).tick_to(60);
  EXPECT_THAT(plant.said(), IsEmpty());
}

TEST(Missing, LastsAsLongAsTheSilence) {
  Plant plant(
      "rules: [{name: r, from: {t: \"d/t\"}, missing: 1m, forget: 1h, alert: {severity: info, message: silent}}]");
  plant.at(1, "d/t", 1.0).tick_to(3 * 3600);
  EXPECT_THAT(plant.said(), ElementsAre("61 raised since 1: silent"));
}

TEST(Units, AreKnownToGroupsThatComeLater) {
  Plant plant(R"Y(
rules:
  - name: r
    from: {t: {path: "b-{n}/t", unit: Cel}, ambient: {path: site/t, unit: Cel}}
    within: forever
    emit: {"b-{n}/above": "round(t - ambient, 6)"}
)Y");
  plant.signal("site/t", "[degF]");
  plant.signal("b-1/t", "Cel");
  plant.at(1, "site/t", 68.0).at(1, "b-1/t", 100.0).at(2, "site/t", 68.0).at(2, "b-1/t", 100.0);
  EXPECT_THAT(plant.said(), ElementsAre("1 b-1/above = 80", "2 b-1/above = 80"));
}

TEST(Units, AreKnownOfWhatARuleMakesAndOfWhatIsRepaired) {
  Plant plant(R"Y(
valid:
  - device: "b-{n}"
    signals: {t: {range: [-400, 400], repair: hold}}
rules:
  - name: site
    from: {t: site/t}
    emit: {site/copy: t}
  - name: above
    from: {t: {path: "b-{n}/t_repaired", unit: Cel}, ambient: {path: site/copy, unit: Cel}}
    within: forever
    emit: {"b-{n}/above": "round(t - ambient, 6)"}
)Y");
  plant.signal("site/t", "[degF]");
  plant.signal("b-1/t", "[degF]");
  plant.at(1, "site/t", 68.0).at(1, "b-1/t", 212.0).at(2, "site/t", 68.0).at(2, "b-1/t", 212.0);
  EXPECT_THAT(plant.said(), testing::Contains("2 b-1/above = 80"));
}

TEST(Forgetting, LeavesWhatIsCommonToGroups) {
  Plant plant(R"Y(
rules:
  - name: r
    from: {t: "b-{n}/t", limit: site/limit}
    within: forever
    forget: 1h
    emit: {"b-{n}/over": t - limit}
)Y");
  plant.signal("b-1/t");
  plant.at(1, "site/limit", 10.0).at(1, "b-1/t", 15.0).tick_to(3 * 3600);
  plant.said();
  plant.at(3 * 3600, "b-1/t", 16.0).tick_to(3 * 3600 + 5);
  EXPECT_THAT(plant.said(), ElementsAre("10800 b-1/over = 6"));
}

// A condition that changes while nothing comes begins to do so with the first reading.
TEST(Alert, NothingIsJudgedBeforeTheFirstReading) {
  Plant plant(R"Y(
rules:
  - name: stale
    from: {t: "b/t"}
    when: not good(t) or age(t) > 1h
    alert: {severity: info, message: "{age(t)}", suppress: t < 0}
)Y");
  plant.at(1'000'000, "b/t", 1.0);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.at(1'003'700, "b/t", 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("1003601 raised since 1003601: 1h1s", "1003700 cleared since 1003601: 0s"));
}

// Readings that change nothing are gone over quickly, but not where there is something to suppress.
TEST(Alert, ReadingsThatChangeNothingAreAsGoodAsOthers) {
  constexpr const char* kKeys[] = {
      "when: t > 60 and t < 80 or t < 10\n    for: 2s\n    clear: t < 55\n    clear_for: 1500ms",
      "when: 1 / (t - 30) > 0.05\n    clear_for: 2s",
      "when: t >= 50\n    within: 3s\n    for: 1s\n    write: {\"b/w\": t}\n    on_clear: {\"b/w\": 0}\n    "
      "write_limit: 4s",
      "when: rate(t) > 20 or delta(t) < -8\n    for: 500ms",
      "when: since(t > 60) > 2s or age(t) > 3s or stddev(t, 5s) > 12\n    clear_for: 500ms",
      "when: abs(t - 20) > 20\n    clear: sqrt(t - 20) < 5\n    clear_for: 1s"};
  for (const std::string keys : kKeys) {
    const auto rules = [&](const char* suppress) {
      return "rules:\n  - name: r\n    from: {t: \"b/t\"}\n    " + keys +
             "\n    alert: {severity: info, repeat: 10s, message: \"{t}\"" + suppress + "}\n";
    };
    Plant quick(rules("")), slow(rules(", suppress: t > 1000000"));
    std::mt19937 random(7);
    std::size_t said = 0;
    double value = 50, time = 100;
    for (int i = 0; i < 300; ++i) {
      model::Series series;
      series.signal = quick.signal("b/t");
      slow.signal("b/t");
      for (unsigned count = random() % 12; count > 0; --count) {
        value = std::clamp(value + static_cast<double>(random() % 21) - 10, 0.0, 100.0);
        time += random() % 40 == 0 ? 7 : 0.25 * static_cast<double>(random() % 4);
        series.append({Plant::seconds(time), random() % 30 == 0 ? 30.0 : value,
                       random() % 20 == 0  ? model::kBad
                       : random() % 9 == 0 ? model::kUncertain
                                           : model::kGood});
      }
      for (Plant* each : {&quick, &slow}) each->engine.readings(Plant::seconds(time), series, each->out);
      const std::vector<std::string> lines = slow.said();
      said += lines.size();
      ASSERT_EQ(quick.said(), lines) << keys << " " << time;
    }
    EXPECT_GT(said, 20U) << keys;
    EXPECT_EQ(quick.engine.counters().arithmetic, slow.engine.counters().arithmetic) << keys;
    EXPECT_EQ(quick.engine.counters().late, slow.engine.counters().late) << keys;
    EXPECT_EQ(quick.engine.counters().duplicate, slow.engine.counters().duplicate) << keys;
  }
}

}  // namespace
}  // namespace weir::rules
