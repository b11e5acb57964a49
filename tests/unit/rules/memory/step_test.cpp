#include "rules/memory/step.h"

#include <gmock/gmock.h>

#include <bit>
#include <limits>

#include "../readings.h"

namespace weir::rules {
namespace {

using Kind = StepKind;

Step step_of(Kind kind, Type type = Type::number) {
  Step step{kind, Stage::reading, {}, {}, aggregate_of(AggregateKind::mean), 0};
  step.argument.type = type;
  return step;
}

Step trailing(AggregateKind kind, Nanoseconds span) {
  Step step = step_of(Kind::trailing);
  step.aggregate = aggregate_of(kind);
  step.span = span;
  return step;
}

std::string saved(const Step& step, const StepState& state) {
  std::string out;
  save(step, state, out);
  return out;
}

Timestamp at(double seconds) { return kStart + static_cast<Timestamp>(seconds * 1e9); }

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::string show(const Result3& said) {
  if (!said.known) return "?";
  if (said.text) return *said.text;
  std::string text = std::to_string(said.number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + (said.quality >> 30 != 0 ? "~" : "");
}

// What a step tells of these values, two seconds apart; kNone: unknown.
std::vector<std::string> told(const Step& step, const std::vector<double>& values) {
  StepState state;
  std::uint64_t arithmetic = 0;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Timestamp time = at(2.0 * static_cast<double>(i));
    const bool known = !std::isnan(values[i]);
    update(step, state, time, {known ? values[i] : 0, nullptr, 0, known}, arithmetic);
    out.push_back(show(tell(step, state, time, arithmetic)));
  }
  EXPECT_EQ(arithmetic, 0U);
  return out;
}

using testing::ElementsAre;

TEST(Step, IsFoundByItsName) {
  for (const char* name : {"prev", "delta", "rate", "increase", "rising", "falling", "changed", "since"})
    EXPECT_NE(find_step(name), nullptr) << name;
  EXPECT_EQ(*find_step("falling"), Kind::falling);
  EXPECT_EQ(find_step("trailing"), nullptr);
  EXPECT_TRUE(depends_on_time(step_of(Kind::since)));
  EXPECT_TRUE(depends_on_time(trailing(AggregateKind::mean, kSecond)));
  EXPECT_FALSE(depends_on_time(step_of(Kind::rate)));
}

TEST(Step, TellsOfTheLastKnownValue) {
  const std::vector<double> values = {4, 7, kNone, 3, 3};
  EXPECT_THAT(told(step_of(Kind::prev), values), ElementsAre("?", "4", "?", "7", "3"));
  EXPECT_THAT(told(step_of(Kind::delta), values), ElementsAre("?", "3", "?", "-4", "0"));
  EXPECT_THAT(told(step_of(Kind::rate), values), ElementsAre("?", "1.5", "?", "-1", "0"));
  EXPECT_THAT(told(step_of(Kind::increase), values), ElementsAre("?", "3", "?", "3", "0"));
  EXPECT_THAT(told(step_of(Kind::changed), values), ElementsAre("0", "1", "?", "1", "0"));
}

TEST(Step, TellsOfACondition) {
  const std::vector<double> values = {1, 0, 1, kNone, 1, 0, kNone, 1};
  EXPECT_THAT(told(step_of(Kind::rising, Type::truth), values), ElementsAre("0", "0", "1", "?", "0", "0", "?", "1"));
  EXPECT_THAT(told(step_of(Kind::falling, Type::truth), values), ElementsAre("0", "1", "0", "?", "0", "1", "?", "0"));
  EXPECT_THAT(told(step_of(Kind::prev, Type::truth), values), ElementsAre("?", "1", "0", "?", "1", "1", "?", "0"));
  EXPECT_THAT(told(step_of(Kind::since, Type::truth), values), ElementsAre("0", "0", "0", "?", "4", "0", "?", "0"));
}

TEST(Step, SinceGrowsWhileNothingComes) {
  const Step step = step_of(Kind::since, Type::truth);
  StepState state;
  std::uint64_t arithmetic = 0;
  update(step, state, at(0), {1, nullptr, 0, true}, arithmetic);
  EXPECT_DOUBLE_EQ(tell(step, state, at(7.5), arithmetic).number, 7.5);
  update(step, state, at(10), {0, nullptr, 0, true}, arithmetic);
  EXPECT_EQ(tell(step, state, at(20), arithmetic).number, 0);
}

TEST(Step, TellsOfTexts) {
  const auto texts_told = [](Kind kind) {
    const Step step = step_of(kind, Type::text);
    StepState state;
    std::uint64_t arithmetic = 0;
    std::vector<std::string> out;
    for (const std::string text : {"a", "b", "", "b", "b"}) {
      // As between a kill and a restart.
      StepState again;
      const std::string bytes = saved(step, state);
      ByteReader in(bytes);
      EXPECT_TRUE(restore(step, again, in) && in.at_end());
      state = std::move(again);
      update(step, state, at(static_cast<double>(out.size())), {0, &text, 0, !text.empty()}, arithmetic);
      out.push_back(show(tell(step, state, at(10), arithmetic)));
    }
    return out;
  };
  EXPECT_THAT(texts_told(Kind::prev), ElementsAre("?", "a", "?", "b", "b"));
  EXPECT_THAT(texts_told(Kind::changed), ElementsAre("0", "1", "?", "0", "0"));
}

TEST(Step, TellsTheWorstQualityOfWhatItIsMadeOf) {
  const auto qualities = [](Kind kind) {
    const Step step = step_of(kind);
    StepState state;
    std::uint64_t arithmetic = 0;
    std::vector<bool> good;
    for (const std::uint32_t quality : {0U, model::kUncertain.code, 0U, 0U}) {
      update(step, state, at(static_cast<double>(good.size())), {1, nullptr, quality, true}, arithmetic);
      good.push_back(tell(step, state, at(10), arithmetic).quality == 0);
    }
    good.erase(good.begin());
    return good;
  };
  EXPECT_THAT(qualities(Kind::prev), ElementsAre(true, false, true));
  EXPECT_THAT(qualities(Kind::delta), ElementsAre(false, false, true));
  EXPECT_THAT(qualities(Kind::since), ElementsAre(false, true, true));
}

TEST(Step, WhatIsTooLargeIsUnknownAndCounted) {
  const Step step = step_of(Kind::delta);
  StepState state;
  std::uint64_t arithmetic = 0;
  const double most = std::numeric_limits<double>::max();
  update(step, state, at(0), {-most, nullptr, 0, true}, arithmetic);
  update(step, state, at(1), {most, nullptr, 0, true}, arithmetic);
  EXPECT_FALSE(tell(step, state, at(1), arithmetic).known);
  EXPECT_EQ(arithmetic, 1U);
  const Step rate = step_of(Kind::rate);
  StepState at_once;
  update(rate, at_once, at(0), {1, nullptr, 0, true}, arithmetic);
  update(rate, at_once, at(0), {2, nullptr, 0, true}, arithmetic);
  EXPECT_FALSE(tell(rate, at_once, at(0), arithmetic).known);
  EXPECT_EQ(arithmetic, 2U);
}

TEST(Step, ATrailingWindowLetsGoWhileNothingComes) {
  const Step step = trailing(AggregateKind::count, 10 * kSecond);
  StepState state;
  std::uint64_t arithmetic = 0;
  EXPECT_EQ(show(tell(step, state, at(0), arithmetic)), "0");
  for (const double second : {0.0, 4.0, 8.0}) update(step, state, at(second), {1, nullptr, 0, true}, arithmetic);
  EXPECT_EQ(show(tell(step, state, at(9), arithmetic)), "3");
  EXPECT_EQ(show(tell(step, state, at(10), arithmetic)), "2");
  EXPECT_EQ(show(tell(step, state, at(18), arithmetic)), "0");
}

TEST(Step, ATrailingWindowKnowsWhatHeldWhenItBegan) {
  const Step step = trailing(AggregateKind::duration_of, 10 * kSecond);
  StepState state;
  std::uint64_t arithmetic = 0;
  update(step, state, at(0), {1, nullptr, 0, true}, arithmetic);
  EXPECT_EQ(show(tell(step, state, at(4), arithmetic)), "4");
  EXPECT_EQ(show(tell(step, state, at(60), arithmetic)), "10");
  update(step, state, at(64), {0, nullptr, 0, true}, arithmetic);
  EXPECT_EQ(show(tell(step, state, at(66), arithmetic)), "8");
}

TEST(StepProperty, IsTheSameBitForBitHoweverOftenItIsRestored) {
  std::mt19937 random(1);
  std::vector<Step> steps;
  for (const Kind kind :
       {Kind::prev, Kind::delta, Kind::rate, Kind::increase, Kind::rising, Kind::falling, Kind::changed, Kind::since})
    steps.push_back(step_of(kind));
  for (const AggregateKind kind : {AggregateKind::stddev, AggregateKind::median, AggregateKind::increase})
    steps.push_back(trailing(kind, 20 * kSecond));
  for (const Step& step : steps) {
    StepState through, stopped;
    std::uint64_t arithmetic = 0;
    for (const Came& one : random_readings(random, 400)) {
      update(step, through, one.time, one.result(), arithmetic);
      update(step, stopped, one.time, one.result(), arithmetic);
      if (random() % 5 == 0) {
        const std::string bytes = saved(step, stopped);
        ByteReader in(bytes);
        ASSERT_TRUE(restore(step, stopped, in) && in.at_end());
      }
      const Result3 a = tell(step, through, one.time + 5, arithmetic),
                    b = tell(step, stopped, one.time + 5, arithmetic);
      ASSERT_EQ(a.known, b.known);
      ASSERT_EQ(a.quality, b.quality);
      ASSERT_EQ(std::bit_cast<std::uint64_t>(a.number), std::bit_cast<std::uint64_t>(b.number));
    }
    EXPECT_TRUE(saved(step, stopped) == saved(step, through));
  }
}

TEST(Step, DamagedStateIsRefusedOrHarmless) {
  std::mt19937 random(2);
  const std::string text = "text";
  for (const Step& step : {step_of(Kind::prev), step_of(Kind::prev, Type::text), step_of(Kind::rate),
                           step_of(Kind::since), trailing(AggregateKind::increase, 9 * kSecond)}) {
    StepState state;
    std::uint64_t arithmetic = 0;
    for (const Came& one : random_readings(random, 50))
      update(step, state, one.time, {one.value, &text, 0, one.known}, arithmetic);
    const std::string good = saved(step, state);
    for (std::size_t size = 0; size < good.size(); size += 1 + good.size() / 200) {
      StepState again;
      ByteReader in(std::string_view(good).substr(0, size));
      ASSERT_FALSE(restore(step, again, in)) << size;
    }
    for (int i = 0; i < 2'000; ++i) {
      std::string bytes = good;
      for (unsigned flips = random() % 4 + 1; flips > 0; --flips)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      StepState again;
      ByteReader in(bytes);
      if (!restore(step, again, in)) continue;
      tell(step, again, at(1e6), arithmetic);
      update(step, again, at(1e6), {1, &text, 0, true}, arithmetic);
      tell(step, again, at(1e6), arithmetic);
    }
  }
}

}  // namespace
}  // namespace weir::rules
