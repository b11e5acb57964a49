// Each kind of window, with known answers.
#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "plant.h"

namespace weir::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string rule(const std::string& keys) { return "rules:\n  - name: r\n    from: {t: \"d/t\"}\n" + keys; }

TEST(Window, HopsOverItsPanes) {
  Plant plant(
      rule("    window: {size: 6s, every: 2s}\n    emit: {d/sum: sum(t), d/max: max(t), d/first: first(t)}\n"));
  plant.at(1, "d/t", 1.0).at(3, "d/t", 10.0).at(5, "d/t", 100.0).at(7, "d/t", 5.0);
  EXPECT_THAT(plant.said(), ElementsAre("2 d/sum = 1", "2 d/max = 1", "2 d/first = 1", "4 d/sum = 11", "4 d/max = 10",
                                        "4 d/first = 1", "6 d/sum = 111", "6 d/max = 100", "6 d/first = 1"));
  plant.tick_to(30);
  EXPECT_THAT(plant.said(),
              ElementsAre("8 d/sum = 115", "8 d/max = 100", "8 d/first = 10", "10 d/sum = 105", "10 d/max = 100",
                          "10 d/first = 100", "12 d/sum = 5", "12 d/max = 5", "12 d/first = 5"));
  EXPECT_FALSE(plant.engine.waits_for_time());
}

