#include "detect/detector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace weir::detect {
namespace {

std::unique_ptr<Detector> make(const std::string& method) {
  Settings settings;
  settings.method = method;
  auto made = make_detector(settings);
  EXPECT_TRUE(made) << made.error().text();
  return std::move(*made);
}

// A wave with two decimals, frozen now and then, a step and spikes: the same for all.
double sample(int i) {
  if (i % 60 > 45) i -= i % 60 - 45;
  const double wave = std::round(1'000 * std::sin(i / 7.0)) / 100;
  return (i > 700 ? 40 : 20) + wave + (i % 317 == 316 ? 60 : 0);
}

TEST(Detector, EachMethodScoresFromZeroToOneAndIsAnomalousFromTheThresholdOn) {
  for (const std::string_view method : methods()) {
    SCOPED_TRACE(method);
    Settings settings;
    settings.method = method;
    const auto detector = make(settings.method);
    for (int i = 0; i < 1'500; ++i) {
      const Verdict verdict = detector->judge(i * kMinute, sample(i));
      ASSERT_GE(verdict.score, 0) << i;
      ASSERT_LE(verdict.score, 1) << i;
      ASSERT_EQ(verdict.anomalous, verdict.score >= threshold(settings)) << i << ": " << verdict.score;
    }
  }
}

TEST(Detector, EachMethodGoesOnAfterARestoreAsIfNothingHadBeen) {
  for (const std::string_view method : methods()) {
    SCOPED_TRACE(method);
    auto through = make(std::string(method)), stopped = make(std::string(method));
    for (int i = 0; i < 1'500; ++i) {
      if (i % 89 == 0) {
        std::string saved;
        stopped->save(saved);
        stopped = make(std::string(method));
        ByteReader in(saved);
        ASSERT_TRUE(stopped->restore(in)) << i;
        ASSERT_TRUE(in.at_end());
        std::string again;
        stopped->save(again);
        ASSERT_EQ(again, saved) << i;
        ASSERT_EQ(stopped->reason(), through->reason()) << i;
      }
      const Verdict a = through->judge(i * kMinute, sample(i)), b = stopped->judge(i * kMinute, sample(i));
      ASSERT_EQ(a.score, b.score) << i;
      ASSERT_EQ(a.anomalous, b.anomalous) << i;
    }
  }
}

TEST(Detector, WhatIsNotFiniteIsPassedOver) {
  for (const std::string_view method : methods()) {
    SCOPED_TRACE(method);
    const auto with = make(std::string(method)), without = make(std::string(method));
    for (int i = 0; i < 900; ++i) {
      if (i % 50 == 49) {
        for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
          EXPECT_EQ(with->judge(i * kMinute, bad).score, 0);
        }
      }
      ASSERT_EQ(with->judge(i * kMinute, sample(i)).score, without->judge(i * kMinute, sample(i)).score) << i;
    }
  }
}

TEST(Detector, ScoresStayFiniteWithTheLargestValuesAndTheFarthestTimes) {
  constexpr double kMost = std::numeric_limits<double>::max();
  for (const std::string_view method : methods()) {
    SCOPED_TRACE(method);
    const auto detector = make(std::string(method));
    for (int i = 0; i < 400; ++i) {
      const Timestamp time =
          i < 200 ? std::numeric_limits<Timestamp>::min() + i : std::numeric_limits<Timestamp>::max() - 400 + i;
      const double value = i % 3 == 0 ? kMost : i % 3 == 1 ? -kMost : std::numeric_limits<double>::denorm_min();
      const Verdict verdict = detector->judge(time, value);
      ASSERT_TRUE(verdict.score >= 0 && verdict.score <= 1) << i << ": " << verdict.score;
      detector->reason();
    }
  }
}

TEST(Detector, DamagedStateIsRefusedOrHarmless) {
  for (const std::string_view method : methods()) {
    SCOPED_TRACE(method);
    const auto detector = make(std::string(method));
    for (int i = 0; i < 400; ++i) detector->judge(i * kMinute, sample(i));
    std::string saved;
    detector->save(saved);
    for (std::size_t size = 0; size < saved.size(); ++size) {
      ByteReader in(std::string_view(saved).substr(0, size));
      ASSERT_FALSE(make(std::string(method))->restore(in)) << size;
    }
    const std::size_t step = std::max<std::size_t>(1, saved.size() / 500);
    for (std::size_t at = 0; at < saved.size(); at += step) {
      for (const char byte : {'\xFF', '\x00', '\x7F', '\x80'}) {
        std::string spoilt = saved;
        spoilt[at] = byte;
        const auto other = make(std::string(method));
        ByteReader in(spoilt);
        if (!other->restore(in)) continue;
        for (int i = 400; i < 420; ++i) {
          const Verdict verdict = other->judge(i * kMinute, sample(i));
          ASSERT_TRUE(verdict.score >= 0 && verdict.score <= 1) << at;
        }
        other->reason();
      }
    }
  }
}

TEST(Detector, StateIsBounded) {
  for (const std::string_view method : methods()) {
    SCOPED_TRACE(method);
    const auto detector = make(std::string(method));
    for (int i = 0; i < 20'000; ++i) detector->judge(i * kSecond, sample(i));
    EXPECT_LE(detector->bytes(), 65'536u);
    std::string saved;
    detector->save(saved);
    EXPECT_LE(saved.size(), 65'536u);
  }
}

TEST(Detector, AMethodThatThereIsNotIsNamedWithWhatWasMeant) {
  Settings settings;
  settings.method = "defualt";
  const auto made = make_detector(settings);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text().find("default"), std::string::npos) << made.error().text();
}

}  // namespace
}  // namespace weir::detect
