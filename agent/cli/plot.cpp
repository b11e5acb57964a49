#include "cli/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string_view>

namespace weir::cli {
namespace {

constexpr std::size_t kLabel = 10;  // columns in front of the axis
constexpr std::size_t kLeastWidth = 30;
constexpr std::size_t kMostWidth = 1'000;
constexpr std::size_t kMostHeight = 100;

std::string digits_text(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

// As many digits as tell the two ends of the axis apart, if they fit in front of it.
std::string label(double value, double other) {
  for (int digits = 4; digits <= 9; ++digits) {
    const std::string text = digits_text(value, digits);
    if (text.size() < kLabel && text != digits_text(other, digits)) return text;
  }
  return digits_text(value, 3);
}

std::string right_aligned(const std::string& text, std::size_t columns) {
  return std::string(columns - std::min(columns, text.size()), ' ') + text;
}

// To the second: "2026-11-21T01:18:39Z".
std::string second_text(Timestamp time) {
  const Timestamp past = (time % kSecond + kSecond) % kSecond;
  return to_iso(time < INT64_MIN + past ? time : time - past);
}

// U+2800 and the dots: 1 4 / 2 5 / 3 6 / 7 8, a bit each.
std::string braille(unsigned dots) {
  const unsigned code = 0x2800 + dots;
  return {static_cast<char>(0xE0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3F)),
          static_cast<char>(0x80 | (code & 0x3F))};
}

}  // namespace

// A bit for each dot, four rows and two columns of them a character; of ASCII, one.
struct Plot::Cells {
  Cells(std::size_t width, std::size_t height, bool unicode)
      : across(unicode ? 2 : 1), down(unicode ? 4 : 1), columns(width), dots(width * height, 0) {}

  // `y` counts from the top.
  void set(std::size_t x, std::size_t y) {
    static constexpr unsigned kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    dots[y / down * columns + x / across] |= kBits[y % down][x % across];
  }

  std::string line(std::size_t row) const {
    std::string out;
    for (std::size_t i = 0; i < columns; ++i) {
      const unsigned at = dots[row * columns + i];
      out += at == 0 ? " " : across == 2 ? braille(at) : "*";
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  }

  std::size_t across, down, columns;
  std::vector<unsigned> dots;
};

Plot::Plot(Timestamp from, Timestamp to, const PlotLook& look) : from_(from), to_(std::max(from, to)), look_(look) {
  look_.width = std::clamp(look_.width, kLeastWidth, kMostWidth);
  look_.height = std::clamp<std::size_t>(look_.height, 2, kMostHeight);
  columns_.resize((look_.width - kLabel - 1) * (look_.unicode ? 2 : 1));
}

void Plot::add(Timestamp time, double min, double value, double max) {
  if (time < from_ || time > to_ || !std::isfinite(min) || !std::isfinite(value) || !std::isfinite(max)) return;
  // In doubles: the whole range of a Timestamp would overflow it.
  const double part = to_ == from_ ? 0.5
                                   : (static_cast<double>(time) - static_cast<double>(from_)) /
                                         (static_cast<double>(to_) - static_cast<double>(from_));
  const auto x = std::min(columns_.size() - 1, static_cast<std::size_t>(part * static_cast<double>(columns_.size())));
  Column& column = columns_[x];
  if (!column.used) column = {min, max, value, time, true};
  column.min = std::min(column.min, min);
  column.max = std::max(column.max, max);
  if (time >= column.last_time) column.last = value, column.last_time = time;

  if (count_ == 0 || min < min_) min_ = min;
  if (count_ == 0 || max > max_) max_ = max;
  if (count_ == 0 || time >= last_time_) last_ = value, last_time_ = time;
  ++count_;
}

Plot::Cells Plot::draw(double low, double high) const {
  Cells out(cells(), look_.height, look_.unicode);
  const std::size_t rows = look_.height * out.down;
  const double scale = std::isfinite(high - low) ? 1 : 0.5;
  const auto row = [&](double value) {
    const double part = (value * scale - low * scale) / (high * scale - low * scale);
    return rows - 1 -
           static_cast<std::size_t>(std::lround(std::clamp(part, 0.0, 1.0) * static_cast<double>(rows - 1)));
  };
  for (std::size_t x = 0; x < columns_.size(); ++x) {
    const Column& column = columns_[x];
    if (!column.used) continue;
    std::size_t top = row(column.max), bottom = row(column.min);
    // From where the column before ended, so that a curve has no holes where there are readings.
    if (x > 0 && columns_[x - 1].used) {
      const std::size_t before = row(columns_[x - 1].last);
      if (before < top) top = std::min(top, before + 1);
      if (before > bottom) bottom = std::max(bottom, before - 1);
    }
    for (std::size_t y = top; y <= bottom; ++y) out.set(x, y);
  }
  return out;
}

// As many times as there is room for: the first, the last, and the one in the middle.
std::string Plot::time_axis() const {
  const std::size_t width = cells();
  std::string out(width, ' ');
  const auto put = [&](const std::string& text, std::size_t at) {
    const std::size_t left = at == 0 ? 0 : at - 1, right = std::min(width, at + text.size() + 1);
    if (at + text.size() > width || out.find_first_not_of(' ', left) < right) return;
    out.replace(at, text.size(), text);
  };
  const std::string first = second_text(from_), last = second_text(to_);
  const std::string middle = second_text(from_ / 2 + to_ / 2);
  put(first, 0);
  if (last.size() < width) put(last, width - last.size());
  if (middle.size() < width) put(middle, (width - middle.size()) / 2);
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

std::string Plot::text() const {
  // A line that is level has no range of its own.
  double low = min_, high = max_;
  if (low == high) {
    const double around = std::max(1.0, std::fabs(low) / 100);
    constexpr double kMost = std::numeric_limits<double>::max();
    low = std::max(low - around, -kMost);
    high = std::min(high + around, kMost);
  }
  const Cells curve = draw(low, high);
  const std::string top = label(high, low), bottom = label(low, high);
  std::string out;
  for (std::size_t row = 0; row < look_.height; ++row) {
    const bool first = row == 0, last = row + 1 == look_.height;
    const char* axis = look_.unicode ? (first || last ? "┤" : "│") : (first || last ? "+" : "|");
    std::string line = right_aligned(first ? top : last ? bottom : "", kLabel) + axis + curve.line(row);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  out += std::string(kLabel, ' ') + (look_.unicode ? "└" : "+");
  for (std::size_t i = 0; i < cells(); ++i) out += look_.unicode ? "─" : "-";
  return out + "\n" + std::string(kLabel + 1, ' ') + time_axis() + "\n";
}

}  // namespace weir::cli
