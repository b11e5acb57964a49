#include "detect/time_pattern.h"

#include <algorithm>
#include <cmath>

#include "detect/saved.h"

namespace weir::detect {
namespace {

constexpr int kHorizon = 30;            // readings that a mean goes back
constexpr double kClearlyNearer = 0.9;  // so that two that are as good do not take turns

}  // namespace

void TimePattern::Step::learn(std::int32_t now, double value) {
  if (count == 0) first = now;
  count = static_cast<std::uint8_t>(std::min(count + 1, kHorizon));
  mean += (value - mean) / count;
}

std::size_t TimePattern::step_of_day(const calendar::Calendar::Local& time) {
  return static_cast<std::size_t>(time.hour * 6 + time.minute / 10);
}

std::size_t TimePattern::step_of_week(const calendar::Calendar::Local& time) {
  return static_cast<std::size_t>(((time.weekday - 1) * 24 + time.hour) * 2 + time.minute / 30);
}

std::int32_t TimePattern::week_of(const calendar::Calendar::Local& time) {
  return (time.day - (time.weekday - 1) + 3) / 7;  // Mondays are days 4, 11, … and -3, -10, …
}

std::optional<TimePattern::Usual> TimePattern::at(const calendar::Calendar::Local& time) const {
  const Step& of_day = day_[step_of_day(time)];
  if (!of_day.knows(time.day)) return {};
  const Step& of_week = week_[step_of_week(time)];
  const bool nearer = off_week_.count() >= kEnough && off_week_.mean() < kClearlyNearer * off_day_.mean();
  if (nearer && of_week.knows(week_of(time))) return Usual{of_week.mean, true};
  return Usual{of_day.mean, false};
}

void TimePattern::learn(const calendar::Calendar::Local& time, double value) {
  Step& of_day = day_[step_of_day(time)];
  Step& of_week = week_[step_of_week(time)];
  const std::int32_t week = week_of(time);
  if (of_day.knows(time.day) && of_week.knows(week)) {
    off_day_.add(std::fabs(value - of_day.mean));
    off_week_.add(std::fabs(value - of_week.mean));
  }
  of_day.learn(time.day, value);
  of_week.learn(week, value);
}

void TimePattern::save(std::string& out) const {
  const auto save_steps = [&out](const auto& steps) {
    for (const Step& one : steps) {
      put_varint(out, one.count);
      if (one.count == 0) continue;
      put_double(out, one.mean);
      put_varint(out, zigzag(one.first));
    }
  };
  save_steps(day_);
  save_steps(week_);
  off_day_.save(out);
  off_week_.save(out);
}

bool TimePattern::restore(ByteReader& in) {
  const auto restore_steps = [&in](auto& steps) {
    for (Step& one : steps) {
      std::uint64_t count = 0;
      if (!read(in, count, kHorizon)) return false;
      one = {0, 0, static_cast<std::uint8_t>(count)};
      if (count == 0) continue;
      if (!read(in, one.mean, -kFarthest, kFarthest)) return false;
      one.first = static_cast<std::int32_t>(unzigzag(in.varint()));
    }
    return true;
  };
  return restore_steps(day_) && restore_steps(week_) && off_day_.restore(in) && off_week_.restore(in);
}

}  // namespace weir::detect