TEST(Window, WaitsForTheSameInWhateverOrderItCame) {
  std::vector<int> order(1'000);
  std::iota(order.begin(), order.end(), 1);
  const auto waiting = [&] {
    auto plant = std::make_unique<Plant>(
        rule("    window: 10s\n    lateness: 1h\n    emit: {d/sum: sum(t), d/last: last(t)}\n"));
    // Each again later on: of two of one instant the first counts.
    for (std::size_t i = 0; i < order.size(); ++i)
      for (const std::size_t back : {0, 7, 90})
        if (i >= back)
          plant->at(order[i - back], "d/t", order[i - back] + 10'000.0 * static_cast<double>(back), model::kGood, 1);
    return plant;
  };
  const auto expected = waiting();
  EXPECT_EQ(expected->engine.counters().duplicate, 1'903U);
  const std::string saved = expected->engine.save();
  const std::vector<std::string> said = expected->at(10'000, "d/t", 0.0).said();
  EXPECT_EQ(said.size(), 202U);
  std::mt19937 random(1);
  for (const char* how : {"backwards", "from both ends", "anyhow"}) {
    if (how[0] == 'b') std::ranges::reverse(order);
    else if (how[0] == 'f')
      for (std::size_t i = 1; i < order.size(); i += 2) std::swap(order[i], order[order.size() - 1 - i / 2 * 2]);
    else std::ranges::shuffle(order, random);
    const auto plant = waiting();
    EXPECT_EQ(plant->engine.save(), saved) << how;
    EXPECT_EQ(plant->at(10'000, "d/t", 0.0).said(), said) << how;
  }
}

TEST(Window, OfASessionEndsWhenNothingComes) {
  Plant plant(rule("    window: {session: 5s}\n    emit: {d/count: count(t), d/span: span(t) / 1s}\n"));
  plant.at(1, "d/t", 1.0).at(4, "d/t", 1.0).at(8.5, "d/t", 1.0);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.at(13.5, "d/t", 1.0);  // at the very end: a new one
  EXPECT_THAT(plant.said(), ElementsAre("13.5 d/count = 3", "13.5 d/span = 7.5"));
  plant.tick_to(30);
  EXPECT_THAT(plant.said(), ElementsAre("18.5 d/count = 1", "18.5 d/span = 0"));
}

TEST(Window, OfTheLastReadingsSpeaksWhenThereAreSoMany) {
  Plant plant(rule("    window: {last: 3}\n    emit: {d/mean: mean(t), d/median: median(t)}\n"));
  plant.at(1, "d/t", 1.0).at(2, "d/t", 2.0);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.at(3, "d/t", 6.0).at(4, "d/t", 7.0);
  EXPECT_THAT(plant.said(), ElementsAre("3 d/mean = 3", "3 d/median = 2", "4 d/mean = 5", "4 d/median = 6"));
  Plant tenth(rule("    window: {last: 4, every: 2}\n    emit: {d/sum: sum(t)}\n"));
  for (int i = 1; i <= 9; ++i) tenth.at(i, "d/t", static_cast<double>(i));
  EXPECT_THAT(tenth.said(), ElementsAre("4 d/sum = 10", "6 d/sum = 18", "8 d/sum = 26"));
}

TEST(Window, OfTheCalendarFollowsDaylightSaving) {
  // 2026-03-29 02:00 in Berlin: the night shift from 22:00 to 06:00 is seven hours long.
  Plant plant(
      rule("    window: {calendar: shift}\n    emit: {d/hours: duration_of(t > 0) / 1h, d/energy: increase(t)}\n"),
      plant_site("Europe/Berlin"));
  Timestamp at = 0;
  ASSERT_TRUE(parse_iso("2026-03-28T20:00:00Z", at));
  const double begin = static_cast<double>(at) / 1e9;  // 21:00 local
  plant.at(begin, "d/t", 100.0).at(begin + 2 * 3600, "d/t", 110.0).at(begin + 7 * 3600, "d/t", 130.0);
  EXPECT_THAT(plant.said(), ElementsAre(Plant::stamp(Plant::seconds(begin + 3600)) + " d/hours = 1",
                                        Plant::stamp(Plant::seconds(begin + 3600)) + " d/energy = 0"));
  plant.at(begin + 9 * 3600, "d/t", 131.0);
  EXPECT_THAT(plant.said(), ElementsAre(Plant::stamp(Plant::seconds(begin + 8 * 3600)) + " d/hours = 7",
                                        Plant::stamp(Plant::seconds(begin + 8 * 3600)) + " d/energy = 30"));
}

TEST(Window, SinceAResetGoesOnUntilThen) {
  Plant plant(rule(
      "    window: {since: reset}\n    emit: {d/hours: duration_of(t > 0) / 1s}\n    when: duration_of(t > 0) > 10s\n"
      "    alert: {severity: info, message: \"{duration_of(t > 0) / 1s}\"}\n"));
  plant.at(1, "d/t", 1.0).at(5, "d/t", 0.0).at(10, "d/t", 1.0).at(18, "d/t", 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("1 d/hours = 0", "5 d/hours = 4", "10 d/hours = 4", "18 d/hours = 12",
                                        "18 raised since 18: 12"));
  EXPECT_EQ(plant.command(AlertCommand::Verb::reset, "r"), 1U);
  EXPECT_THAT(plant.said(), ElementsAre("18 d/hours = 0", "18 cleared since 18: 0"));
  plant.at(20, "d/t", 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("20 d/hours = 2"));
}

// Another rule hears of it at once, and a restored engine has heard of it, too.
TEST(Window, WhatAResetLeavesIsReadByOthers) {
  const std::string rules = R"Y(
rules:
  - name: hours
    from: {run: "m/run"}
    window: {since: reset}
    emit: {"m/hours": "duration_of(run) / 1s", "m/most": "max(duration_of(run) / 1s, 10s)"}
  - name: new
    from: {h: "m/hours"}
    when: h < 5
    alert: {severity: info, message: "{h}"}
)Y";
  Plant plant(rules);
  for (int i = 1; i <= 10; ++i) plant.at(i, "m/run", true, model::kGood, i + 3);  // a clock that is behind
  plant.said();
  EXPECT_EQ(plant.command(AlertCommand::Verb::reset, "hours"), 1U);
  EXPECT_THAT(plant.said(), testing::Contains("13 raised since 13: 0"));
  plant.at(11, "m/run", true, model::kGood, 14);
  plant.said();
  Plant restored(rules);
  restored.signal("m/run");
  const auto done = restored.engine.restore(plant.engine.save());
  ASSERT_TRUE(done) << done.error().text();
  for (Plant* one : {&plant, &restored}) one->at(14, "m/run", true, model::kGood, 17);
  EXPECT_EQ(plant.said(), restored.said());
  EXPECT_EQ(plant.command(AlertCommand::Verb::reset, "hours"), 1U);
  plant.install("rules: [{name: other, from: {t: x/y}, when: t > 3, alert: {severity: info}}]");
  plant.at(30, "x/y", 1.0);
}

TEST(Window, OnClearAloneMayAskForItsResult) {
  Plant plant(R"Y(
rules:
  - name: r
    from: {t: "d/t"}
    window: 10s
    when: mean(t) > 5
    for: 12s
    on_clear: {"p/x": "mean(t)"}
)Y");
  for (int i = 1; i < 70; ++i) plant.at(i, "d/t", i < 40 ? 10.0 : 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("50 write p/x = 1"));
}

TEST(Window, GoesOnWhileAValueHolds) {
  Plant plant(rule("    window: 10s\n    emit: {d/on: duration_of(t > 0) / 1s}\n"));
  plant.at(5, "d/t", 1.0).tick_to(42);
  EXPECT_THAT(plant.said(), ElementsAre("10 d/on = 5", "20 d/on = 10", "30 d/on = 10", "40 d/on = 10"));
  plant.at(43, "d/t", 0.0).tick_to(71);
  EXPECT_THAT(plant.said(), ElementsAre("50 d/on = 3", "60 d/on = 0", "70 d/on = 0"));
}

TEST(Window, AJumpOfYearsDoesNotSpeakForEver) {
  Plant plant(rule("    window: 10s\n    emit: {d/on: duration_of(t > 0) / 1s}\n"));
  plant.at(5, "d/t", 1.0).at(5e8, "d/t", 1.0);
  EXPECT_LT(plant.said().size(), 20'000U);
}

TEST(Window, JudgesItsResult) {
  Plant plant(R"Y(
rules:
  - name: leak
    from: {h: "tank-{n}/level", out: "tank-{n}/outlet_open"}
    within: forever
    where: not out
    window: {size: 2h, every: 10m}
    when: slope(h) < -0.5 / 1h and span(h) > 90m
    alert: {severity: warning, message: "tank {n} falls"}
)Y");
  plant.at(0, "tank-1/outlet_open", false);
  for (int minute = 0; minute <= 120; minute += 5) plant.at(60.0 * minute + 1, "tank-1/level", 10.0 - minute / 60.0);
  plant.tick_to(7210);
  EXPECT_THAT(plant.said(), ElementsAre("6000 raised since 6000: tank 1 falls"));
}

TEST(Window, RevisesWhatComesLate) {
  Plant plant(rule("    window: 10s\n    late: revise\n    emit: {d/sum: sum(t), d/up: increase(t)}\n"));
  plant.at(1, "d/t", 1.0).at(5, "d/t", 5.0).at(11, "d/t", 7.0).at(21, "d/t", 9.0);
  EXPECT_THAT(plant.said(), ElementsAre("10 d/sum = 6", "10 d/up = 4", "20 d/sum = 7", "20 d/up = 2"));
  plant.at(8, "d/t", 6.0, model::kGood, 22);
  EXPECT_THAT(plant.said(), ElementsAre("10 d/sum = 12 revised", "10 d/up = 5 revised", "20 d/up = 1 revised"));
  plant.at(8, "d/t", 6.0, model::kGood, 22);
  EXPECT_THAT(plant.said(), IsEmpty());
  plant.at(25, "d/t", 9.0).at(31, "d/t", 9.0);
  EXPECT_THAT(plant.said(), ElementsAre("30 d/sum = 18", "30 d/up = 2"));
}

TEST(Window, KeepsNoMoreThanItMayToBeRevised) {
  Plant plant(rule("    window: 1h\n    late: revise\n    emit: {d/sum: sum(t)}\n"));
  plant.at(10, "d/t", 1.0);
  for (int i = 0; i < 66'000; ++i) plant.at(3600 + 0.05 * i, "d/t", 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("3600 d/sum = 1"));
  EXPECT_LT(plant.engine.save().size(), 10'000U);
  plant.at(20, "d/t", 1.0);
  EXPECT_EQ(plant.engine.counters().late, 1U) << "what comes after it could not be computed again";
  plant.at(7201, "d/t", 1.0).at(7202, "d/t", 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("7200 d/sum = 66000"));
  plant.at(3600.01, "d/t", 1.0);
  EXPECT_EQ(plant.engine.counters().late, 2U);
  // The next one is kept.
  plant.at(10'800, "d/t", 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("10800 d/sum = 2"));
  plant.at(7201.5, "d/t", 1.0);
  EXPECT_THAT(plant.said(), ElementsAre("10800 d/sum = 3 revised"));
}

// Short windows are many: what is kept to be revised must not grow with them.
TEST(Window, KeepsSoManyToBeRevisedAndNoMore) {
  Plant plant(rule("    window: 10ms\n    late: revise\n    emit: {d/sum: sum(t)}\n"));
  for (int i = 0; i < 20'000; ++i) plant.at(i * 0.01, "d/t", 1.0);
  plant.said();
  EXPECT_LT(plant.engine.save().size(), 200'000U);
  plant.at(150.001, "d/t", 5.0, model::kGood, 200);
  EXPECT_EQ(plant.engine.counters().late, 1U) << "too long ago";
  plant.at(199.001, "d/t", 5.0, model::kGood, 200);
  EXPECT_THAT(plant.said(), ElementsAre("199.01 d/sum = 6 revised"));
}

TEST(Window, PutsLateReadingsAside) {
  Plant plant(rule("    window: 10s\n    late: side\n    emit: {d/sum: sum(t)}\n"));
  plant.at(1, "d/t", 1.0).at(11, "d/t", 2.0).at(3, "d/t", 4.0, model::kGood, 12);
  EXPECT_THAT(plant.said(), ElementsAre("10 d/sum = 1", "3 d/t_late = 4"));
  EXPECT_EQ(plant.engine.counters().late_side, 1U);
}

}  // namespace
}  // namespace weir::rules
