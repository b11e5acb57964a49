// Marks and repairs.
#include "rules/validity.h"

#include <cmath>
#include <random>

#include <gmock/gmock.h>

#include "plant.h"

namespace weir::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kRules = R"Y(
valid:
  - device: "boiler-{n}"
    signals:
      temperature: {range: [-40, 150], likely: [0, 95], rate: 5 / 1s, stuck: 1m, repair: hold}
      pressure: {range: [0, 16], repair: {interpolate: "boiler-{n}/pressure_clean"}}
      level: {range: [0, 5], repair: limit}
      mode: {type: text, allowed: [idle, heating]}
    others: uncertain
rules:
  - name: raw
    from: {t: "boiler-{n}/{signal}"}
    emit: {"boiler-{n}/{signal}/seen": t}
)Y";

model::Quality marked(Plant& plant, double time, const std::string& path, model::Value value,
                      model::Quality quality = model::kGood) {
  model::Series series;
  series.signal = plant.signal(path);
  series.append({Plant::seconds(time), std::move(value), quality});
  plant.engine.validate(series);
  return series.quality(0);
}

TEST(Validity, SaysWhatCannotBe) {
  Plant plant(kRules);
  const std::string t = "boiler-1/temperature";
  EXPECT_EQ(marked(plant, 1, t, 50.0), model::kGood);
  EXPECT_EQ(marked(plant, 2, t, 54.0), model::kGood);
  EXPECT_EQ(marked(plant, 3, t, 60.0), model::kUncertainNotAccurate);  // 6 in a second
  EXPECT_EQ(marked(plant, 4, t, 151.0), model::kBadOutOfRange);
  EXPECT_EQ(marked(plant, 5, t, 61.0), model::kGood) << "the one out of range is no measure of a change";
  EXPECT_EQ(marked(plant, 20, t, 99.0), model::kUncertainOutOfRange);
  EXPECT_EQ(marked(plant, 21, t, std::nan("")), model::kBadOutOfRange);
  EXPECT_EQ(marked(plant, 22, t, 99.0, model::kBadTimeout), model::kBadTimeout) << "never better";
  EXPECT_EQ(marked(plant, 3, t, 99.0), model::kUncertainOutOfRange) << "an old one is judged by itself";
  EXPECT_EQ(marked(plant, 30, "boiler-1/mode", std::string("idle")), model::kGood);
  EXPECT_EQ(marked(plant, 31, "boiler-1/mode", std::string("burning")), model::kBadOutOfRange);
  EXPECT_EQ(marked(plant, 32, "boiler-1/mode", 3.0), model::kBadTypeMismatch);
  EXPECT_EQ(marked(plant, 33, "boiler-1/unheard_of", 3.0), model::kUncertain);
  EXPECT_EQ(marked(plant, 33, "pump-1/temperature", 1e9), model::kGood) << "of no profile";
}

TEST(Validity, SaysWhatDoesNotMoveAnyMore) {
  Plant plant(kRules);
  const std::string t = "boiler-1/temperature";
  EXPECT_EQ(marked(plant, 0, t, 50.0), model::kGood);
  EXPECT_EQ(marked(plant, 59, t, 50.0), model::kGood);
  EXPECT_EQ(marked(plant, 60, t, 50.0), model::kUncertainLastUsable);
  EXPECT_EQ(marked(plant, 61, t, 50.1), model::kGood);
}

TEST(Validity, MarksWhatIsMarkedTheSameAgain) {
  Plant once(kRules), twice(kRules);
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    model::Series series;
    series.signal = once.signal("boiler-1/temperature");
    twice.signal("boiler-1/temperature");
    const double value = random() % 3 == 0 ? 50.0 : static_cast<double>(random() % 200) - 45;
    series.append({Plant::seconds(i - static_cast<double>(random() % 3)), value,
                   random() % 9 == 0 ? model::kBad : model::kGood});
    once.engine.validate(series);
    const model::Series marked = series;
    twice.engine.validate(series);
    ASSERT_EQ(series, marked) << i;
  }
  EXPECT_TRUE(once.engine.save() == twice.engine.save());
}

TEST(Repair, HoldsInterpolatesAndLimits) {
  Plant plant("valid:" +
              std::string(kRules).substr(std::string("\nvalid:").size(), std::string(kRules).find("rules:") - 7));
  plant.at(1, "boiler-1/temperature", 50.0).at(2, "boiler-1/temperature", 900.0).at(3, "boiler-1/temperature", 51.0);
  EXPECT_THAT(plant.said(),
              ElementsAre("1 boiler-1/temperature_repaired = 50",
                          "2 boiler-1/temperature_repaired = 50 [" + to_text(model::kUncertainLastUsable) + "]",
                          "3 boiler-1/temperature_repaired = 51"));
  plant.at(10, "boiler-1/pressure", 4.0)
      .at(11, "boiler-1/pressure", 99.0)
      .at(12, "boiler-1/pressure", 0.0, model::kBad);
  EXPECT_THAT(plant.said(), ElementsAre("10 boiler-1/pressure_clean = 4"));
  plant.at(14, "boiler-1/pressure", 8.0);
  EXPECT_THAT(plant.said(),
              ElementsAre("11 boiler-1/pressure_clean = 5 [" + to_text(model::kUncertainSubNormal) + "]",
                          "12 boiler-1/pressure_clean = 6 [" + to_text(model::kUncertainSubNormal) + "]",
                          "14 boiler-1/pressure_clean = 8"));
  plant.at(20, "boiler-1/level", 7.0).at(21, "boiler-1/level", -1.0).at(22, "boiler-1/level", 0.0, model::kBad);
  EXPECT_THAT(plant.said(),
              ElementsAre("20 boiler-1/level_repaired = 5 [" + to_text(model::kUncertainOutOfRange) + "]",
                          "21 boiler-1/level_repaired = 0 [" + to_text(model::kUncertainOutOfRange) + "]"));
}

