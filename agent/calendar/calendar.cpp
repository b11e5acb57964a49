#include "calendar/calendar.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>

#include "base/text.h"
#include "calendar/time_zone.h"

namespace weir::calendar {
namespace {

constexpr Seconds kHourSeconds = 3'600, kDaySeconds = 86'400;
constexpr std::size_t kMostShifts = 48;

// Local time is counted in seconds as if the clock on the wall were UTC's.
Seconds floor_to(Seconds time, Seconds step) {
  const Seconds rest = time % step;
  return time - (rest < 0 ? rest + step : rest);
}

Seconds seconds_of(Timestamp time) { return time / kSecond - (time % kSecond < 0 ? 1 : 0); }

Timestamp timestamp_of(Seconds time) {
  constexpr Seconds kMost = std::numeric_limits<Timestamp>::max() / kSecond;
  if (time > kMost) return std::numeric_limits<Timestamp>::max();
  if (time < -kMost) return std::numeric_limits<Timestamp>::min();
  return time * kSecond;
}

Seconds month_of(Seconds local, int months_on) {
  using namespace std::chrono;
  const sys_days day{days(floor_to(local, kDaySeconds) / kDaySeconds)};
  const year_month_day date(day);
  const year_month_day first = (date.year() / date.month() + months(months_on)) / 1;
  return Seconds{sys_days(first).time_since_epoch().count()} * kDaySeconds;
}

// A time of day at which a shift begins, or what belongs to none.
struct Change {
  Seconds at = 0;
  std::string name;
};

class ZoneCalendar final : public Calendar {
 public:
  ZoneCalendar(Regimes regimes, std::vector<Change> changes)
      : regimes_(std::move(regimes)), changes_(std::move(changes)) {
    Seconds latest = kBeginning;
    for (std::size_t i = 0; i < regimes_.size(); ++i) {
      if (i > 0) latest = std::max(latest, regimes_[i].from + regimes_[i - 1].east - 1);
      shown_.push_back(latest);
    }
    // Which regime the beginning of each bucket is in: from there it is few steps.
    std::size_t regime = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      const Timestamp begin = static_cast<Timestamp>((static_cast<std::uint64_t>(bucket) << kBucketBits) ^ kSign);
      while (regime + 1 < regimes_.size() && regimes_[regime + 1].from <= seconds_of(begin)) ++regime;
      first_.push_back(static_cast<std::uint16_t>(regime));
    }
  }

  Local local(Timestamp time) const override {
    const Seconds seconds = seconds_of(time);
    const Seconds wall = seconds + regimes_[regime_at(time, seconds)].east;
    const Seconds day = floor_to(wall, kDaySeconds);
    const Seconds of_day = wall - day;
    const Seconds since_monday = day / kDaySeconds + 3;  // 1970-01-01 was a Thursday
    const Nanoseconds fraction = time % kSecond + (time % kSecond < 0 ? kSecond : 0);
    return {static_cast<int>(of_day / kHourSeconds), static_cast<int>(of_day / 60 % 60),
            static_cast<int>(since_monday - floor_to(since_monday, 7)) + 1,
            static_cast<double>(of_day) + static_cast<double>(fraction) / kSecond,
            static_cast<std::int32_t>(day / kDaySeconds)};
  }

  Stretch stretch(Unit unit, Timestamp time) const override {
    const Seconds seconds = seconds_of(time);
    const std::size_t regime = regime_at(time, seconds);
    const Seconds wall = seconds + regimes_[regime].east;
    if (unit == Unit::hour) return hour(regime, wall);
    // The latest that the wall has shown so far: what is repeated when the clock is set back belongs to what it
    // was in before.
    const Seconds latest = std::max(wall, shown_[regime]);
    const Seconds day = floor_to(latest, kDaySeconds);
    switch (unit) {
      case Unit::hour: break;
      case Unit::day: return between(day, day + kDaySeconds);
      case Unit::week: {
        const Seconds monday = floor_to(day + 3 * kDaySeconds, 7 * kDaySeconds) - 3 * kDaySeconds;
        return between(monday, monday + 7 * kDaySeconds);
      }
      case Unit::month: return between(month_of(latest, 0), month_of(latest, 1));
      case Unit::shift: return shift(day, latest - day);
    }
    return between(day, day + kDaySeconds);
  }

 private:
  static constexpr int kBucketBits = 53;  // of nanoseconds: 104 days
  static constexpr std::size_t kBuckets = std::size_t{1} << (64 - kBucketBits);
  static constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

  std::size_t regime_at(Timestamp time, Seconds seconds) const {
    std::size_t at = first_[(static_cast<std::uint64_t>(time) ^ kSign) >> kBucketBits];
    while (at + 1 < regimes_.size() && regimes_[at + 1].from <= seconds) ++at;
    return at;
  }

