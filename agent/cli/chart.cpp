#include "cli/chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace weir::cli {
namespace {

constexpr std::size_t kColumns = 1'024;
constexpr double kLargest = 1e300;  // values beyond it are drawn there: differences stay finite

// The picture, in its own units.
constexpr double kWidth = 1'000, kHeight = 390;
constexpr double kLeft = 80, kRight = 985;
constexpr double kTop = 40, kBottom = 270;             // of the values
constexpr double kScoreTop = 290, kScoreBottom = 350;  // of the score
constexpr int kMostTicks = 8;
constexpr std::size_t kLongestText = 200;

constexpr std::string_view kStyle = R"(<style>
text{font:12px system-ui,sans-serif;fill:#1f2933}
.title{font-size:14px;font-weight:600}
.paper{fill:#ffffff}
.grid{stroke:#d5dbe1;stroke-width:1;fill:none}
.curve{stroke:#1f6feb;stroke-width:1.3;fill:none;stroke-linejoin:round}
.score{stroke:#8250df;stroke-width:1.2;fill:none}
.limit{stroke:#d1242f;stroke-width:1;stroke-dasharray:4 3;fill:none}
.alarm line{stroke:#d1242f;stroke-opacity:.35;stroke-width:2}
.alarm circle{fill:#d1242f}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.paper{fill:#0d1117}
.grid{stroke:#30363d}
.curve{stroke:#58a6ff}
.score{stroke:#bc8cff}
.limit{stroke:#ff7b72}
.alarm line{stroke:#ff7b72}
.alarm circle{fill:#ff7b72}
}
</style>
)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : to_utf8(text, kLongestText)) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) out += ' ';  // which XML does not allow
    else out += c;
  }
  return out;
}

template <class... Parts>
std::string formatted(const char* format, Parts... parts) {
  char text[256];
  std::snprintf(text, sizeof text, format, parts...);
  return text;
}

std::string line(const char* style, double x1, double y1, double x2, double y2) {
  return formatted("<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", style, x1, y1, x2, y2);
}

std::string label(double x, double y, const char* anchor, std::string_view text) {
  return formatted("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor) + escaped(text) + "</text>\n";
}

// 1, 2 or 5 times a power of ten.
double round_step(double range) {
  const double power = std::pow(10, std::floor(std::log10(range / 5)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (range / (factor * power) <= 6) return factor * power;
  return 10 * power;
}

std::uint64_t time_step(double range) {
  constexpr Nanoseconds kSteps[] = {1,
                                    kMicrosecond,
                                    kMillisecond,
                                    10 * kMillisecond,
                                    100 * kMillisecond,
                                    kSecond,
                                    2 * kSecond,
                                    5 * kSecond,
                                    15 * kSecond,
                                    30 * kSecond,
                                    kMinute,
                                    2 * kMinute,
                                    5 * kMinute,
                                    15 * kMinute,
                                    30 * kMinute,
                                    kHour,
                                    2 * kHour,
                                    3 * kHour,
                                    6 * kHour,
                                    12 * kHour,
                                    kDay,
                                    2 * kDay,
                                    3 * kDay,
                                    7 * kDay,
                                    14 * kDay,
                                    30 * kDay,
                                    61 * kDay,
                                    91 * kDay,
                                    182 * kDay,
                                    365 * kDay,
                                    3'652 * kDay,
                                    36'524 * kDay};
  for (const Nanoseconds step : kSteps)
    if (range / static_cast<double>(step) <= kMostTicks) return static_cast<std::uint64_t>(step);
  return static_cast<std::uint64_t>(*std::rbegin(kSteps));
}

std::string time_label(Timestamp time, std::uint64_t step) {
  const std::string iso = to_iso(time);
  if (step >= static_cast<std::uint64_t>(kDay)) return iso.substr(0, 10);
  if (step >= static_cast<std::uint64_t>(kMinute)) return iso.substr(5, 5) + " " + iso.substr(11, 5);
  return iso.substr(11, iso.size() - 12);
}

}  // namespace

// Where things are in the picture.
struct Chart::Frame {
  std::size_t columns, used;
  double low, high;

  double x(double column) const { return kLeft + (kRight - kLeft) * (column + 0.5) / static_cast<double>(columns); }
  double y(double value) const { return kBottom - (kBottom - kTop) * (value - low) / (high - low); }
};

Chart::Chart() : columns_(kColumns) {}

// Two columns become one: there is room for as much again.
void Chart::halve() {
  for (std::size_t i = 0; i < kColumns / 2; ++i) {
    Column& a = columns_[2 * i];
    Column& b = columns_[2 * i + 1];
    if (!a.used) {
      std::swap(a, b);
    } else if (b.used) {
      a.min = std::min(a.min, b.min);
      a.max = std::max(a.max, b.max);
      a.last = b.last;
      a.score = std::max(a.score, b.score);
      if (!a.marked && b.marked) {
        a.marked = true;
        a.mark_time = b.mark_time;
        a.mark_value = b.mark_value;
        a.reason = std::move(b.reason);
      }
    }
    if (i > 0) columns_[i] = std::exchange(a, {});
  }
  for (std::size_t i = kColumns / 2; i < kColumns; ++i) columns_[i] = {};
  width_ *= 2;
}

std::size_t Chart::column_of(Timestamp time) {
  const std::uint64_t since = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(begin_);
  if (since == 0) return 0;
  if (width_ == 0) width_ = std::max<std::uint64_t>(1, since);
  while (since / width_ >= kColumns) halve();
  return since / width_;
}

void Chart::add(Timestamp time, double value, double score) {
  if (!any_) begin_ = time;
  any_ = true;
  last_time_ = time;
  last_value_ = value = std::clamp(value, -kLargest, kLargest);
  at_ = column_of(time);
  Column& column = columns_[at_];
  if (!column.used) {
    column.used = true;
    column.min = column.max = column.first = value;
  }
  column.min = std::min(column.min, value);
  column.max = std::max(column.max, value);
  column.last = value;
  column.score = std::max(column.score, score);
}

void Chart::mark(std::string_view reason) {
  Column& column = columns_[at_];
  if (column.marked) return;
  column.marked = true;
  column.mark_time = last_time_;
  column.mark_value = last_value_;
  column.reason = reason.substr(0, kLongestText);
}

Chart::Frame Chart::frame() const {
  Frame out{at_ + 1, 0, kLargest, -kLargest};
  for (const Column& column : columns_)
    if (column.used) {
      ++out.used;
      out.low = std::min(out.low, column.min);
      out.high = std::max(out.high, column.max);
    }
  // A line that is level has no range of its own.
  if (!(out.high - out.low > 1e-12 * std::max(std::fabs(out.low), std::fabs(out.high)))) {
    const double around = std::max(1.0, std::fabs(out.low) / 100);
    out.low -= around;
    out.high += around;
  }
  return out;
}

std::string Chart::svg(std::string_view title, double threshold) const {
  std::string out =
      formatted("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\">\n", kWidth, kHeight);
  out += kStyle;
  out += formatted("<rect class=\"paper\" width=\"%.0f\" height=\"%.0f\"/>\n", kWidth, kHeight);
  out += formatted("<text class=\"title\" x=\"%.0f\" y=\"22\">", kLeft) + escaped(title) + "</text>\n";
  if (!any_) return out + "</svg>\n";

  const Frame frame = this->frame();
  const double step = round_step(frame.high - frame.low);
  const double first = std::ceil(frame.low / step);
  for (int i = 0; i <= kMostTicks && (first + i) * step <= frame.high; ++i) {
    const double tick = (first + i) * step;
    out += line("grid", kLeft, frame.y(tick), kRight, frame.y(tick));
    out += label(kLeft - 8, frame.y(tick) + 4, "end", formatted("%.6g", std::fabs(tick) < step / 2 ? 0.0 : tick));
  }
  const double range = static_cast<double>(width_) * static_cast<double>(frame.columns);
  const std::uint64_t every = time_step(range);
  // From the first whole step: counted without a sign, as the whole range of times has no signed difference.
  const Timestamp past = begin_ % static_cast<Timestamp>(every);
  std::uint64_t tick = past == 0  ? 0
                       : past > 0 ? every - static_cast<std::uint64_t>(past)
                                  : static_cast<std::uint64_t>(-past);
  for (int i = 0; width_ > 0 && i <= kMostTicks && static_cast<double>(tick) < range; ++i, tick += every) {
    const double x = frame.x(static_cast<double>(tick) / static_cast<double>(width_) - 0.5);
    out += line("grid", x, kTop, x, kScoreBottom);
    const auto time = static_cast<Timestamp>(static_cast<std::uint64_t>(begin_) + tick);
    out += label(x, kScoreBottom + 18, "middle", time_label(time, every));
  }

  std::string curve, score;
  std::size_t before = 0;
  const std::size_t gap = 1 + 10 * frame.columns / frame.used;  // of columns without readings: there are none
  for (std::size_t i = 0; i < frame.columns; ++i) {
    const Column& column = columns_[i];
    if (!column.used) continue;
    const double x = frame.x(static_cast<double>(i));
    char how = curve.empty() || i - before > gap ? 'M' : 'L';
    const auto to = [&](double value) {
      curve += formatted("%c%.1f %.1f", how, x, frame.y(value));
      how = 'L';
    };
    before = i;
    to(column.first);
    if (column.min < column.max) {
      to(column.min);
      to(column.max);
      to(column.last);
    }
    const double height = std::clamp(column.score, 0.0, 1.0) * (kScoreBottom - kScoreTop);
    if (height >= 0.5) score += formatted("M%.1f %.1fv%.1f", x, kScoreBottom, -height);
  }
  out += "<path class=\"curve\" d=\"" + curve + "\"/>\n";
  out += line("grid", kLeft, kScoreBottom, kRight, kScoreBottom);
  out += "<path class=\"score\" d=\"" + score + "\"/>\n";
  const double limit = kScoreBottom - std::clamp(threshold, 0.0, 1.0) * (kScoreBottom - kScoreTop);
  out += line("limit", kLeft, limit, kRight, limit);
  out += label(kLeft - 8, kScoreTop + 8, "end", "score");
  out += label(kLeft - 8, limit + 4, "end", formatted("%.2g", threshold));
  for (std::size_t i = 0; i < frame.columns; ++i) {
    const Column& column = columns_[i];
    if (!column.marked) continue;
    const double x = frame.x(static_cast<double>(i));
    out +=
        "<g class=\"alarm\"><title>" + escaped(to_iso(column.mark_time)) + ": " + escaped(column.reason) + "</title>";
    out += formatted("<line x1=\"%.1f\" y1=\"%.0f\" x2=\"%.1f\" y2=\"%.0f\"/>", x, kTop, x, kScoreBottom);
    out += formatted("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/></g>\n", x, frame.y(column.mark_value));
  }
  return out + "</svg>\n";
}

}  // namespace weir::cli