TEST(Repair, HoldsWhatIsWithinTheRangeButNotAllowed) {
  Plant plant(
      "valid: [{device: d, signals: {x: {range: [0, 10], allowed: [1, 2], repair: limit}}}]\n"
      "rules: [{name: r, from: {x: d/x_repaired}, emit: {d/clean: x}}]");
  plant.at(1, "d/x", 1.0).at(2, "d/x", 5.0).at(3, "d/x", 12.0);
  EXPECT_THAT(plant.said(), testing::Contains(testing::StartsWith("2 d/clean = 1 [uncertain")));
}

TEST(Repair, OfWholeNumbersIsWhole) {
  Plant plant(
      "valid:\n  - device: b\n    signals: {a: {range: [0, 100], repair: limit}, c: {range: [0, 100], repair: "
      "interpolate}}\n");
  plant.at(1, "b/a", std::int64_t{50}).at(2, "b/a", std::int64_t{900});
  EXPECT_THAT(plant.said(), ElementsAre("1 b/a_repaired = 50",
                                        "2 b/a_repaired = 100 [" + to_text(model::kUncertainOutOfRange) + "]"));
  plant.at(1, "b/c", std::int64_t{50}).at(2, "b/c", std::int64_t{900}).at(3, "b/c", std::int64_t{61});
  plant.out.alerts.clear();
  for (const Emitted& one : plant.out.emitted) EXPECT_TRUE(std::holds_alternative<std::int64_t>(one.reading.value));
  EXPECT_THAT(plant.said(),
              ElementsAre("1 b/c_repaired = 50", "2 b/c_repaired = 56 [" + to_text(model::kUncertainSubNormal) + "]",
                          "3 b/c_repaired = 61"));
}

TEST(Repair, RulesReadWhatWasRepaired) {
  Plant plant(R"Y(
valid:
  - device: "b"
    signals:
      t: {range: [0, 100], repair: {hold: b/clean}}
rules:
  - name: r
    from: {t: "b/clean"}
    emit: {b/double: t * 2}
)Y");
  plant.at(1, "b/t", 5.0).at(2, "b/t", 500.0);
  EXPECT_THAT(plant.said(), ElementsAre("1 b/clean = 5", "1 b/double = 10",
                                        "2 b/clean = 5 [" + to_text(model::kUncertainLastUsable) + "]",
                                        "2 b/double = 10 [" + to_text(model::kUncertainLastUsable) + "]"));
}

TEST(Validity, GoesOnAfterARestartAsBefore) {
  Plant whole(kRules);
  Plant first(kRules);
  std::mt19937 random(3);
  std::unique_ptr<Plant> second;
  Plant* other = &first;
  for (int i = 0; i < 500; ++i) {
    if (i == 250) {
      const std::string state = first.engine.save();
      second = std::make_unique<Plant>(kRules);
      for (const char* path : {"boiler-1/temperature", "boiler-1/pressure", "boiler-1/level"}) second->signal(path);
      ASSERT_TRUE(second->engine.restore(state));
      other = second.get();
    }
    const char* paths[] = {"boiler-1/temperature", "boiler-1/pressure", "boiler-1/level"};
    if (i == 0)
      for (const char* path : paths) {
        whole.signal(path);
        first.signal(path);
      }
    const char* path = paths[random() % 3];
    const double value = random() % 4 == 0 ? 7.0 : static_cast<double>(random() % 300) - 50;
    whole.at(i, path, value);
    other->at(i, path, value);
    ASSERT_EQ(whole.said(), other->said()) << i;
  }
}

TEST(Validity, SaysWhereAProfileIsWrong) {
  const auto wrong = [](const std::string& text) { return all(compile_yaml("valid:\n" + text).diagnostics); };
  EXPECT_THAT(wrong("  - device: \"b/c\"\n    signals: {t: {range: [0, 1]}}\n"), testing::HasSubstr("rules.yaml:2:"));
  EXPECT_THAT(wrong("  - device: b\n    signals: {t: {range: [2, 1]}}\n"), testing::HasSubstr("the wrong way round"));
  EXPECT_THAT(wrong("  - device: b\n    signals: {t: {rate: 5}}\n"), testing::HasSubstr("5 / 1s"));
  EXPECT_THAT(wrong("  - device: b\n    signals: {t: {min: 5}}\n"), testing::HasSubstr("range: [low, high]"));
  EXPECT_THAT(wrong("  - device: b\n    signals: {t: {repair: limit}}\n"), testing::HasSubstr("range"));
  EXPECT_THAT(wrong("  - device: \"b-{n}\"\n    signals: {t: {range: [0, 1]}}\n  - device: b-1\n    signals: {t: "
                    "{range: [0, 1]}}\n"),
              testing::HasSubstr("two profiles"));
  EXPECT_THAT(wrong("  - device: \"b-{n}\"\n    signals: {t: {range: [0, 1], repair: {hold: b/clean}}}\n"),
              testing::HasSubstr("{n}"));
}

}  // namespace
}  // namespace weir::rules