  // Hours are hours of real time also where the clock is set: the one that comes twice is two.
  Stretch hour(std::size_t regime, Seconds wall) const {
    const Seconds begin = floor_to(wall, kHourSeconds) - regimes_[regime].east;
    const Seconds end = begin + kHourSeconds;
    const bool last = regime + 1 == regimes_.size();
    return {timestamp_of(std::max(begin, regimes_[regime].from)),
            timestamp_of(last ? end : std::min(end, regimes_[regime + 1].from)),
            {}};
  }

  // When the wall first shows `wall`, or has gone beyond.
  Seconds reached(Seconds wall) const {
    // In the last regime before whose beginning it had not.
    const auto after = std::upper_bound(shown_.begin() + 1, shown_.end(), wall,
                                        [](Seconds value, Seconds shown) { return value <= shown; });
    const Regime& regime = regimes_[static_cast<std::size_t>(after - shown_.begin()) - 1];
    return std::max(regime.from, wall - regime.east);
  }

  Stretch between(Seconds begin, Seconds end, std::string_view shift = {}) const {
    return {timestamp_of(reached(begin)), timestamp_of(reached(end)), shift};
  }

  Stretch shift(Seconds day, Seconds of_day) const {
    if (changes_.empty()) return {std::numeric_limits<Timestamp>::min(), std::numeric_limits<Timestamp>::max(), {}};
    const auto next = std::ranges::upper_bound(changes_, of_day, {}, &Change::at);
    const Change& now = next == changes_.begin() ? changes_.back() : *std::prev(next);
    const Seconds begin = day + now.at - (next == changes_.begin() ? kDaySeconds : 0);
    const Seconds end = next == changes_.end() ? day + kDaySeconds + changes_.front().at : day + next->at;
    return between(begin, end, now.name);
  }

  Regimes regimes_;
  std::vector<Seconds> shown_;        // the latest that the wall has shown before each of them
  std::vector<std::uint16_t> first_;  // of each bucket of time
  std::vector<Change> changes_;       // ascending, within a day
};

std::string clock_text(Nanoseconds of_day) {
  const auto two = [](Nanoseconds value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  return two(of_day / kHour) + ":" + two(of_day % kHour / kMinute);
}

Result<std::vector<Change>> changes_of(const std::vector<Shift>& shifts) {
  if (shifts.size() > kMostShifts)
    return fail(std::to_string(shifts.size()) + " shifts", std::to_string(kMostShifts) + " are allowed");
  std::set<std::string> names;
  for (const Shift& shift : shifts) {
    const auto wrong = [&](const std::string& what, std::string hint) {
      return fail("shift '" + shift.name + "' " + what, std::move(hint));
    };
    if (shift.name.empty()) return fail("a shift without a name", "write early: \"06:00-14:00\"");
    if (!names.insert(lower(shift.name)).second) return wrong("stands twice", "give one of them another name");
    for (const Nanoseconds at : {shift.begin, shift.end})
      if (at < 0 || at >= kDay || at % kMinute != 0)
        return wrong("has a time that is none", "times are 00:00 to 23:59");
  }
  std::vector<Change> out;
  for (std::size_t i = 0; i < shifts.size(); ++i) {
    const Shift& shift = shifts[i];
    const Shift& next = shifts[(i + 1) % shifts.size()];
    if (i + 1 < shifts.size() && next.begin <= shift.begin)
      return fail("shift '" + next.name + "' does not begin after '" + shift.name + "'",
                  "write them in the order of the day");
    // As if the day went on behind midnight.
    const Nanoseconds end = shift.end + (shift.end <= shift.begin ? kDay : 0);
    const Nanoseconds next_begin = next.begin + (i + 1 == shifts.size() ? kDay : 0);
    if (end > next_begin)
      return fail("shift '" + shift.name + "' (to " + clock_text(shift.end) + ") overlaps '" + next.name +
                      "' (from " + clock_text(next.begin) + ")",
                  "let one end where the other begins");
    out.push_back({shift.begin / kSecond, shift.name});
    if (end < next_begin) out.push_back({shift.end / kSecond, {}});
  }
  std::ranges::sort(out, {}, &Change::at);
  return out;
}

}  // namespace

Result<std::shared_ptr<const Calendar>> Calendar::make(std::string_view timezone, std::vector<Shift> shifts) {
  auto regimes = read_time_zone(timezone);
  if (!regimes) return std::unexpected(regimes.error());
  auto changes = changes_of(shifts);
  if (!changes) return std::unexpected(changes.error());
  return std::make_shared<const ZoneCalendar>(std::move(*regimes), std::move(*changes));
}

}  // namespace weir::calendar
