#include "detect/default_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace weir::detect {
namespace {

using Series = std::function<double(int)>;

std::unique_ptr<Detector> make() { return make_default_detector(Sensitivity::normal); }

// Normal deviates that are the same in each run (Box-Muller).
class Noise {
 public:
  explicit Noise(std::uint64_t seed = 1) : state_(seed) {}
  double operator()() {
    const double u = uniform(), v = uniform();
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }

 private:
  double uniform() { return (static_cast<double>(split_mix(state_) >> 11) + 0.5) / 9007199254740992.0; }
  std::uint64_t state_;
};

struct Alarm {
  int at;
  std::string reason;
};

std::vector<Alarm> alarms(Detector& detector, int count, const Series& series, Nanoseconds step = kMinute) {
  std::vector<Alarm> out;
  for (int i = 0; i < count; ++i)
    if (detector.judge(i * step, series(i)).anomalous) out.push_back({i, detector.reason()});
  return out;
}

int count_within(const std::vector<Alarm>& all, int from, int to) {
  return static_cast<int>(
      std::ranges::count_if(all, [&](const Alarm& one) { return one.at >= from && one.at < to; }));
}

// Some alarm comes within `patience` readings of `at`; returns the first one's reason.
std::string reason_of(const std::vector<Alarm>& all, int at, int patience) {
  for (const Alarm& one : all)
    if (one.at >= at && one.at < at + patience) return one.reason;
  ADD_FAILURE() << "nothing noticed within " << patience << " readings of " << at;
  return {};
}

TEST(DefaultDetector, NoticesASpikeAtOnceAndSaysIt) {
  Noise noise;
  const auto detector = make();
  const auto all = alarms(*detector, 3'000, [&](int i) { return 20 + noise() + (i == 2'000 ? 15 : 0); });
  const std::string reason = reason_of(all, 2'000, 1);
  EXPECT_NE(reason.find(" in the 1 day since the start"), std::string::npos) << reason;
  EXPECT_EQ(count_within(all, 2'000, 2'100), 1) << "one event is one alarm";
}

TEST(DefaultDetector, NoticesASpikeThatStaysWithinTheRange) {
  Noise noise;
  const auto detector = make();
  const auto all = alarms(*detector, 4'000, [&](int i) {
    return 100 * std::sin(i / 50.0) + noise() + (i == 2'984 ? 60 : 0);  // near the zero of the wave
  });
  reason_of(all, 2'984, 2);
}

TEST(DefaultDetector, NoticesAShiftOfTheLevel) {
  Noise noise;
  const auto detector = make();
  const auto all = alarms(*detector, 3'000, [&](int i) { return 20 + noise() + (i >= 2'000 ? 3 : 0); });
  reason_of(all, 2'000, 60);
}

TEST(DefaultDetector, NoticesADrift) {
  Noise noise;
  const auto detector = make();
  const auto all = alarms(*detector, 3'000, [&](int i) { return 20 + noise() + std::max(0, i - 2'000) * 0.02; });
  reason_of(all, 2'000, 250);
}

TEST(DefaultDetector, NoticesThatASeriesGrowsRestless) {
  Noise noise;
  const auto detector = make();
  const auto all = alarms(*detector, 3'000, [&](int i) { return 20 + noise() * (i >= 2'000 ? 2.5 : 1); });
  reason_of(all, 2'000, 100);
}

TEST(DefaultDetector, NoticesThatASeriesGrowsQuiet) {
  Noise noise;
  const auto detector = make();
  const auto all = alarms(*detector, 3'000, [&](int i) { return 20 + noise() * (i >= 2'000 ? 0.05 : 1); });
  const std::string reason = reason_of(all, 2'000, 100);
  EXPECT_NE(reason.find("it changes 0."), std::string::npos) << reason;
  EXPECT_NE(reason.find(" times as much as usual"), std::string::npos) << reason;
}

