#include "cli/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace weir::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Timestamp kStart = 1'763'683'200 * kSecond;  // 2025-11-21T00:00:00Z

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t out = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += what.size()) ++out;
  return out;
}

// Every number of the path with this class.
std::vector<double> numbers(const std::string& svg, const std::string& style) {
  const std::string begin = "class=\"" + style + "\" d=\"";
  std::vector<double> out;
  const std::size_t from = svg.find(begin);
  if (from == svg.npos) return out;
  std::string path = svg.substr(from + begin.size(), svg.find('"', from + begin.size()) - from - begin.size());
  std::ranges::replace_if(path, [](char c) { return c == 'M' || c == 'L' || c == 'v'; }, ' ');
  std::istringstream in(path);
  for (double number; in >> number;) out.push_back(number);
  return out;
}

TEST(Chart, DrawsTheCurveTheScoreAndTheAlarms) {
  Chart chart;
  for (int i = 0; i < 100; ++i) {
    chart.add(kStart + i * kMinute, i == 50 ? 100 : 10, i == 50 ? 0.9 : 0);
    if (i == 50) chart.mark("far above 10 & <odd>");
  }
  const std::string svg = chart.svg("a < b & c", 0.6);
  EXPECT_THAT(svg, HasSubstr("a &lt; b &amp; c</text>"));
  EXPECT_THAT(svg, HasSubstr("<title>2025-11-21T00:50:00Z: far above 10 &amp; &lt;odd&gt;</title>"));
  EXPECT_EQ(count(svg, "<circle"), 1u);
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(svg, HasSubstr(">11-21 00:30</text>"));
  EXPECT_EQ(numbers(svg, "curve").size(), 200u);
  EXPECT_EQ(numbers(svg, "score").size(), 3u) << "one bar: x, y and height";
}

TEST(Chart, ThinsItselfAndKeepsTheSpikeAndTheAlarmOfOneReading) {
  Chart chart;
  std::size_t alarms = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const bool spike = i == 123'457 || i == 900'001;
    chart.add(kStart + i * kSecond, spike ? 1'000 : i % 10, spike ? 1 : 0);
    if (spike) chart.mark("spike " + std::to_string(++alarms));
  }
  const std::string svg = chart.svg("long", 0.6);
  EXPECT_LT(svg.size(), 200'000u);
  EXPECT_EQ(count(svg, "<circle"), 2u);
  EXPECT_THAT(svg, HasSubstr("2025-11-22T10:17:37Z: spike 1"));
  EXPECT_EQ(numbers(svg, "score").size(), 6u);
  const auto points = numbers(svg, "curve");
  std::size_t at_top = 0;
  for (std::size_t i = 1; i < points.size(); i += 2) at_top += points[i] == 40.0 ? 1 : 0;
  EXPECT_EQ(at_top, 2u);
}

TEST(Chart, ThinnedIsWhatOneWithWiderColumnsWouldHaveBeen) {
  // 4096 readings, one a second: columns of 4 seconds.
  Chart chart;
  for (int i = 0; i < 4'096; ++i) chart.add(kStart + i * kSecond, std::sin(i / 100.0) * 50 + i % 4, 0);
  const auto points = numbers(chart.svg("", 0.5), "curve");
  ASSERT_EQ(points.size(), 1'024u * 8);
  double low = 1e9, high = -1e9;
  for (int i = 0; i < 4'096; ++i) {
    low = std::min(low, std::sin(i / 100.0) * 50 + i % 4);
    high = std::max(high, std::sin(i / 100.0) * 50 + i % 4);
  }
  for (int column = 0; column < 1'024; ++column) {
    double least = 1e9, most = -1e9;
    for (int i = 4 * column; i < 4 * column + 4; ++i) {
      least = std::min(least, std::sin(i / 100.0) * 50 + i % 4);
      most = std::max(most, std::sin(i / 100.0) * 50 + i % 4);
    }
    const auto y = [&](double value) { return 270 - 230 * (value - low) / (high - low); };
    const std::size_t at = static_cast<std::size_t>(column) * 8;
    ASSERT_NEAR(points[at + 3], y(least), 0.06) << column;
    ASSERT_NEAR(points[at + 5], y(most), 0.06) << column;
  }
}

TEST(Chart, DrawsNoLineWhereThereWereNoReadings) {
  Chart chart;
  for (int i = 0; i < 1'000; ++i)
    if (i < 300 || i > 700) chart.add(kStart + i * kMinute, i % 5, 0);
  EXPECT_EQ(count(chart.svg("", 0.5), "M"), 2u);
}

TEST(Chart, DrawsAnyTimesAndValues) {
  constexpr double kMost = std::numeric_limits<double>::max();
  Chart empty, one, level, far;
  one.add(kStart, 5, 1);
  one.mark("\x01\xFF at once");
  for (int i = 0; i < 10; ++i) level.add(kStart + i, 1e300, 0);
  for (const Timestamp time : {INT64_MIN, INT64_MIN + 1, Timestamp{0}, INT64_MAX})
    far.add(time, time == 0 ? kMost : -kMost, 0.5);
  far.mark("far");
  for (const Chart* chart : {&empty, &one, &level, &far}) {
    const std::string svg = chart->svg("any", 0.5);
    EXPECT_THAT(svg, HasSubstr("</svg>"));
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("inf")));
    EXPECT_LT(count(svg, "<text"), 40u);
  }
}

}  // namespace
}  // namespace weir::cli
