#include "base/clock.h"

#include <sys/timex.h>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

namespace weir {
namespace {

Nanoseconds read(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

constexpr std::array<std::pair<std::string_view, Nanoseconds>, 8> kUnits{{
    {"w", 7 * kDay},
    {"d", kDay},
    {"h", kHour},
    {"m", kMinute},
    {"s", kSecond},
    {"ms", kMillisecond},
    {"us", kMicrosecond},
    {"ns", 1},
}};

// Days since 1970-01-01 of a Gregorian date, after H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
std::int64_t days_from_civil(std::int64_t y, unsigned m, unsigned d) {
  return std::chrono::sys_days(std::chrono::year(static_cast<int>(y)) / std::chrono::month(m) / std::chrono::day(d))
      .time_since_epoch()
      .count();
}

bool digits(std::string_view text, std::size_t at, std::size_t count, int& out) {
  if (at + count > text.size()) return false;
  for (std::size_t i = at; i < at + count; ++i)
    if (text[i] < '0' || text[i] > '9') return false;
  std::from_chars(text.data() + at, text.data() + at + count, out);
  return true;
}

}  // namespace

Timestamp SystemClock::now() const { return read(CLOCK_REALTIME); }
Nanoseconds SystemClock::boottime() const { return read(CLOCK_BOOTTIME); }

bool SystemClock::synced() const {
  timex t{};
  return adjtimex(&t) != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
}

std::string to_iso(Timestamp time) {
  Timestamp seconds = time / kSecond;
  Nanoseconds fraction = time % kSecond;
  if (fraction < 0) {
    fraction += kSecond;
    --seconds;
  }
  const auto at = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&at, &utc);
  char text[64];
  int length = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", utc.tm_year + 1900, utc.tm_mon + 1,
                             utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  std::string out(text, static_cast<std::size_t>(length));
  if (fraction != 0) {
    length = std::snprintf(text, sizeof text, ".%09lld", static_cast<long long>(fraction));
    std::string_view digits_of(text, static_cast<std::size_t>(length));
    while (digits_of.ends_with('0')) digits_of.remove_suffix(1);
    out += digits_of;
  }
  return out + "Z";
}

std::string to_text(std::chrono::nanoseconds duration) {
  Nanoseconds left = duration.count();
  if (left == 0) return "0s";
  std::string out;
  // Through unsigned, so that the least of all durations has a text, too.
  auto magnitude = static_cast<std::uint64_t>(left);
  if (left < 0) {
    out = "-";
    magnitude = 0 - magnitude;
  }
  for (const auto& [name, size] : kUnits) {
    if (name == "w") continue;
    const auto unit = static_cast<std::uint64_t>(size);
    if (magnitude >= unit) {
      out += std::to_string(magnitude / unit);
      out += name;
      magnitude %= unit;
    }
  }
  return out;
}

bool parse_duration(std::string_view text, Nanoseconds& out) {
  if (text.empty()) return false;
  Nanoseconds total = 0;
  while (!text.empty()) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || text.front() == '-') return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const std::string_view unit = text.substr(0, letters);
    text.remove_prefix(letters);
    Nanoseconds size = 0;
    for (const auto& [name, length] : kUnits)
      if (name == unit) size = length;
    Nanoseconds part = 0;
    if (size == 0 || __builtin_mul_overflow(count, size, &part) || __builtin_add_overflow(total, part, &total))
      return false;
  }
  out = total;
  return true;
}

bool parse_iso(std::string_view text, Timestamp& out) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!digits(text, 0, 4, year) || !digits(text, 5, 2, month) || !digits(text, 8, 2, day) ||
      !digits(text, 11, 2, hour) || !digits(text, 14, 2, minute) || !digits(text, 17, 2, second))
    return false;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':')
    return false;
  if (!(std::chrono::year(year) / month / day).ok() || hour > 23 || minute > 59 || second > 60) return false;
  text.remove_prefix(19);
  Nanoseconds fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    Nanoseconds place = kSecond / 10;
    std::size_t read = 0;
    while (read < text.size() && text[read] >= '0' && text[read] <= '9') {
      fraction += place * (text[read] - '0');
      place /= 10;
      ++read;
    }
    if (read == 0) return false;
    text.remove_prefix(read);
  }
  int offset_minutes = 0;
  if (text != "Z") {
    int hours = 0, minutes = 0;
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || !digits(text, 1, 2, hours) || text[3] != ':' ||
        !digits(text, 4, 2, minutes) || hours > 23 || minutes > 59)
      return false;
    offset_minutes = (hours * 60 + minutes) * (text[0] == '-' ? -1 : 1);
  }
  const std::int64_t days = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  const std::int64_t seconds = days * 86'400 + hour * 3'600 + minute * 60 + second - offset_minutes * 60;
  Timestamp time = 0;
  if (__builtin_mul_overflow(seconds, kSecond, &time) || __builtin_add_overflow(time, fraction, &time)) return false;
  out = time;
  return true;
}

}  // namespace weir
