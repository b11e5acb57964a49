#include "detect/default_detector.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "detect/moving.h"
#include "detect/news.h"
#include "detect/saved.h"
#include "detect/shapes.h"
#include "detect/simple_detector.h"
#include "detect/stillness.h"
#include "detect/surprise.h"
#include "detect/time_pattern.h"

namespace weir::detect {
namespace {

enum Question { kChange, kLevel, kUnrest, kExtreme, kTime, kShape, kCoarseShape, kQuestions };
constexpr int kFrozen = kQuestions, kNothing = kQuestions + 1;  // other reasons

// A new extreme and a new shape say more than the others: a large change is often an everyday one.
constexpr std::array<double, kQuestions> kWeight = {0.85, 0.8, 1, 2.25, 0.85, 1.5, 1.1};
constexpr double kPlain = 1.2;       // a surprise up to it, one reading in sixteen, says nothing
constexpr double kBeyond = 0.03;     // of the range so far: what a new extreme must exceed it by
constexpr double kFrozenWeight = 8;  // it happens to no sound sensor that changes with each reading

constexpr double kScale = 2.36;  // the sum of surprises that gives the score 0.5

constexpr std::uint64_t kShort = 40, kLong = 3'000, kUsualChange = 300, kAll = 100'000;  // horizons, in readings
constexpr std::size_t kCoarse = 12;  // readings in one step of a coarse shape
constexpr std::size_t kRecent = kCoarse * Shapes::kLength;
constexpr double kOffUsual = 12;  // horizon of the distance from the usual of the day
constexpr std::uint64_t kMany = 1ull << 40;

double least_scale(double value) {  // of rounding, at this size; never 0
  return 1e-9 * std::fabs(value) + 1e-300;
}

std::string rough(Nanoseconds duration) {
  for (const auto& [unit, name] :
       {std::pair{kDay, "day"}, {kHour, "hour"}, {kMinute, "minute"}, {kSecond, "second"}}) {
    if (duration < unit) continue;
    const Nanoseconds count = duration / unit;
    return std::to_string(count) + " " + name + (count == 1 ? "" : "s");
  }
  return seconds_text(static_cast<double>(duration) / kSecond);
}

Nanoseconds from_to(Timestamp from, Timestamp to) {
  Nanoseconds out = 0;
  if (__builtin_sub_overflow(to, from, &out)) return std::numeric_limits<Nanoseconds>::max();
  return std::max<Nanoseconds>(out, 0);
}

std::string times(double count) {
  char text[32];
  std::snprintf(text, sizeof text,
                count < 0.1 || count >= 1e5 ? "%.0e times"
                : count < 10                ? "%.1f times"
                                            : "%.0f times",
                count);
  return text;
}

class DefaultDetector final : public Detector {
 public:
  DefaultDetector(Sensitivity sensitivity, std::shared_ptr<const calendar::Calendar> calendar)
      : threshold_(default_threshold(sensitivity)), calendar_(std::move(calendar)) {}

  Verdict judge(Timestamp time, double value) override {
    if (!std::isfinite(value)) return {};
    value = std::clamp(value, -kFarthest, kFarthest);
    double surprise = 0;
    reason_ = kNothing;
    now_ = time;
    if (readings_ == 0) since_ = time;
    if (stillness_.frozen(time, value != last_)) surprise += kFrozenWeight, reason_ = kFrozen;
    const calendar::Calendar::Local local = wall(time);
    if (readings_ > 0) surprise += ask(local, value);
    learn(local, value);
    const double left = news_.of(surprise, kScale * threshold_ / (1 - threshold_));
    const double score = left / (left + kScale);
    return {score, score >= threshold_};
  }

  std::string reason() const override;

  void save(std::string& out) const override;
  bool restore(ByteReader& in) override;
  std::size_t bytes() const override { return sizeof *this + shapes_.bytes() + coarse_shapes_.bytes(); }

