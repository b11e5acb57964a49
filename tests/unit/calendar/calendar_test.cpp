#include "calendar/calendar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <random>

#include "calendar/time_zone.h"

namespace weir::calendar {
namespace {

using ::testing::HasSubstr;

constexpr Timestamp kFirst = std::numeric_limits<Timestamp>::min();
constexpr Timestamp kLast = std::numeric_limits<Timestamp>::max();
constexpr Unit kUnits[] = {Unit::hour, Unit::day, Unit::week, Unit::month, Unit::shift};

Nanoseconds at(int hour, int minute = 0) { return hour * kHour + minute * kMinute; }

std::vector<Shift> three_shifts() {
  return {{"early", at(6), at(14)}, {"late", at(14), at(22)}, {"night", at(22), at(6)}};
}

std::shared_ptr<const Calendar> calendar(std::string_view zone, std::vector<Shift> shifts = three_shifts()) {
  auto made = Calendar::make(zone, std::move(shifts));
  EXPECT_TRUE(made.has_value()) << zone << ": " << (made ? "" : made.error().text());
  return made ? *made : nullptr;
}

std::string refusal(std::string_view zone, std::vector<Shift> shifts = {}) {
  auto made = Calendar::make(zone, std::move(shifts));
  return made ? "it is taken" : made.error().text();
}

Timestamp iso(std::string_view text) {
  Timestamp out = 0;
  EXPECT_TRUE(parse_iso(text, out)) << text;
  return out;
}

// "from to", in UTC.
std::string stretch(const std::shared_ptr<const Calendar>& calendar, Unit unit, std::string_view time) {
  const auto found = calendar->stretch(unit, iso(time));
  return to_iso(found.begin) + " " + to_iso(found.end) + (found.shift.empty() ? "" : " ") + std::string(found.shift);
}

std::string wall(const std::shared_ptr<const Calendar>& calendar, std::string_view time) {
  const Calendar::Local local = calendar->local(iso(time));
  return std::to_string(local.weekday) + " " + std::to_string(local.hour) + ":" + std::to_string(local.minute);
}

TEST(Calendar, KnowsUtc) {
  const auto utc = calendar("UTC");
  EXPECT_EQ(stretch(utc, Unit::hour, "2026-11-21T01:18:39.5Z"), "2026-11-21T01:00:00Z 2026-11-21T02:00:00Z");
  EXPECT_EQ(stretch(utc, Unit::day, "2026-11-21T01:18:39Z"), "2026-11-21T00:00:00Z 2026-11-22T00:00:00Z");
  EXPECT_EQ(stretch(utc, Unit::week, "2026-11-21T01:18:39Z"), "2026-11-16T00:00:00Z 2026-11-23T00:00:00Z");
  EXPECT_EQ(stretch(utc, Unit::week, "2026-11-23T00:00:00Z"), "2026-11-23T00:00:00Z 2026-11-30T00:00:00Z");
  EXPECT_EQ(stretch(utc, Unit::month, "2024-02-29T23:59:59Z"), "2024-02-01T00:00:00Z 2024-03-01T00:00:00Z");
  EXPECT_EQ(stretch(utc, Unit::month, "2026-12-31T00:00:00Z"), "2026-12-01T00:00:00Z 2027-01-01T00:00:00Z");
  EXPECT_EQ(wall(utc, "2026-11-21T01:18:39Z"), "6 1:18");
  EXPECT_EQ(wall(utc, "2026-11-22T23:59:59Z"), "7 23:59");
  EXPECT_EQ(wall(utc, "1969-12-29T00:00:00Z"), "1 0:0");
  EXPECT_DOUBLE_EQ(utc->local(iso("2026-11-21T01:00:00.25Z")).time_of_day, 3600.25);
  EXPECT_DOUBLE_EQ(utc->local(-1).time_of_day, 86400 - 1e-9);
}

TEST(Calendar, ADayHas23HoursWhenTheClockIsSetForward) {
  const auto berlin = calendar("Europe/Berlin");
  EXPECT_EQ(stretch(berlin, Unit::day, "2026-03-29T12:00:00Z"), "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z");
  EXPECT_EQ(wall(berlin, "2026-03-29T00:59:59Z"), "7 1:59");
  EXPECT_EQ(wall(berlin, "2026-03-29T01:00:00Z"), "7 3:0");
  EXPECT_EQ(stretch(berlin, Unit::hour, "2026-03-29T00:30:00Z"), "2026-03-29T00:00:00Z 2026-03-29T01:00:00Z");
  EXPECT_EQ(stretch(berlin, Unit::hour, "2026-03-29T01:30:00Z"), "2026-03-29T01:00:00Z 2026-03-29T02:00:00Z");
  EXPECT_EQ(stretch(berlin, Unit::week, "2026-03-29T12:00:00Z"), "2026-03-22T23:00:00Z 2026-03-29T22:00:00Z");
  EXPECT_EQ(stretch(berlin, Unit::month, "2026-03-29T12:00:00Z"), "2026-02-28T23:00:00Z 2026-03-31T22:00:00Z");
}

TEST(Calendar, ADayHas25HoursWhenTheClockIsSetBack) {
  const auto berlin = calendar("Europe/Berlin");
  EXPECT_EQ(stretch(berlin, Unit::day, "2026-10-25T12:00:00Z"), "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z");
  // The hour that comes twice is two.
  EXPECT_EQ(wall(berlin, "2026-10-25T00:30:00Z"), "7 2:30");
  EXPECT_EQ(wall(berlin, "2026-10-25T01:30:00Z"), "7 2:30");
  EXPECT_EQ(stretch(berlin, Unit::hour, "2026-10-25T00:30:00Z"), "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z");
  EXPECT_EQ(stretch(berlin, Unit::hour, "2026-10-25T01:30:00Z"), "2026-10-25T01:00:00Z 2026-10-25T02:00:00Z");
}

TEST(Calendar, ShiftsGoAcrossMidnightAndAcrossTheChange) {
  const auto berlin = calendar("Europe/Berlin");
  const auto shift = [&](std::string_view time) { return stretch(berlin, Unit::shift, time); };
  EXPECT_EQ(shift("2026-07-01T04:00:00Z"), "2026-07-01T04:00:00Z 2026-07-01T12:00:00Z early");
  EXPECT_EQ(shift("2026-07-01T03:59:59Z"), "2026-06-30T20:00:00Z 2026-07-01T04:00:00Z night");
  EXPECT_EQ(shift("2026-07-01T21:59:59Z"), "2026-07-01T20:00:00Z 2026-07-02T04:00:00Z night");
  EXPECT_EQ(shift("2026-03-28T23:30:00Z"), "2026-03-28T21:00:00Z 2026-03-29T04:00:00Z night");  // 7 hours
  EXPECT_EQ(shift("2026-10-25T01:30:00Z"), "2026-10-24T20:00:00Z 2026-10-25T05:00:00Z night");  // 9 hours
}

TEST(Calendar, TimeBetweenShiftsBelongsToNone) {
  const auto berlin = calendar("Europe/Berlin", {{"day", at(8), at(16, 30)}});
  const auto shift = [&](std::string_view time) { return stretch(berlin, Unit::shift, time); };
  EXPECT_EQ(shift("2026-01-05T10:00:00Z"), "2026-01-05T07:00:00Z 2026-01-05T15:30:00Z day");
  EXPECT_EQ(shift("2026-01-05T15:30:00Z"), "2026-01-05T15:30:00Z 2026-01-06T07:00:00Z");
  EXPECT_EQ(shift("2026-01-06T06:59:59Z"), "2026-01-05T15:30:00Z 2026-01-06T07:00:00Z");
  const auto whole = calendar("UTC", {{"all", at(6), at(6)}});
  EXPECT_EQ(stretch(whole, Unit::shift, "2026-01-05T05:00:00Z"), "2026-01-04T06:00:00Z 2026-01-05T06:00:00Z all");
  const auto none = calendar("UTC", {})->stretch(Unit::shift, 0);
  EXPECT_EQ(none.begin, kFirst);
  EXPECT_EQ(none.end, kLast);
}

// What begins within the hour that is left out is empty; what begins in the one that comes twice begins once.
TEST(Calendar, ShiftsThatBeginWithinTheChange) {
  const auto berlin = calendar("Europe/Berlin", {{"a", at(2), at(2, 30)}, {"b", at(2, 30), at(2)}});
  const auto shift = [&](std::string_view time) { return stretch(berlin, Unit::shift, time); };
  EXPECT_EQ(shift("2026-03-29T00:59:59Z"), "2026-03-28T01:30:00Z 2026-03-29T01:00:00Z b");
  EXPECT_EQ(shift("2026-03-29T01:00:00Z"), "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z b");
  EXPECT_EQ(shift("2026-10-25T00:15:00Z"), "2026-10-25T00:00:00Z 2026-10-25T00:30:00Z a");
  EXPECT_EQ(shift("2026-10-25T01:15:00Z"), "2026-10-25T00:30:00Z 2026-10-26T01:00:00Z b");
}

TEST(Calendar, KnowsHalfHours) {
  const auto lord_howe = calendar("Australia/Lord_Howe");  // daylight saving of 30 minutes
  EXPECT_EQ(stretch(lord_howe, Unit::day, "2026-10-03T20:00:00Z"), "2026-10-03T13:30:00Z 2026-10-04T13:00:00Z");
  EXPECT_EQ(stretch(lord_howe, Unit::day, "2026-04-04T20:00:00Z"), "2026-04-04T13:00:00Z 2026-04-05T13:30:00Z");
  EXPECT_EQ(stretch(lord_howe, Unit::hour, "2026-04-04T14:45:00Z"), "2026-04-04T14:00:00Z 2026-04-04T15:00:00Z");
  // From 2:00 back to 1:30.
  EXPECT_EQ(stretch(lord_howe, Unit::hour, "2026-04-04T15:15:00Z"), "2026-04-04T15:00:00Z 2026-04-04T15:30:00Z");
  const auto st_johns = calendar("America/St_Johns");  // UTC-3:30
  EXPECT_EQ(stretch(st_johns, Unit::hour, "2026-01-05T10:00:00Z"), "2026-01-05T09:30:00Z 2026-01-05T10:30:00Z");
  EXPECT_EQ(stretch(st_johns, Unit::day, "2026-01-05T10:00:00Z"), "2026-01-05T03:30:00Z 2026-01-06T03:30:00Z");
  EXPECT_EQ(wall(st_johns, "2026-01-05T10:00:00Z"), "1 6:30");
}

TEST(Calendar, KnowsThatADayWasLeftOut) {
  const auto apia = calendar("Pacific/Apia");  // there was no 30th of December 2011
  EXPECT_EQ(wall(apia, "2011-12-30T09:59:59Z"), "4 23:59");
  EXPECT_EQ(wall(apia, "2011-12-30T10:00:00Z"), "6 0:0");
  EXPECT_EQ(stretch(apia, Unit::day, "2011-12-30T09:00:00Z"), "2011-12-29T10:00:00Z 2011-12-30T10:00:00Z");
  EXPECT_EQ(stretch(apia, Unit::day, "2011-12-30T10:00:00Z"), "2011-12-30T10:00:00Z 2011-12-31T10:00:00Z");
  EXPECT_EQ(stretch(apia, Unit::week, "2011-12-30T10:00:00Z"), "2011-12-26T10:00:00Z 2012-01-01T10:00:00Z");
}

TEST(Calendar, ADayBeginsWhereItsMidnightIsLeftOut) {
  const auto cairo = calendar("Africa/Cairo");  // from 0:00 to 1:00, on 2024-04-26
  EXPECT_EQ(stretch(cairo, Unit::day, "2024-04-26T10:00:00Z"), "2024-04-25T22:00:00Z 2024-04-26T21:00:00Z");
  const auto havana = calendar("America/Havana");  // from 1:00 back to 0:00: midnight comes twice, the day once
  EXPECT_EQ(stretch(havana, Unit::day, "2026-11-01T05:30:00Z"), "2026-11-01T04:00:00Z 2026-11-02T05:00:00Z");
  EXPECT_EQ(stretch(havana, Unit::day, "2026-11-01T04:30:00Z"), "2026-11-01T04:00:00Z 2026-11-02T05:00:00Z");
}

// The files list changes up to 2037; then there is a rule.
TEST(Calendar, GoesOnBehindTheListedChanges) {
  const auto berlin = calendar("Europe/Berlin");
  EXPECT_EQ(wall(berlin, "2050-07-01T10:00:00Z"), "5 12:0");
  EXPECT_EQ(wall(berlin, "2050-01-01T10:00:00Z"), "6 11:0");
  EXPECT_EQ(stretch(berlin, Unit::day, "2100-10-31T12:00:00Z"), "2100-10-30T22:00:00Z 2100-10-31T23:00:00Z");
}

class SetTimeZone {
 public:
  explicit SetTimeZone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  ~SetTimeZone() {
    ::unsetenv("TZ");
    ::tzset();
  }
};

constexpr const char* kZones[] = {"Europe/Berlin",     "America/New_York", "Australia/Lord_Howe", "America/St_Johns",
                                  "Pacific/Apia",      "Africa/Cairo",     "America/Havana",      "Asia/Kolkata",
                                  "Africa/Casablanca", "Europe/Dublin",    "Asia/Gaza",           "America/Santiago",
                                  "Antarctica/Troll",  "America/Godthab",  "Pacific/Kwajalein",   "America/Juneau",
                                  "Asia/Manila",       "EST5EDT",          "Etc/GMT+12",          "UTC"};

// Times with a preference for those near a change of the clock.
Timestamp some_time(std::mt19937_64& random, const Regimes& regimes) {
  if (random() % 4 == 0) return static_cast<Timestamp>(random());
  const Seconds from = regimes[random() % regimes.size()].from;
  if (std::abs(from) > kLast / kSecond - 1'000'000)
    return kFirst + static_cast<Timestamp>(random() % 1'000'000'000'000);
  const auto off = static_cast<Nanoseconds>(random() % (6 * kDay)) - 3 * kDay;
  return from * kSecond + (random() % 3 == 0 ? off / 1'000'000 : off);
}

TEST(Calendar, AgreesWithTheLibraryOfC) {
  std::mt19937_64 random(11);
  for (const char* zone : kZones) {
    const auto regimes = read_time_zone(zone);
    ASSERT_TRUE(regimes) << zone;
    const auto ours = calendar(zone);
    const SetTimeZone set(zone);
    for (int i = 0; i < 3'000; ++i) {
      const Timestamp time = some_time(random, *regimes);
      // In January 1970 and before, the files list local mean time; glibc reads the same.
      const std::time_t seconds = time / kSecond - (time % kSecond < 0 ? 1 : 0);
      std::tm theirs{};
      ::localtime_r(&seconds, &theirs);
      const Calendar::Local local = ours->local(time);
      ASSERT_EQ(local.hour, theirs.tm_hour) << zone << " " << to_iso(time);
      ASSERT_EQ(local.minute, theirs.tm_min) << zone << " " << to_iso(time);
      ASSERT_EQ(local.weekday, theirs.tm_wday == 0 ? 7 : theirs.tm_wday) << zone << " " << to_iso(time);
    }
  }
}

// Stretches touch and ascend: every time is in exactly one.
TEST(Calendar, EveryTimeIsInOneStretch) {
  std::mt19937_64 random(12);
  for (const char* zone : kZones) {
    const auto regimes = read_time_zone(zone);
    ASSERT_TRUE(regimes) << zone;
    const auto ours =
        calendar(zone, {{"a", at(0, 30), at(2, 30)}, {"b", at(2, 30), at(13)}, {"c", at(20), at(0, 10)}});
    for (int i = 0; i < 2'000; ++i) {
      const Timestamp time = some_time(random, *regimes);
      for (const Unit unit : kUnits) {
        const auto where = [&] {
          return std::string(zone) + " " + std::to_string(static_cast<int>(unit)) + " " + to_iso(time);
        };
        const auto found = ours->stretch(unit, time);
        ASSERT_LE(found.begin, time) << where();
        ASSERT_LT(time, found.end) << where();
        const auto same = [&](Timestamp other) {
          const auto again = ours->stretch(unit, other);
          return again.begin == found.begin && again.end == found.end && again.shift == found.shift;
        };
        ASSERT_TRUE(same(found.begin)) << where();
        ASSERT_TRUE(same(found.end - 1)) << where();
        if (found.end != kLast) {
          ASSERT_EQ(ours->stretch(unit, found.end).begin, found.end) << where();
        }
        if (found.begin != kFirst) {
          ASSERT_EQ(ours->stretch(unit, found.begin - 1).end, found.begin) << where();
        }
        if (unit == Unit::hour) {
          ASSERT_LE(found.end - found.begin, kHour) << where();
        }
      }
    }
  }
}

TEST(Calendar, TakesAnyTime) {
  for (const char* zone : kZones)
    for (const Timestamp time : {kFirst, kFirst + 1, Timestamp{0}, kLast - 1, kLast})
      for (const Unit unit : kUnits) {
        const auto ours = calendar(zone);
        const auto found = ours->stretch(unit, time);
        EXPECT_LE(found.begin, time);
        EXPECT_LE(time, found.end);
        EXPECT_LE(ours->local(time).time_of_day, 86'400);
      }
}

TEST(Calendar, SaysWhatIsWrong) {
  EXPECT_THAT(refusal("Europe/Berln"), HasSubstr("did you mean 'Europe/Berlin'"));
  EXPECT_THAT(refusal("Berlin"), HasSubstr("Europe/Berlin"));
  EXPECT_THAT(refusal("../../etc/passwd"), HasSubstr("is no time zone"));
  EXPECT_THAT(refusal("/etc/localtime"), HasSubstr("is no time zone"));
  EXPECT_THAT(refusal(""), HasSubstr("is no time zone"));
  EXPECT_THAT(refusal("Europe"), HasSubstr("knows no time zone 'Europe'"));
  EXPECT_THAT(refusal("tzdata.zi"), HasSubstr("is no time zone"));
  EXPECT_THAT(refusal("zone1970_tab"), HasSubstr("knows no time zone"));
  EXPECT_THAT(refusal("right/Europe/Berlin"), HasSubstr("leap seconds"));
  EXPECT_THAT(refusal("UTC", {{"a", at(6), at(14)}, {"b", at(13), at(22)}}),
              HasSubstr("'a' (to 14:00) overlaps 'b' (from 13:00)"));
  EXPECT_THAT(refusal("UTC", {{"a", at(6), at(14)}, {"b", at(20), at(7)}}), HasSubstr("'b' (to 07:00) overlaps 'a'"));
  EXPECT_THAT(refusal("UTC", {{"a", at(6), at(6)}, {"b", at(20), at(21)}}), HasSubstr("overlaps"));
  EXPECT_THAT(refusal("UTC", {{"a", at(6), at(7)}, {"A", at(20), at(21)}}), HasSubstr("stands twice"));
  EXPECT_THAT(refusal("UTC", {{"a", at(6), at(7)}, {"b", at(5), at(6)}}), HasSubstr("does not begin after"));
  EXPECT_THAT(refusal("UTC", {{"a", at(24), at(7)}}), HasSubstr("a time that is none"));
  EXPECT_THAT(refusal("UTC", {{"", at(6), at(7)}}), HasSubstr("without a name"));
  EXPECT_THAT(refusal("UTC", std::vector<Shift>(49, Shift{"a", 0, 0})), HasSubstr("48 are allowed"));
}

std::string content_of(const char* zone) {
  std::string path = std::string("/usr/share/zoneinfo/") + zone;
  std::string out;
  if (std::FILE* file = std::fopen(path.c_str(), "rb")) {
    char buffer[4'096];
    for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) out.append(buffer, n);
    std::fclose(file);
  }
  return out;
}

TEST(Tzif, EveryPrefixOfAFileIsRefused) {
  const std::string whole = content_of("America/Juneau");
  ASSERT_TRUE(read_tzif(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_FALSE(read_tzif(std::string_view(whole).substr(0, size)));
}

TEST(Tzif, SurvivesAnyBytes) {
  std::mt19937 random(13);
  const std::string whole = content_of("Europe/Berlin");
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole;
    for (int n = 0; n <= i % 4; ++n) {
      // Mostly in what is structure.
      const std::size_t end = bytes.size();
      const std::size_t at_byte =
          random() % 3 == 0 ? end - 1 - random() % 40 : random() % (random() % 2 == 0 ? 64 : end);
      bytes[at_byte] = static_cast<char>(random());
    }
    const auto regimes = read_tzif(bytes);
    if (!regimes) continue;
    ASSERT_FALSE(regimes->empty());
    for (std::size_t k = 1; k < regimes->size(); ++k) ASSERT_LT((*regimes)[k - 1].from, (*regimes)[k].from);
  }
}

// As `zic -b slim` writes them: nothing is listed that the rule says.
TEST(Tzif, ReadsARuleAlone) {
  const auto file = [](const std::string& rule, std::int32_t east) {
    const auto number = [](std::uint32_t value) {
      return std::string{static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                         static_cast<char>(value >> 8), static_cast<char>(value)};
    };
    const auto header = [&](std::uint32_t types, std::uint32_t chars) {
      return "TZif2" + std::string(15, '\0') + number(0) + number(0) + number(0) + number(0) + number(types) +
             number(chars);
    };
    return header(1, 1) + number(0) + std::string(2, '\0') + std::string(1, '\0') + header(1, 4) +
           number(static_cast<std::uint32_t>(east)) + std::string(2, '\0') + std::string("LMT\0", 4) + "\n" + rule +
           "\n";
  };
  const auto east_at = [](const Result<Regimes>& regimes, std::string_view time) {
    std::int32_t east = 0;
    for (const Regime& regime : *regimes)
      if (regime.from <= iso(time) / kSecond) east = regime.east;
    return east;
  };
  const auto new_york = read_tzif(file("EST5EDT,M3.2.0,M11.1.0", -18'000));
  ASSERT_TRUE(new_york) << new_york.error().text();
  EXPECT_EQ(east_at(new_york, "2026-03-08T06:59:59Z"), -18'000);
  EXPECT_EQ(east_at(new_york, "2026-03-08T07:00:00Z"), -14'400);
  EXPECT_EQ(east_at(new_york, "2026-11-01T05:59:59Z"), -14'400);
  EXPECT_EQ(east_at(new_york, "2026-11-01T06:00:00Z"), -18'000);
  // Days of the year: J60 is the first of March always, 59 only in years without a 29th of February.
  const auto days = read_tzif(file("<+01>-1<+02>,J60/0,300/-1", 3'600));
  ASSERT_TRUE(days) << days.error().text();
  EXPECT_EQ(east_at(days, "2024-02-29T22:59:59Z"), 3'600);
  EXPECT_EQ(east_at(days, "2024-02-29T23:00:00Z"), 7'200);
  EXPECT_EQ(east_at(days, "2025-02-28T23:00:00Z"), 7'200);
  EXPECT_EQ(east_at(days, "2025-10-27T20:59:59Z"), 7'200);  // day 300 is the 28th; an hour before its midnight
  EXPECT_EQ(east_at(days, "2025-10-27T21:00:00Z"), 3'600);
  for (const char* rule :
       {"EST", "5EDT", "EST5EDT", "EST5EDT,M13.1.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0",
        "EST25", "EST5EDT,M3.2.0", "EST5EDT,M3.2.0,M11.1.0x", "<EST5", "EST5EDT,M3.2.0/168,M11.1.0"})
    EXPECT_FALSE(read_tzif(file(rule, -18'000))) << rule;
}

}  // namespace
}  // namespace weir::calendar
