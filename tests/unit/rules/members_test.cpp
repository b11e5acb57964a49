// Rules that look across captures: two out of three, the mean of a building.
#include <gmock/gmock.h>

#include <random>

#include "plant.h"

namespace weir::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kTwoOfThree = R"Y(
rules:
  - name: overpressure-2oo3
    from: {p: "tank-{n}/pressure_{k}"}
    across: k
    within: 5s
    when: count_true(p > 8) >= 2 or (count_good(p) < 3 and count_true(p > 8) >= 1)
    alert: {severity: critical, message: "tank {n}: {count_true(p > 8)} of {count_good(p)}"}
)Y";

TEST(Members, TwoOutOfThree) {
  Plant plant(kTwoOfThree);
  for (const char* k : {"a", "b", "c"}) plant.signal(std::string("tank-1/pressure_") + k);
  const auto all = [&](double time, double a, double b, double c) {
    plant.at(time, "tank-1/pressure_a", a).at(time, "tank-1/pressure_b", b).at(time, "tank-1/pressure_c", c);
  };
  all(1, 9, 2, 2);
  all(2, 9, 2, 2);
  EXPECT_THAT(plant.said(), IsEmpty());
  all(3, 9, 9, 2);
  all(4, 2, 2, 2);
  all(5, 2, 2, 2);
  EXPECT_THAT(plant.said(), ElementsAre("3 raised since 3: tank 1: 2 of 3", "4 cleared since 3: tank 1: 0 of 3"));
}

TEST(Members, OneOfTwoWhereOneIsSilent) {
  Plant plant(kTwoOfThree);
  for (const char* k : {"a", "b", "c"}) plant.signal(std::string("tank-1/pressure_") + k);
  for (double time = 1; time < 10; ++time)
    plant.at(time, "tank-1/pressure_a", 9.0).at(time, "tank-1/pressure_b", 2.0).tick_to(time);
  plant.tick_to(11);
  EXPECT_THAT(plant.said(), ElementsAre("1 raised since 1: tank 1: 1 of 2"));
}

TEST(Members, RegroupsByACapture) {
  Plant plant(R"Y(
rules:
  - name: building
    from: {t: "{building}/{floor}/temperature"}
    by: building
    window: 10s
    emit: {"{building}/mean": mean(t), "{building}/warmest": max(t)}
)Y");
  plant.at(1, "a/1/temperature", 20.0)
      .at(2, "a/2/temperature", 30.0)
      .at(2, "b/1/temperature", 5.0)
      .at(3, "a/1/temperature", 22.0);
  plant.tick_to(20);
  EXPECT_THAT(plant.said(), ElementsAre("10 a/mean = 24", "10 a/warmest = 30", "10 b/mean = 5", "10 b/warmest = 5"));
}

TEST(Members, MeetWhereverTheirCapturesStand) {
  Plant plant(R"Y(
rules:
  - name: drop
    from: {p: "{line}/in-{k}/{n}", q: "{line}/out-{n}/{k}"}
    across: [k, n]
    within: forever
    when: max(p - q) > 5
    alert: {severity: info, message: "{count(p - q)} pairs"}
)Y");
  plant.at(1, "a/in-x/y", 9.0).at(2, "a/out-x/y", 1.0).tick_to(4);
  EXPECT_THAT(plant.said(), IsEmpty()) << "x of one is y of the other";
  plant.at(5, "a/out-y/x", 1.0).tick_to(8);
  EXPECT_THAT(plant.said(), ElementsAre("5 raised since 5: 1 pairs"));
}

TEST(Members, LateReadingsGoAsideUnderTheNameOfTheirMember) {
  Plant plant(R"Y(
rules:
  - name: mean
    from: {t: "{building}/{floor}/t"}
    across: floor
    window: 10s
    late: side
    emit: {"{building}/mean": mean(t)}
)Y");
  plant.at(1, "a/1/t", 20.0).at(12, "a/1/t", 20.0).at(12, "a/2/t", 20.0).tick_to(15);
  plant.out.clear();
  plant.at(3, "a/2/t", 7.0);
  EXPECT_THAT(plant.said(), ElementsAre("3 a/2/t_late = 7"));
}

TEST(Members, OneThatJoinsLaterLeavesWindowsRevisable) {
  Plant plant(R"Y(
rules:
  - name: building
    from: {t: "{building}/{floor}/temperature"}
    by: building
    window: 10s
    late: revise
    emit: {"{building}/sum": sum(t)}
)Y");
  plant.at(1, "a/1/temperature", 1.0).at(11, "a/1/temperature", 2.0).at(21, "a/1/temperature", 3.0).tick_to(24);
  plant.said();
  plant.at(24, "a/2/temperature", 4.0).tick_to(26);
  plant.said();
  plant.at(5, "a/1/temperature", 100.0, model::kGood, 27).tick_to(28);
  EXPECT_THAT(plant.said(), ElementsAre("10 a/sum = 101 revised"));
}

