#include "supervisor/output_log.h"

namespace weir::supervisor {
namespace {

bool has_priority(std::string_view line) {
  return line.size() >= 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>';
}

spdlog::level::level_enum level_of(std::string_view line) {
  if (!has_priority(line)) return spdlog::level::info;
  if (line[1] <= '3') return spdlog::level::err;
  if (line[1] == '4') return spdlog::level::warn;
  return line[1] == '7' ? spdlog::level::debug : spdlog::level::info;
}

// Lines that differ in numbers alone are like each other.
std::string likeness(std::string_view line) {
  std::string out;
  for (const char c : line.substr(0, 200)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit || !out.ends_with('#')) out += digit ? '#' : c;
  }
  return out;
}

}  // namespace

std::string_view OutputLog::text_of(std::string_view line) { return has_priority(line) ? line.substr(3) : line; }

void OutputLog::add(std::string_view line) {
  const spdlog::level::level_enum level = level_of(line);
  const std::string_view text = text_of(line);
  if (text.empty() || !spdlog::should_log(level)) return;
  if (clock_.boottime() - period_began_ >= kPeriod) {
    flush();
    period_began_ = clock_.boottime();
  }
  std::uint64_t repeats = 0;
  if (said_ >= kLines) {
    ++unsaid_;
  } else if (bursts_.first(likeness(text), repeats)) {
    ++said_;
    if (repeats > 0) spdlog::log(level, "driver {}: {} (and {} like it before)", name_, text, repeats);
    else spdlog::log(level, "driver {}: {}", name_, text);
  }
}

void OutputLog::flush() {
  if (unsaid_ > 0) log::warn("driver {}: wrote {} further lines that are not shown", name_, unsaid_);
  said_ = unsaid_ = 0;
}

}  // namespace weir::supervisor
