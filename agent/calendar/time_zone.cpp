#include "calendar/time_zone.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/text.h"

namespace weir::calendar {
namespace {

constexpr const char* kFolder = "/usr/share/zoneinfo";
constexpr std::size_t kMostBytes = 64 << 10;
constexpr std::uint32_t kMostChanges = 4'096;
constexpr int kFirstYear = 1677, kLastYear = 2262;
constexpr Seconds kDaySeconds = 86'400;

std::unexpected<Error> damaged(const char* how) { return fail(std::string("no proper TZif file: ") + how); }

// Reads big-endian numbers; beyond the end there are zeros, and good() is false.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  std::int64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<unsigned char>(c);
    if (size == 4) return static_cast<std::int32_t>(value);
    return static_cast<std::int64_t>(value);
  }
  std::string_view take(std::size_t size) {
    good_ = good_ && size <= bytes_.size();
    const std::string_view out = bytes_.substr(0, good_ ? size : 0);
    bytes_.remove_prefix(out.size());
    return out;
  }
  std::string_view rest() const { return bytes_; }
  bool good() const { return good_; }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

struct Header {
  std::uint32_t is_ut, is_std, leaps, times, types, chars;
  std::size_t size(std::size_t time) const {
    return times * (time + 1) + types * 6 + chars + leaps * (time + 4) + is_std + is_ut;
  }
};

Result<Header> read_header(Cursor& in) {
  if (in.take(4) != "TZif") return damaged("it does not begin with TZif");
  const std::string_view version = in.take(16);
  if (!in.good() || version.front() < '2') return damaged("it is of version 1");
  const auto count = [&] { return static_cast<std::uint32_t>(in.number(4)); };
  Header out{};
  out.is_ut = count();
  out.is_std = count();
  out.leaps = count();
  out.times = count();
  out.types = count();
  out.chars = count();
  if (!in.good() || std::max({out.is_ut, out.is_std, out.leaps, out.times, out.types, out.chars}) > kMostChanges)
    return damaged("its header is wrong");
  return out;
}

// "CET-1CEST,M3.5.0,M10.5.0/3": POSIX's TZ, with RFC 8536's hours beyond 24.
class Rule {
 public:
  static std::optional<Rule> parse(std::string_view text) {
    Rule out(text);
    return out.read() && out.text_.empty() ? std::optional(out) : std::nullopt;
  }

  // The changes of a year, ascending.
  void changes(int year, Regimes& out) const {
    if (!saves_) return;
    Regime begin{begin_.in(year)-standard_, saving_};
    Regime end{end_.in(year)-saving_, standard_};
    if (end.from < begin.from) std::swap(begin, end);
    out.push_back(begin);
    out.push_back(end);
  }
  std::int32_t standard() const { return standard_; }
  bool saves() const { return saves_; }

 private:
  struct Day {
    enum class Form { week, julian, zero } form = Form::week;  // M3.5.0, J60, 59
    int month = 0, week = 0, day = 0;
    Seconds time = 7'200;

    Seconds in(int year) const {
      using namespace std::chrono;
      const std::chrono::year y(year);
      sys_days date;
      if (form == Form::week) {
        const year_month ym = y / static_cast<unsigned>(month);
        const weekday wd(static_cast<unsigned>(day));
        date = week == 5 ? sys_days(ym / wd[last]) : sys_days(ym / wd[static_cast<unsigned>(week)]);
      } else {
        // J60 is the first of March in every year.
        const bool skips = form == Form::julian && y.is_leap() && day >= 60;
        date = sys_days(y / January / 1) + days(form == Form::julian ? day - 1 + (skips ? 1 : 0) : day);
      }
      return Seconds{date.time_since_epoch().count()} * kDaySeconds + time;
    }
  };