TEST(Members, WindowsOfSeveralInputsAreKeptThroughARestart) {
  constexpr const char* kRevised = R"Y(
rules:
  - name: drop
    from: {p: "{line}/p-{k}", q: "{line}/q-{k}"}
    across: k
    within: forever
    window: 10s
    late: revise
    emit: {"{line}/drop": sum(p - q), "{line}/last": last(p)}
)Y";
  Plant plant(kRevised);
  for (const char* k : {"b", "a"})  // whose names are not in the order in which they came
    plant.at(1, std::string("x/p-") + k, k[0] == 'a' ? 9.0 : 8.0).at(1, std::string("x/q-") + k, 4.0);
  plant.at(12, "x/p-a", 9.0).tick_to(15);
  EXPECT_THAT(plant.said(), ElementsAre("10 x/drop = 9", "10 x/last = 8"));
  Plant next(kRevised);
  ASSERT_TRUE(next.engine.restore(plant.engine.save()));
  EXPECT_EQ(next.engine.save(), plant.engine.save());
  for (Plant* each : {&plant, &next}) {
    each->at(5, "x/q-b", 3.0, model::kGood, 16);
    EXPECT_THAT(each->said(), ElementsAre("10 x/drop = 14 revised")) << "and the last is the same";
  }
}

// Who holds a group back, and what expires next, is remembered from reading to reading, and not saved.
TEST(Members, GoOnAfterARestartAtAnyPointAsBefore) {
  constexpr const char* kRules = R"Y(
rules:
  - name: high
    from: {p: "{line}/p-{k}"}
    across: k
    within: 3s
    when: count_true(p > 50) >= 2
    for: 2s
    alert: {severity: info, message: "{count_true(p > 50)} of {count_good(p)}"}
  - name: mean
    from: {p: "{line}/p-{k}"}
    across: k
    window: 5s
    lateness: 500ms
    emit: {"{line}/mean": mean(p), "{line}/last": last(p)}
)Y";
  std::mt19937 random(1);
  const char* const kPaths[] = {"x/p-e", "x/p-b", "x/p-d", "x/p-a", "x/p-c"};
  auto plant = std::make_unique<Plant>(kRules);
  std::size_t said = 0;
  for (double now = 1; now < 300; now += 0.25 * static_cast<double>(random() % 3)) {
    auto next = std::make_unique<Plant>(kRules);
    ASSERT_TRUE(next->engine.restore(plant->engine.save()));
    const bool tick = random() % 5 == 0;
    const std::size_t who = random() % std::size(kPaths);
    if (who == 1 && now > 100 && now < 200) continue;  // it is silent
    const double late = who == 2 ? 3 : 0.25 * static_cast<double>(random() % 4);
    const double value = static_cast<double>(random() % 100);
    for (Plant* each : {plant.get(), next.get()})
      if (tick) each->engine.tick(Plant::seconds(now), each->out);
      else each->at(now - late, kPaths[who], value, model::kGood, now);
    const std::vector<std::string> lines = plant->said();
    said += lines.size();
    ASSERT_EQ(next->said(), lines) << now;
    ASSERT_EQ(next->engine.save(), plant->engine.save()) << now;
    if (random() % 10 == 0) plant = std::move(next);
  }
  EXPECT_GT(said, 150U);
}

TEST(Members, OfAForgottenGroupExpireNoMore) {
  const std::string rules = R"Y(
rules:
  - name: r
    from: {p: "t/p_{k}"}
    across: k
    within: 3h
    forget: 1m
    when: count_good(p) < 2
    alert: {severity: info}
)Y";
  Plant plant(rules), restored(rules);
  plant.at(1, "t/p_1", 1.0).at(1, "t/p_2", 1.0).at(2, "t/p_1", 1.0).at(2, "t/p_2", 1.0).tick_to(3'700);
  restored.signal("t/p_1");
  restored.signal("t/p_2");
  ASSERT_TRUE(restored.engine.restore(plant.engine.save()));
  plant.said();
  for (Plant* one : {&plant, &restored}) {
    for (int i = 0; i < 10; ++i) one->at(20'000 + i, "t/p_1", 1.0).at(20'000 + i, "t/p_2", 1.0);
    one->tick_to(20'020);
  }
  EXPECT_EQ(plant.said(), restored.said());
}

}  // namespace
}  // namespace weir::rules