 private:
  // The sum of what surprises; each question learns of its answer.
  double ask(const calendar::Calendar::Local& local, double value) {
    const double least = least_scale(value), sd = long_.sd() + least, unit = all_.sd() + least;
    const double change = std::fabs(value - last_);
    double sum = 0, most = reason_ == kFrozen ? kFrozenWeight : 0;
    const auto answer = [&](Question question, double magnitude) {
      Surprise& history = histories_[question];
      magnitude = std::min(magnitude, 1e12);
      const double excess = kWeight[question] * history.of(magnitude) - kPlain;
      if (excess > 0) sum += excess;
      if (excess > most) {
        most = excess;
        reason_ = question;
        const double usual = history.usual();
        factor_ = usual > 0 ? magnitude / usual : 0;
      }
      history.learn(magnitude);
    };

    const auto usual_now = pattern_.at(local);
    const double here = usual_now ? usual_now->value : last_;
    // What leads to the usual of this time is no large change.
    answer(kChange, std::min(change, std::fabs(value - here)) / (usual_change_.mean() + least));
    answer(kLevel, std::fabs(short_.mean() - long_.mean()) / sd);
    const double unrest = std::log((short_change_.mean() + least) / (long_change_.mean() + least));
    answer(kUnrest, std::fabs(unrest));
    if (reason_ == kUnrest) factor_ = std::exp(unrest);
    const double beyond = std::max(value - highest_, lowest_ - value) / (highest_ - lowest_ + least);
    answer(kExtreme, beyond < kBeyond ? 0 : beyond);
    if (reason_ == kExtreme) factor_ = value - lowest_;
    if (usual_now) {
      off_usual_ += (value - here - off_usual_) / kOffUsual;
      of_week_ = usual_now->of_week;
      answer(kTime, std::fabs(off_usual_) / sd);
    }

    std::shift_left(recent_.begin(), recent_.end(), 1);
    recent_.back() = value;
    if (readings_ >= Shapes::kLength) {
      Shapes::Shape shape;
      std::copy_n(recent_.end() - Shapes::kLength, Shapes::kLength, shape.begin());
      const double distance = shapes_.distance(shape);
      answer(kShape, distance / unit);
      shapes_.learn(shape, distance);
    }
    if (readings_ >= kRecent) {
      Shapes::Shape shape{};
      for (std::size_t i = 0; i < kRecent; ++i) shape[i / kCoarse] += recent_[i] / kCoarse;
      const double distance = coarse_shapes_.distance(shape);
      answer(kCoarseShape, distance / unit);
      coarse_shapes_.learn(shape, distance);
    }
    return sum;
  }

  void learn(const calendar::Calendar::Local& local, double value) {
    if (readings_ > 0) {
      const double change = std::fabs(value - last_);
      usual_change_.add(change);
      short_change_.add(change);
      long_change_.add(change);
      pattern_.learn(local, value);
    }
    highest_ = readings_ == 0 ? value : std::max(highest_, value);
    lowest_ = readings_ == 0 ? value : std::min(lowest_, value);
    short_.add(value);
    long_.add(value);
    all_.add(value);
    last_ = value;
    readings_ = std::min(readings_ + 1, kMany);
  }

  // The clock on the wall, or that of UTC.
  calendar::Calendar::Local wall(Timestamp time) const { return (calendar_ ? *calendar_ : utc()).local(time); }
  static const calendar::Calendar& utc() {
    static const auto calendar = calendar::Calendar::make("UTC", {}).value();
    return *calendar;
  }
  std::string when() const;

  double threshold_;
  std::shared_ptr<const calendar::Calendar> calendar_;
  std::uint64_t readings_ = 0;
  Timestamp since_ = 0, now_ = 0;
  double last_ = 0, highest_ = 0, lowest_ = 0;
  double off_usual_ = 0;  // mean distance of the last readings from the usual of their time
  Moving usual_change_{kUsualChange}, short_change_{kShort}, long_change_{kLong};
  Moving short_{kShort}, long_{kLong}, all_{kAll};
  static constexpr std::size_t kDelay = Surprise::kMostDelay;  // of what lasts longer than one reading
  std::array<Surprise, kQuestions> histories_{Surprise(),       Surprise(kDelay), Surprise(kDelay), Surprise(),
                                              Surprise(kDelay), Surprise(kDelay), Surprise(kDelay)};
  TimePattern pattern_;
  std::array<double, kRecent> recent_{};
  Shapes shapes_, coarse_shapes_;
  Stillness stillness_;
  News news_;

