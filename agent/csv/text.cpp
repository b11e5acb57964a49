#include "csv/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace weir::csv {
namespace {

constexpr std::size_t kLongestTime = 40;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Nanoseconds unit_of(std::uint64_t count) {
  if (count < 100'000'000'000) return kSecond;
  if (count < 100'000'000'000'000) return kMillisecond;
  if (count < 100'000'000'000'000'000) return kMicrosecond;
  return 1;
}

bool parse_epoch(std::string_view text, Timestamp& out) {
  const bool negative = text.starts_with('-');
  const char* const end = text.data() + text.size();
  std::uint64_t count = 0;
  auto [at, error] = std::from_chars(text.data() + (negative ? 1 : 0), end, count);
  if (error != std::errc{}) return false;
  const Nanoseconds unit = unit_of(count);
  Nanoseconds fraction = 0;
  if (at != end && *at == '.') {
    Nanoseconds place = unit;
    for (++at; at != end && is_digit(*at); ++at) fraction += (place /= 10) * (*at - '0');
  }
  if (at != end) {  // 1.39e9, as some write it
    double value = 0;
    const auto whole = std::from_chars(text.data(), end, value);
    if (whole.ec != std::errc{} || whole.ptr != end || !(std::fabs(value) < 9.2e18)) return false;
    const double nanoseconds = value * static_cast<double>(unit_of(static_cast<std::uint64_t>(std::fabs(value))));
    if (!(std::fabs(nanoseconds) < 9.2e18)) return false;
    out = static_cast<Timestamp>(nanoseconds);
    return true;
  }
  Timestamp time = 0;
  if (__builtin_mul_overflow(count, unit, &time) || __builtin_add_overflow(time, fraction, &time)) return false;
  out = negative ? -time : time;
  return true;
}

// The zone in the one form that parse_iso() knows; empty if it is none.
std::string zone_of(std::string_view text) {
  text = trim(text);
  if (text.empty() || text == "Z" || text == "z" || text == "UTC" || text == "GMT") return "Z";
  if (text[0] != '+' && text[0] != '-') return {};
  const std::string hours(text.substr(0, std::min<std::size_t>(3, text.size())));
  if (text.size() == 3) return hours + ":00";                              // +01
  if (text.size() == 5) return hours + ":" + std::string(text.substr(3));  // +0100
  return std::string(text);
}

bool parse_date_time(std::string_view text, Timestamp& out) {
  constexpr std::size_t kDate = 10, kMinutes = 16, kSeconds = 19;
  std::string iso(text.substr(0, kDate));
  text.remove_prefix(std::min(text.size(), kDate));
  if (text.empty()) {
    iso += "T00:00:00";
  } else {
    iso += text.substr(0, kMinutes - kDate);
    text.remove_prefix(std::min(text.size(), kMinutes - kDate));
    if (text.starts_with(':')) {
      iso += text.substr(0, kSeconds - kMinutes);
      text.remove_prefix(std::min(text.size(), kSeconds - kMinutes));
      if (text.starts_with('.')) {
        std::size_t length = 1;
        while (length < text.size() && is_digit(text[length])) ++length;
        iso += text.substr(0, length);
        text.remove_prefix(length);
      }
    } else {
      iso += ":00";
    }
  }
  const std::string zone = zone_of(text);
  return !zone.empty() && parse_iso(iso + zone, out);
}

}  // namespace

bool parse_time(std::string_view text, Timestamp& out) {
  text = trim(text);
  if (text.empty() || text.size() > kLongestTime) return false;
  const bool date = text.size() >= 10 && text[4] == '-';
  return date ? parse_date_time(text, out) : parse_epoch(text, out);
}

std::string no_time(std::string_view text) {
  constexpr std::size_t kMostShown = 40, kYear = 4;
  const std::string shown = "'" + to_utf8(text, kMostShown) + (text.size() > kMostShown ? "…'" : "'") + " is no time";
  // In another year it would be one.
  std::string moved(trim(text));
  if (moved.size() > kYear && std::all_of(moved.begin(), moved.begin() + kYear, is_digit))
    moved.replace(0, kYear, "2000");
  Timestamp time = 0;
  double count = 0;
  const bool elsewhen = parse_time(moved, time) || (parse_number(text, count) && std::isfinite(count));
  if (!elsewhen || parse_time(text, time)) return shown;
  return shown + " that can be kept: from 1677-09-21 to 2262-04-11";
}

bool parse_number(std::string_view text, double& out) {
  text = trim(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  double value = 0;
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || at != end) return false;
  out = value;
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

}  // namespace weir::csv
