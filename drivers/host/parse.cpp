#include "driver_host/parse.h"

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace weir::driver_host {
namespace {

constexpr std::size_t kMostThings = 256;  // of one sort: a machine with more is not a box at the edge

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

template <class Number>
std::optional<Number> whole(std::string_view text) {
  text = trimmed(text);
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// Numbers of the words from `first` on; false if one of `count` is missing or none.
template <std::size_t count>
bool numbers(const std::vector<std::string_view>& line, std::size_t first, std::array<std::uint64_t, count>& out) {
  if (line.size() < first + count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = whole<std::uint64_t>(line[first + i]);
    if (!number) return false;
    out[i] = *number;
  }
  return true;
}

// "\040" for a blank, as getmntent(3) has it.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace

std::optional<std::int64_t> parse_number(std::string_view text) { return whole<std::int64_t>(text); }

std::optional<double> parse_decimal(std::string_view text) {
  const auto out = whole<double>(text);
  return out && std::isfinite(*out) ? out : std::nullopt;
}

std::vector<std::string_view> words(std::string_view line, std::size_t most) {
  std::vector<std::string_view> out;
  while (out.size() < most) {
    line = trimmed(line);
    if (line.empty()) break;
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return out;
}

std::uint64_t CpuTimes::total() const {
  std::uint64_t out = 0;
  for (const std::uint64_t each : ticks) out += each;
  return out;
}

std::optional<CpuTimes> parse_stat(std::string_view text) {
  const auto line = words(text.substr(0, text.find('\n')));
  CpuTimes out;
  if (line.empty() || line[0] != "cpu" || !numbers(line, 1, out.ticks)) return std::nullopt;
  return out;
}

std::map<std::string, std::int64_t, std::less<>> parse_meminfo(std::string_view text) {
  std::map<std::string, std::int64_t, std::less<>> out;
  for (const std::string_view line : split(text, '\n')) {
    const auto parts = words(line);
    if (parts.size() < 2 || !parts[0].ends_with(':') || out.size() >= kMostThings) continue;
    const auto number = parse_number(parts[1]);
    std::int64_t bytes = 0;
    if (!number || *number < 0 || __builtin_mul_overflow(*number, 1024, &bytes)) continue;
    out.emplace(parts[0].substr(0, parts[0].size() - 1), bytes);
  }
  return out;
}

std::map<std::string, DiskIo, std::less<>> parse_diskstats(std::string_view text) {
  std::map<std::string, DiskIo, std::less<>> out;
  for (const std::string_view line : split(text, '\n')) {
    const auto parts = words(line);
    std::array<std::uint64_t, 10> columns{};
    if (parts.size() < 3 || !numbers(parts, 3, columns) || out.size() >= kMostThings) continue;
    constexpr std::uint64_t kSector = 512;
    out.emplace(parts[2], DiskIo{columns[2] * kSector, columns[6] * kSector, columns[9]});
  }
  return out;
}

std::map<std::string, NetIo, std::less<>> parse_net_dev(std::string_view text) {
  std::map<std::string, NetIo, std::less<>> out;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || out.size() >= kMostThings) continue;
    std::array<std::uint64_t, 16> columns{};
    if (!numbers(words(line.substr(colon + 1)), 0, columns)) continue;
    out.emplace(trimmed(line.substr(0, colon)), NetIo{columns[0], columns[8], columns[2], columns[10]});
  }
  return out;
}

std::vector<Mount> parse_mounts(std::string_view text) {
  std::vector<Mount> out;
  for (const std::string_view line : split(text, '\n')) {
    const auto parts = words(line);
    if (parts.size() >= 3 && out.size() < kMostThings)
      out.push_back({unescaped(parts[0]), unescaped(parts[1]), std::string(parts[2])});
  }
  return out;
}

std::string level_name(std::string_view text) {
  if (text == "/") return "root";
  while (text.starts_with('/')) text.remove_prefix(1);
  std::string out = to_utf8(text, 64);
  for (char& c : out)
    if (std::string_view("/+#{} ").find(c) != std::string_view::npos || static_cast<unsigned char>(c) < 0x20 ||
        c == 0x7F)
      c = '_';
  return out.empty() ? "unnamed" : out;
}

}  // namespace weir::driver_host