  int reason_ = kNothing;  // of the last verdict: a Question, kFrozen or kNothing
  double factor_ = 0;      // how many times the usual
  bool of_week_ = false;   // what is usual was that of a day of the week
};

std::string DefaultDetector::when() const {
  static constexpr const char* kDays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                          "Friday", "Saturday", "Sunday"};
  const calendar::Calendar::Local local = wall(now_);
  char text[48];
  std::snprintf(text, sizeof text, "%s%sat %02d:%02d%s", of_week_ ? "on a " : "",
                of_week_ ? (std::string(kDays[local.weekday - 1]) + " ").c_str() : "", local.hour, local.minute,
                calendar_ ? "" : " UTC");
  return text;
}

std::string DefaultDetector::reason() const {
  const std::string so_far = "in the " + rough(from_to(since_, now_)) + " since the start";
  // Where the usual is nothing at all, there is no factor to tell.
  const auto usual = [this](const std::string& what) {
    return factor_ > 0 ? times(factor_) + " the usual " + what : "an unusual " + what;
  };
  switch (reason_) {
    case kChange: return usual("change") + ", to " + number_text(last_);
    case kLevel:
      return usual("distance") + " between the mean of the last readings, " + number_text(short_.mean()) +
             ", and the long one, " + number_text(long_.mean());
    case kUnrest: return "it changes " + times(factor_) + " as much as usual";
    case kExtreme: return std::string(factor_ > 0 ? "higher" : "lower") + " than anything " + so_far;
    case kTime: return usual("distance") + " of late from what is normal " + when();
    case kShape:
      return usual("distance") + " from any shape of " + std::to_string(Shapes::kLength) + " readings " + so_far;
    case kCoarseShape:
      return usual("distance") + " from any shape of " + std::to_string(kRecent) + " readings " + so_far;
    case kFrozen:
      return "has not changed for " + rough(stillness_.still()) +
             (stillness_.longest() > 0 ? "; the longest before was " + rough(stillness_.longest())
                                       : ", as never before");
    default: return "nothing unusual";
  }
}

void DefaultDetector::save(std::string& out) const {
  put_varint(out, readings_);
  put_varint(out, zigzag(since_));
  put_varint(out, zigzag(now_));
  put_varint(out, static_cast<std::uint64_t>(reason_) * 2 + (of_week_ ? 1 : 0));
  put_numbers(out, {factor_, off_usual_, last_, highest_, lowest_});
  for (const Moving* one : {&usual_change_, &short_change_, &long_change_, &short_, &long_, &all_}) one->save(out);
  for (const Surprise& history : histories_) history.save(out);
  pattern_.save(out);
  for (const double value : recent_) put_double(out, value);
  shapes_.save(out);
  coarse_shapes_.save(out);
  stillness_.save(out);
  news_.save(out);
}

bool DefaultDetector::restore(ByteReader& in) {
  std::uint64_t reason = 0;
  if (!read(in, readings_, kMany)) return false;
  since_ = unzigzag(in.varint());
  now_ = unzigzag(in.varint());
  if (!read(in, reason, kNothing * 2 + 1) || !read(in, factor_, -4 * kFarthest, 4 * kFarthest) ||
      !read(in, off_usual_, -4 * kFarthest, 4 * kFarthest))
    return false;
  reason_ = static_cast<int>(reason / 2);
  of_week_ = reason % 2 != 0;
  for (double* value : {&last_, &highest_, &lowest_})
    if (!read(in, *value, -kFarthest, kFarthest)) return false;
  for (Moving* one : {&usual_change_, &short_change_, &long_change_, &short_, &long_, &all_})
    if (!one->restore(in)) return false;
  for (Surprise& history : histories_)
    if (!history.restore(in)) return false;
  if (!pattern_.restore(in)) return false;
  for (double& value : recent_)
    if (!read(in, value, -kFarthest, kFarthest)) return false;
  return shapes_.restore(in) && coarse_shapes_.restore(in) && stillness_.restore(in) && news_.restore(in);
}

}  // namespace

std::unique_ptr<Detector> make_default_detector(Sensitivity sensitivity,
                                                std::shared_ptr<const calendar::Calendar> calendar) {
  return std::make_unique<DefaultDetector>(sensitivity, std::move(calendar));
}

double default_threshold(Sensitivity sensitivity) {
  switch (sensitivity) {
    case Sensitivity::low: return 0.65;
    case Sensitivity::normal: return 0.5;
    case Sensitivity::high: break;
  }
  return 0.4;
}

}  // namespace weir::detect