  explicit Rule(std::string_view text) : text_(text) {}

  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool number(int& out, int least, int most) {
    std::size_t digits = 0;
    for (out = 0; digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9' && digits < 4; ++digits)
      out = out * 10 + (text_[digits] - '0');
    text_.remove_prefix(digits);
    return digits > 0 && out >= least && out <= most;
  }
  bool name() {
    const bool quoted = take('<');
    const std::size_t end = quoted ? text_.find('>') : text_.find_first_of("+-0123456789,");
    const std::string_view found = text_.substr(0, end);
    if (found.size() < 3 || found.size() > 16 || (quoted && end == std::string_view::npos)) return false;
    text_.remove_prefix(found.size());
    return !quoted || take('>');
  }
  bool time(Seconds& out, int most_hours) {
    const bool negative = take('-');
    if (!negative) take('+');
    int hours = 0, minutes = 0, seconds = 0;
    if (!number(hours, 0, most_hours)) return false;
    if (take(':') && !number(minutes, 0, 59)) return false;
    if (take(':') && !number(seconds, 0, 59)) return false;
    out = (negative ? -1 : 1) * Seconds{hours * 3'600 + minutes * 60 + seconds};
    return true;
  }
  bool offset(std::int32_t& east) {
    Seconds west = 0;
    if (!time(west, 24)) return false;
    east = static_cast<std::int32_t>(-west);
    return true;
  }
  bool day(Day& out) {
    if (!take(',')) return false;
    if (take('M')) {
      if (!number(out.month, 1, 12) || !take('.') || !number(out.week, 1, 5) || !take('.') || !number(out.day, 0, 6))
        return false;
    } else if (take('J')) {
      out.form = Day::Form::julian;
      if (!number(out.day, 1, 365)) return false;
    } else {
      out.form = Day::Form::zero;
      if (!number(out.day, 0, 365)) return false;
    }
    return !take('/') || time(out.time, 167);
  }
  bool read() {
    if (!name() || !offset(standard_)) return false;
    if (text_.empty()) return true;
    saves_ = true;
    saving_ = standard_ + 3'600;
    if (!name()) return false;
    if (!text_.empty() && text_.front() != ',' && !offset(saving_)) return false;
    return day(begin_) && day(end_);
  }

  std::string_view text_;
  std::int32_t standard_ = 0, saving_ = 0;
  bool saves_ = false;
  Day begin_, end_;
};

void append(Regimes& regimes, Regime next) {
  if (next.from <= regimes.back().from) return;
  if (next.east != regimes.back().east) regimes.push_back(next);
}

int year_of(Seconds time) {
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(time)));
  return static_cast<int>(std::chrono::year_month_day(days).year());
}

bool is_plain(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != '/' && name.find("..") == std::string_view::npos &&
         std::ranges::all_of(name, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '/' ||
                  c == '_' || c == '+' || c == '-';
         });
}

std::string similar(std::string_view name) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator at(kFolder, error); !error && at != fs::recursive_directory_iterator();
       at.increment(error)) {
    const std::string found = at->path().lexically_relative(kFolder).string();
    if (found == "posix" || found == "right") at.disable_recursion_pending();
    else if (at->is_regular_file(error) && found.find('.') == std::string::npos) names.push_back(found);
    if (names.size() > 10'000) break;
  }
  if (names.empty()) return "the box has no time zones: apt install tzdata";
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::string hint = did_you_mean(name, views);
  // "Berlin": the city alone.
  if (hint.empty())
    for (const std::string& candidate : names)
      if (lower(candidate).ends_with("/" + lower(name))) return "write " + candidate;
  return hint.empty() ? "write Europe/Berlin, or UTC; timedatectl list-timezones has them all" : hint;
}

}  // namespace

Result<Regimes> read_tzif(std::string_view content) {
  Cursor in(content);
  // The first block is for readers of version 1.
  auto header = read_header(in);
  if (!header) return std::unexpected(header.error());
  in.take(header->size(4));
  header = read_header(in);
  if (!header) return std::unexpected(header.error());
  if (header->leaps != 0) return damaged("it counts leap seconds; take the zone of the same name without right/");

  std::vector<Seconds> times(header->times);
  for (Seconds& time : times) time = in.number(8);
  const std::string_view types = in.take(header->times);
  std::vector<std::int32_t> offsets(header->types);
  for (std::int32_t& offset : offsets) {
    offset = static_cast<std::int32_t>(in.number(4));
    in.take(2);
  }
  in.take(header->chars + header->is_std + header->is_ut);
  if (!in.good() || offsets.empty()) return damaged("it ends too early");
  if (std::ranges::any_of(offsets, [](std::int32_t east) { return east < -26 * 3'600 || east > 26 * 3'600; }))
    return damaged("an offset of more than 26 hours");

  Regimes out{{kBeginning, offsets.front()}};
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto type = static_cast<unsigned char>(types[i]);
    if (type >= offsets.size()) return damaged("it names a type that it does not have");
    if (i > 0 && times[i] <= times[i - 1]) return damaged("its changes are not in order");
    append(out, {times[i], offsets[type]});
  }

  std::string_view footer = in.rest();
  if (footer.size() < 2 || !footer.starts_with('\n') || !footer.ends_with('\n'))
    return damaged("it has no last line");
  footer = footer.substr(1, footer.size() - 2);
  if (footer.empty()) return out;
  const auto rule = Rule::parse(footer);
  if (!rule) return damaged("its rule for the future cannot be read");
  const Seconds listed = times.empty() ? kBeginning : times.back();
  if (!rule->saves()) {
    if (times.empty()) out.front().east = rule->standard();
    return out;
  }
  Regimes changes;
  for (int year = times.empty() ? kFirstYear : std::clamp(year_of(listed), kFirstYear, kLastYear); year <= kLastYear;
       ++year)
    rule->changes(year, changes);
  for (const Regime& change : changes)
    if (change.from > listed) append(out, change);
  return out;
}

Result<Regimes> read_time_zone(std::string_view name) {
  if (name == "UTC") return Regimes{{kBeginning, 0}};
  if (!is_plain(name)) return fail("'" + to_utf8(name, 64) + "' is no time zone", "write Europe/Berlin, or UTC");
  const auto content = read_file(std::filesystem::path(kFolder) / name, kMostBytes);
  if (!content) return fail("the box knows no time zone '" + std::string(name) + "'", similar(name));
  auto regimes = read_tzif(*content);
  if (!regimes) return context("time zone '" + std::string(name) + "'", regimes.error());
  return regimes;
}

}  // namespace weir::calendar
