#include "detect/time_pattern.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace weir::detect {
namespace {

const calendar::Calendar& utc() {
  static const auto calendar = calendar::Calendar::make("UTC", {}).value();
  return *calendar;
}

constexpr Timestamp kMonday = 4 * kDay;  // 5 January 1970

// One reading an hour, from a Monday on.
void learn_hours(TimePattern& pattern, int hours, double (*series)(int hour, int weekday)) {
  for (int i = 0; i < hours; ++i) {
    const auto local = utc().local(kMonday + i * kHour);
    pattern.learn(local, series(local.hour, local.weekday));
  }
}

std::optional<TimePattern::Usual> at(const TimePattern& pattern, int hours) {
  return pattern.at(utc().local(kMonday + hours * kHour));
}

double of_day(int hour, int) { return hour; }
double of_week(int hour, int weekday) { return weekday < 6 ? hour : -1; }

TEST(TimePattern, KnowsTheDayFromTheThirdOnAtOneReadingAnHour) {
  TimePattern pattern;
  learn_hours(pattern, 48, of_day);
  EXPECT_FALSE(TimePattern().at(utc().local(0)));
  ASSERT_TRUE(at(pattern, 55));
  EXPECT_EQ(at(pattern, 55)->value, 7);
  EXPECT_FALSE(at(pattern, 55)->of_week);
}

TEST(TimePattern, WhatCameAMomentAgoIsNoPattern) {
  TimePattern pattern;
  for (int i = 0; i < 100; ++i) pattern.learn(utc().local(kMonday + i * kSecond), 1);
  EXPECT_FALSE(pattern.at(utc().local(kMonday + 200 * kSecond)));
  EXPECT_TRUE(pattern.at(utc().local(kMonday + kDay + 200 * kSecond)));
}

TEST(TimePattern, AsksTheWeekWhereThatIsNearer) {
  TimePattern pattern;
  learn_hours(pattern, 4 * 168, of_week);
  const int saturday = 4 * 168 + 5 * 24 + 10;
  ASSERT_TRUE(at(pattern, saturday));
  EXPECT_TRUE(at(pattern, saturday)->of_week);
  EXPECT_EQ(at(pattern, saturday)->value, -1);
  EXPECT_EQ(at(pattern, saturday - 24)->value, 10) << "on a Friday";
}

TEST(TimePattern, AsksTheDayWhereAllDaysAreAlike) {
  TimePattern pattern;
  learn_hours(pattern, 4 * 168, of_day);
  EXPECT_FALSE(at(pattern, 4 * 168 + 130)->of_week);
}

TEST(TimePattern, WeeksBeginOnMondayAlsoBefore1970) {
  for (const Timestamp monday : {kMonday, kMonday - 7 * kDay, kMonday - 700 * kDay}) {
    TimePattern pattern;
    // The week before is not enough: two readings of Sundays, and many of days.
    for (int i = 0; i < 21 * 24; ++i) {
      const auto local = utc().local(monday - 21 * kDay + i * kHour);
      pattern.learn(local, of_week(local.hour, local.weekday));
    }
    const auto usual = pattern.at(utc().local(monday - kHour));
    ASSERT_TRUE(usual);
    EXPECT_TRUE(usual->of_week);
    EXPECT_EQ(usual->value, -1);
  }
}

TEST(TimePattern, GoesOnAfterARestore) {
  TimePattern pattern, other;
  learn_hours(pattern, 4 * 168, of_week);
  std::string saved, again;
  pattern.save(saved);
  ByteReader in(saved);
  ASSERT_TRUE(other.restore(in));
  other.save(again);
  EXPECT_EQ(saved, again);
  EXPECT_TRUE(at(other, 4 * 168 + 130)->of_week);
  for (std::size_t size = 0; size < saved.size(); size += 7) {
    ByteReader cut(std::string_view(saved).substr(0, size));
    EXPECT_FALSE(TimePattern().restore(cut)) << size;
  }
}

}  // namespace
}  // namespace weir::detect