TEST(DefaultDetector, NoticesAFrozenSensorAndSaysForHowLong) {
  Noise noise;
  const auto detector = make();
  double held = 0;
  const auto all = alarms(*detector, 3'000, [&](int i) {
    const double value = std::round(1'000 * noise()) / 1'000;
    return i < 2'000 || i > 2'200 ? held = value : held;
  });
  const std::string reason = reason_of(all, 2'000, 30);
  EXPECT_EQ(reason.find("has not changed for 10 minutes"), 0u) << reason;
}

TEST(DefaultDetector, ASeriesThatOftenStandsStillIsNotFrozen) {
  Noise noise;
  const auto detector = make();
  double held = 0;
  const auto all = alarms(*detector, 5'000, [&](int i) { return i % 7 == 0 ? held = std::round(noise()) : held; });
  for (const Alarm& one : all) EXPECT_EQ(one.reason.find("has not changed"), std::string::npos) << one.at;
}

TEST(DefaultDetector, NoticesADayThatIsUnlikeTheOthers) {
  Noise noise;
  const auto detector = make();
  constexpr int kPerDay = 288;
  const auto all = alarms(
      *detector, 21 * kPerDay,
      [&](int i) {
        const int of_day = i % kPerDay;
        const bool works = of_day > 100 && of_day < 200 && i / kPerDay != 18;  // nobody came on the 19th day
        return (works ? 60 : 20) + noise();
      },
      5 * kMinute);
  const int missed = 18 * kPerDay + 101;
  const std::string reason = reason_of(all, missed, 40);
  EXPECT_NE(reason.find("of late from what is normal at 08:"), std::string::npos) << reason;
  EXPECT_LE(count_within(all, 10 * kPerDay, 18 * kPerDay), 3);
}

// An office: people from eight to five by the clock on the wall, none at weekends, none on one day.
class Office {
 public:
  Office(std::string_view zone, std::string_view first, int day_off) : day_off_(day_off) {
    calendar_ = calendar::Calendar::make(zone, {}).value();
    parse_iso(first, first_);
    first_day_ = calendar_->local(first_).day;
  }

  const std::shared_ptr<const calendar::Calendar>& calendar() const { return calendar_; }

  struct Day {
    int day;  // since the first
    std::string reason;
  };
  std::vector<Day> alarms(Detector& detector, int days) {
    std::vector<Day> out;
    for (int i = 0; i < days * 96; ++i) {
      const Timestamp time = first_ + i * 15 * kMinute;
      const calendar::Calendar::Local local = calendar_->local(time);
      const int day = local.day - first_day_;
      const bool works = local.weekday <= 5 && local.hour >= 8 && local.hour < 17 && day != day_off_;
      if (detector.judge(time, (works ? 60 : 20) + noise_()).anomalous) out.push_back({day, detector.reason()});
    }
    return out;
  }

 private:
  std::shared_ptr<const calendar::Calendar> calendar_;
  Timestamp first_ = 0;
  int first_day_ = 0, day_off_;
  Noise noise_;
};

TEST(DefaultDetector, NoticesADayThatIsUnlikeThatDayOfOtherWeeks) {
  constexpr int kDayOff = 50;  // a Tuesday
  Office office("Europe/Berlin", "2026-01-04T23:00:00Z", kDayOff);
  const auto detector = make_default_detector(Sensitivity::normal, office.calendar());
  std::string told;
  int others = 0;
  for (const Office::Day& alarm : office.alarms(*detector, 56)) {
    if (alarm.day == kDayOff) told += alarm.reason + "\n";
    else if (alarm.day >= 28) ++others;
  }
  EXPECT_NE(told.find("of late from what is normal on a Tuesday at "), std::string::npos) << told;
  EXPECT_LE(others, 2) << "weekends are like weekends";
}

TEST(DefaultDetector, GoesByTheClockOnTheWall) {
  const auto alarms_on_the_monday_behind_the_change = [](bool knows_zone) {
    Office office("Europe/Berlin", "2026-01-18T23:00:00Z", -1);
    const auto detector = make_default_detector(Sensitivity::normal, knows_zone ? office.calendar() : nullptr);
    const auto all = office.alarms(*detector, 71);
    return std::ranges::count_if(all, [](const Office::Day& alarm) { return alarm.day == 70; });  // 30 March
  };
  EXPECT_EQ(alarms_on_the_monday_behind_the_change(true), 0);
  EXPECT_GT(alarms_on_the_monday_behind_the_change(false), 0) << "people come an hour earlier";
}

TEST(DefaultDetector, WhiteNoiseGivesFewAlarms) {
  int sum = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Noise noise(seed);
    const auto detector = make();
    sum += static_cast<int>(alarms(*detector, 10'000, [&](int) { return noise(); }).size());
  }
  EXPECT_LE(sum, 150) << "of 100,000 readings";
}

// At one a second the ten minutes of the day that begin are new each time, and no day has passed yet.
TEST(DefaultDetector, WhatRepeatsAllTheTimeIsNothingUnusualOnItsFirstDay) {
  const auto detector = make();
  const double values[] = {2, 2.14, 1.91, 2.06, 1.87};
  EXPECT_TRUE(alarms(*detector, 4'000, [&](int i) { return values[i % 5]; }, kSecond).empty());
}

TEST(DefaultDetector, SaysNothingWhileItLearns) {
  Noise noise;
  const auto detector = make();
  EXPECT_TRUE(alarms(*detector, 100, [&](int i) { return noise() * (i % 10 == 0 ? 100 : 1); }).empty());
}

TEST(DefaultDetector, TheUnitOfASeriesDoesNotMatter) {
  for (const double factor : {1e-9, 1'000.0, 1e12}) {
    SCOPED_TRACE(factor);
    Noise a, b;
    const auto one = make(), other = make();
    const auto first = alarms(*one, 5'000, [&](int i) { return 20 + a() + (i % 1'700 == 1'600 ? 12 : 0); });
    const auto second =
        alarms(*other, 5'000, [&](int i) { return (20 + b() + (i % 1'700 == 1'600 ? 12 : 0)) * factor; });
    ASSERT_EQ(first.size(), second.size());
    for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].at, second[i].at);
  }
}

TEST(DefaultDetector, SensitivityMovesTheThreshold) {
  std::size_t before = 0;
  for (const auto sensitivity : {Sensitivity::low, Sensitivity::normal, Sensitivity::high}) {
    Noise noise;
    const auto detector = make_default_detector(sensitivity);
    const std::size_t now = alarms(*detector, 20'000, [&](int i) { return noise() * (i % 500 < 5 ? 4 : 1); }).size();
    EXPECT_GT(now, before);
    before = now;
  }
}

TEST(DefaultDetector, GoesOnAfterARestoreAtAnyPointToTheLastBit) {
  Noise noise(7);
  std::uint64_t random = 11;
  std::vector<double> values;
  for (int i = 0; i < 6'000; ++i) {
    const bool held = i % 900 > 850;
    values.push_back(held ? values.back() : std::sin(i / 30.0) + 0.1 * noise() + (i % 777 == 700 ? 3 : 0));
  }
  auto through = make(), stopped = make();
  int stops = 0;
  for (int i = 0; i < 6'000; ++i) {
    if (split_mix(random) % 50 == 0) {
      ++stops;
      std::string saved, again;
      stopped->save(saved);
      stopped = make();
      ByteReader in(saved);
      ASSERT_TRUE(stopped->restore(in)) << i;
      ASSERT_TRUE(in.at_end());
      stopped->save(again);
      ASSERT_TRUE(saved == again) << i;
    }
    const Verdict a = through->judge(i * kMinute, values[i]), b = stopped->judge(i * kMinute, values[i]);
    ASSERT_EQ(a.score, b.score) << i;
    ASSERT_EQ(through->reason(), stopped->reason()) << i;
  }
  EXPECT_GT(stops, 80);
}

TEST(DefaultDetector, DamagedStateIsRefusedOrHarmless) {
  Noise noise;
  const auto whole = make();
  for (int i = 0; i < 2'000; ++i) whole->judge(i * kMinute, noise());
  std::string saved;
  whole->save(saved);
  ASSERT_GT(saved.size(), 1'000u);

  for (std::size_t length = 0; length < saved.size(); length += 7) {
    ByteReader in(std::string_view(saved).substr(0, length));
    EXPECT_FALSE(make()->restore(in)) << length;
  }
  std::uint64_t random = 3;
  for (int i = 0; i < 3'000; ++i) {
    std::string damaged = saved;
    for (int k = 0; k < 1 + i % 5; ++k)
      damaged[split_mix(random) % damaged.size()] = static_cast<char>(split_mix(random));
    ByteReader in(damaged);
    const auto detector = make();
    if (!detector->restore(in)) continue;
    for (int k = 0; k < 40; ++k) {
      const Verdict verdict = detector->judge(k * kHour, noise());
      ASSERT_TRUE(verdict.score >= 0 && verdict.score <= 1) << i;
    }
    ASSERT_LT(detector->reason().size(), 300u);
    ASSERT_LE(detector->bytes(), 64u << 10);
  }
}

// Each judged after a quiet beginning and from the first reading on.
TEST(DefaultDetector, NoSeriesBreaksIt) {
  constexpr double kMost = std::numeric_limits<double>::max(), kLeast = std::numeric_limits<double>::denorm_min();
  const std::vector<std::pair<const char*, Series>> hostile = {
      {"constant", [](int) { return 5.0; }},
      {"zero", [](int) { return 0.0; }},
      {"binary", [](int i) { return i % 97 < 13 ? 1.0 : 0.0; }},
      {"integers", [](int i) { return static_cast<double>(i * i % 11); }},
      {"largest", [](int i) { return i % 2 ? kMost : -kMost; }},
      {"1e300 now and then", [](int i) { return i % 100 == 0 ? 1e300 : std::sin(i); }},
      {"least", [](int i) { return i % 2 ? kLeast : -kLeast; }},
      {"exponential", [](int i) { return std::pow(1.5, i % 3'000 - 1'500); }},
      {"large offset", [](int i) { return 1e15 + i % 3; }},
  };
  for (const auto& [name, series] : hostile) {
    for (const int start : {0, 300}) {
      SCOPED_TRACE(name);
      const auto detector = make();
      int told = 0;
      for (int i = 0; i < 5'000; ++i) {
        const Timestamp time = i % 5 == 0 ? i * kSecond : (i - i % 5) * kSecond;  // equal times, too
        const Verdict verdict = detector->judge(time, i < start ? i % 7 : series(i));
        ASSERT_TRUE(verdict.score >= 0 && verdict.score <= 1) << i << ": " << verdict.score;
        ASSERT_LT(detector->reason().size(), 300u) << i;
        told += verdict.anomalous;
      }
      EXPECT_LE(told, 60);
      EXPECT_LE(detector->bytes(), 64u << 10);
    }
  }
  const auto detector = make();
  for (const Timestamp time : {std::numeric_limits<Timestamp>::min(), std::numeric_limits<Timestamp>::max(),
                               std::numeric_limits<Timestamp>::min(), Timestamp{0}}) {
    const Verdict verdict = detector->judge(time, 1);
    EXPECT_TRUE(verdict.score >= 0 && verdict.score <= 1);
    EXPECT_FALSE(detector->reason().empty());
  }
}

}  // namespace
}  // namespace weir::detect
