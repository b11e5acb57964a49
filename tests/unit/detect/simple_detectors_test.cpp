#include "detect/simple_detectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/random.h"

namespace weir::detect {
namespace {

using testing::HasSubstr;

// A detector that is given a reading a second, unless told otherwise.
class Fed {
 public:
  explicit Fed(const Settings& settings) {
    auto made = make_detector(settings);
    EXPECT_TRUE(made) << made.error().text();
    detector_ = std::move(*made);
  }

  Verdict add(double value, Nanoseconds after = kSecond) { return detector_->judge(time_ += after, value); }
  // 9, 11, 9, 11 …: mean 10, standard deviation 1.
  void alternate(int count) {
    for (int i = 0; i < count; ++i) EXPECT_FALSE(add(i % 2 == 0 ? 9 : 11).anomalous) << i;
  }
  std::string reason() const { return detector_->reason(); }

 private:
  std::unique_ptr<Detector> detector_;
  Timestamp time_ = kDay;
};

// How far out it was, over the limit.
double ratio(const Verdict& verdict) { return verdict.score / (1 - verdict.score); }

TEST(ZScore, IsStandardDeviationsFromTheMean) {
  Fed fed({.method = "zscore"});
  fed.alternate(29);
  EXPECT_THAT(fed.reason(), HasSubstr("still learned"));
  EXPECT_FALSE(fed.add(11).anomalous);
  const Verdict verdict = fed.add(15);
  EXPECT_NEAR(ratio(verdict), 5.0 / 4, 1e-12);
  EXPECT_TRUE(verdict.anomalous);
  EXPECT_EQ(fed.reason(), "5 standard deviations above the mean of 10");
  EXPECT_FALSE(fed.add(13.9).anomalous);
  Fed down({.method = "zscore", .threshold = 2});
  down.alternate(30);
  EXPECT_TRUE(down.add(7.9).anomalous);
  EXPECT_EQ(down.reason(), "2.1 standard deviations below the mean of 10");
}

TEST(ZScore, ForgetsWithTheWindow) {
  Fed fed({.method = "zscore", .window = 100 * kSecond});
  fed.alternate(200);
  EXPECT_TRUE(fed.add(20).anomalous);
  for (int i = 0; i < 400; ++i) fed.add(i % 2 == 0 ? 19 : 21);
  EXPECT_FALSE(fed.add(20).anomalous);
  EXPECT_TRUE(fed.add(10).anomalous);
  EXPECT_THAT(fed.reason(), HasSubstr("below the mean of 20"));
}

TEST(ZScore, TakesTheFirstChangeOfAConstantForOneButNotRounding) {
  Fed fed({.method = "zscore"});
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(fed.add(0.1 + (i % 2) * 1e-17).score, 0);
  EXPECT_GT(fed.add(0.1001).score, 0.999'999);
  EXPECT_EQ(fed.reason(), "it never changed from 0.1 before");
}

TEST(Ewma, IsStandardErrorsOfTheMovingMean) {
  Fed fed({.method = "ewma"});
  fed.alternate(30);
  // 0.2 × 12 + 0.8 × 10 = 10.4; its standard error is sqrt(0.2 / 1.8 × (1 - 0.64)) = 0.2.
  EXPECT_NEAR(ratio(fed.add(12)), 2.0 / 4, 1e-9);
  EXPECT_EQ(fed.reason(), "the moving mean of 10.4 is 2 standard errors above the usual 10");
}

TEST(Ewma, SeesAShiftThatNoSingleReadingShows) {
  Fed ewma({.method = "ewma"}), zscore({.method = "zscore"});
  for (Fed* fed : {&ewma, &zscore}) fed->alternate(400);
  bool seen = false;
  for (int i = 0; i < 30; ++i) {
    seen = ewma.add(i % 2 == 0 ? 11 : 13).anomalous || seen;
    EXPECT_FALSE(zscore.add(i % 2 == 0 ? 11 : 13).anomalous);
  }
  EXPECT_TRUE(seen);
}

TEST(Mad, IsTheMedianAbsoluteDeviationFromTheMedian) {
  Fed fed({.method = "mad"});
  for (int i = 0; i < 45; ++i) fed.add(1 + i % 9);  // median 5, absolute deviations 4 … 0 … 4: median 2
  const Verdict verdict = fed.add(22);
  EXPECT_NEAR(ratio(verdict), 17 / (1.4826 * 2) / 5, 1e-12);
  EXPECT_TRUE(verdict.anomalous);
  EXPECT_EQ(fed.reason(), "5.733 times the usual spread above the median of 5");
}

TEST(Mad, TakesTheMeanDeviationWhereMostAreTheSame) {
  Fed fed({.method = "mad"});
  for (int i = 0; i < 100; ++i) fed.add(i % 10 == 0 ? 8 : 7);
  EXPECT_NEAR(ratio(fed.add(9)), 2 / (1.2533 * 0.1) / 5, 1e-12);
}

TEST(Mad, IsWhatSortingGives) {
  std::uint64_t state = 7;
  const Nanoseconds window = 150 * kSecond;
  Fed fed({.method = "mad", .window = window});
  std::deque<std::pair<Timestamp, double>> kept;
  Timestamp now = 0;
  for (int i = 0; i < 3'000; ++i) {
    // Of few different values, so that there are equal ones; at times so fast that the number is what bounds it.
    const double value = static_cast<double>(split_mix(state) % 40) * (i % 97 == 0 ? 10 : 1);
    const Nanoseconds after =
        (i / 500 % 2 == 0 ? kSecond : kSecond / 10) + static_cast<Nanoseconds>(split_mix(state) % 1'000'000);
    now += after;
    while (!kept.empty() && (now - kept.front().first > window || kept.size() == kMadReadings)) kept.pop_front();
    double expected = 0;
    if (kept.size() >= 30) {
      const auto median = [](std::vector<double> values) {
        std::ranges::sort(values);
        const std::size_t n = values.size();
        return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
      };
      std::vector<double> values, far;
      for (const auto& [time, kept_value] : kept) values.push_back(kept_value);
      const double middle = median(values);
      for (const double v : values) far.push_back(std::fabs(v - middle));
      const double excess = std::fabs(value - middle) / (1.4826 * median(far));
      expected = excess / (excess + 5);
    }
    ASSERT_NEAR(fed.add(value, after).score, expected, 1e-12) << i;
    kept.emplace_back(now, value);
  }
}

TEST(Cusum, SumsWhatIsBeyondTheDriftAndBeginsAnewAfterAnAlarm) {
  const Settings settings{.method = "cusum", .threshold = 5.0, .drift = 0.5};
  Fed fed(settings);
  fed.alternate(30);
  // By hand, with the plain mean and variance of all readings.
  std::vector<double> values;
  for (int i = 0; i < 30; ++i) values.push_back(i % 2 == 0 ? 9 : 11);
  double sum = 0;
  int alarms = 0, first = -1;
  for (int i = 0; i < 6; ++i) {
    double mean = 0, variance = 0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    for (const double value : values)
      variance += (value - mean) * (value - mean) / static_cast<double>(values.size());
    sum += (11.5 - mean) / std::sqrt(variance) - 0.5;
    values.push_back(11.5);
    const Verdict verdict = fed.add(11.5);
    if (alarms > 0) {
      EXPECT_EQ(verdict.score, 0) << i;
      continue;
    }
    EXPECT_NEAR(ratio(verdict), sum / 5, 1e-9) << i;
    EXPECT_EQ(verdict.anomalous, sum >= 5) << i;
    if (!verdict.anomalous) continue;
    ++alarms;
    first = i;
    EXPECT_THAT(fed.reason(), HasSubstr("the mean has moved up from 10."));
  }
  EXPECT_EQ(alarms, 1);
  EXPECT_GE(first, 4);
  for (int i = 0; i < 30; ++i) alarms += fed.add(i % 2 == 0 ? 10.5 : 12.5).anomalous ? 1 : 0;
  EXPECT_EQ(alarms, 1) << "the new mean is the usual one";
  for (int i = 0; i < 10; ++i) alarms += fed.add(9).anomalous ? 1 : 0;
  EXPECT_EQ(alarms, 2) << "and once for the way back";
  EXPECT_THAT(fed.reason(), HasSubstr("the mean has moved"));
}

TEST(Rate, IsChangePerSecondOverTheLimit) {
  Fed fed({.method = "rate", .threshold = 2});
  EXPECT_EQ(fed.add(100).score, 0);
  EXPECT_NEAR(ratio(fed.add(101)), 0.5, 1e-12);
  EXPECT_TRUE(fed.add(98).anomalous);
  EXPECT_EQ(fed.reason(), "falls by 3 per second, 1.5 times the limit of 2");
  EXPECT_NEAR(ratio(fed.add(128, 10 * kSecond)), 1.5, 1e-12);
  EXPECT_NEAR(ratio(fed.add(128.5, kSecond / 2)), 0.5, 1e-12);
}

TEST(Rate, WithoutALimitIsTenTimesTheUsual) {
  Fed fed({.method = "rate"});
  double value = 0;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(fed.add(value += i % 2 == 0 ? 1 : -1).anomalous);
  EXPECT_NEAR(ratio(fed.add(value + 12)), 1.2, 1e-9);
  EXPECT_EQ(fed.reason(), "rises by 12 per second, 12 times the usual 1");
}

TEST(Flatline, IsHowLongNothingChanged) {
  Fed fed({.method = "flatline", .window = 60 * kSecond});
  EXPECT_FALSE(fed.add(5).anomalous);
  EXPECT_NEAR(ratio(fed.add(5, 30 * kSecond)), 0.5, 1e-12);
  EXPECT_FALSE(fed.add(5, 29 * kSecond).anomalous);
  EXPECT_TRUE(fed.add(5, 3 * kSecond).anomalous);
  EXPECT_EQ(fed.reason(), "unchanged at 5 for 1m2s; 1m would be fine");
  EXPECT_TRUE(fed.add(5).anomalous);
  EXPECT_EQ(fed.add(6).score, 0);
}

TEST(Flatline, WithoutAWindowIsTenTimesTheUsualTimeBetweenChanges) {
  Fed fed({.method = "flatline"});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(fed.add(i / 3).anomalous) << i;
  // It changed every 3 s, last a moment ago.
  int until = 0;
  while (until < 100 && !fed.add(99 / 3).anomalous) ++until;
  EXPECT_EQ(until, 29);
  EXPECT_EQ(fed.reason(), "unchanged at 33 for 30s, 10 times the usual 3s");
}

TEST(Settings, ThatAMethodDoesNotKnowAreRefusedWithThoseThatItKnows) {
  const auto error = [](const Settings& settings) {
    const auto made = make_detector(settings);
    return made ? std::string("fine") : made.error().text();
  };
  EXPECT_EQ(error({.method = "flatline", .threshold = 3}),
            "the detector flatline has no threshold (it takes: window)");
  EXPECT_EQ(error({.method = "zscore", .sensitivity = Sensitivity::high}),
            "the detector zscore has no sensitivity (it takes: threshold, window, alpha)");
  EXPECT_EQ(error({.threshold = 3}), "the detector default has no threshold (it takes: sensitivity)");
  EXPECT_EQ(error({.method = "mad", .threshold = 0}),
            "threshold of the detector mad is out of range (it is a number above 0, at most 1e15)");
  EXPECT_THAT(error({.method = "mad", .threshold = std::nan("")}), HasSubstr("out of range"));
  EXPECT_THAT(error({.method = "mad", .window = 0}), HasSubstr("a duration of 1ms to ten years"));
  EXPECT_THAT(error({.method = "ewma", .alpha = 1.5}), HasSubstr("out of range"));
  EXPECT_THAT(error({.method = "cusum", .drift = -1}), HasSubstr("out of range"));
  EXPECT_THAT(error({.method = "zscore", .window = kHour, .alpha = 0.1}), HasSubstr("one of them is enough"));
  EXPECT_EQ(error({.method = "ewma", .threshold = 3, .window = kHour, .alpha = 0.1}), "fine");
  EXPECT_THAT(error({.method = "isolation-forest"}), HasSubstr("there are default, zscore, ewma"));
}

}  // namespace
}  // namespace weir::detect
