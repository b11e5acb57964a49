#include "cli/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/table.h"

namespace weir::cli {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Timestamp kStart = 1'763'683'200 * kSecond;                   // 2025-11-21T00:00:00Z
constexpr PlotLook kAscii{.width = 31, .height = 5, .unicode = false};  // 20 columns of curve

std::vector<std::string> lines(const Plot& plot) {
  const std::string text = plot.text();
  std::vector<std::string> out;
  for (const std::string_view line : split(text, '\n')) out.emplace_back(line);
  EXPECT_EQ(out.back(), "");
  out.pop_back();
  return out;
}

TEST(Plot, ShowsACurveWithItsAxes) {
  Plot plot(kStart, kStart + 19 * kSecond, kAscii);
  for (int i = 0; i < 20; ++i) plot.add(kStart + i * kSecond, i < 10 ? i : 19 - i);
  EXPECT_THAT(lines(plot), ElementsAre("         9+        ****",          //
                                       "          |      **    **",        //
                                       "          |    **        **",      //
                                       "          |  **            **",    //
                                       "         0+**                **",  //
                                       "          +--------------------",  //
                                       "           2025-11-21T00:00:00Z"));
}

TEST(Plot, ShowsASpikeOfOneReadingAmongAMillion) {
  Plot plot(kStart, kStart + kDay, kAscii);
  constexpr int kCount = 1'000'000;
  for (int i = 0; i < kCount; ++i) plot.add(kStart + kDay / kCount * i, i == 512'345 ? 100 : 0);
  const auto shown = lines(plot);
  EXPECT_EQ(shown[0], "       100+          *");
  EXPECT_EQ(shown[2], "          |          *");
  EXPECT_EQ(shown[4], "         0+********************");
  EXPECT_EQ(plot.count(), 1'000'000U);
  EXPECT_EQ(plot.max(), 100);
  EXPECT_EQ(plot.last(), 0);
}

TEST(Plot, JoinsStepsAndLeavesGapsOpen) {
  Plot plot(kStart, kStart + 19 * kSecond, kAscii);
  for (const int i : {0, 1, 2}) plot.add(kStart + i * kSecond, 0);
  for (const int i : {3, 4}) plot.add(kStart + i * kSecond, 4);
  for (const int i : {15, 16}) plot.add(kStart + i * kSecond, 4);
  EXPECT_THAT(lines(plot), ElementsAre("         4+   **          **",     //
                                       "          |   *",                  //
                                       "          |   *",                  //
                                       "          |   *",                  //
                                       "         0+***",                   //
                                       "          +--------------------",  //
                                       "           2025-11-21T00:00:00Z"));
}

TEST(Plot, NeedsNoOrder) {
  Plot forth(kStart, kStart + kMinute, kAscii), back(kStart, kStart + kMinute, kAscii);
  for (int i = 0; i <= 60; ++i) {
    forth.add(kStart + i * kSecond, std::sin(i));
    back.add(kStart + (60 - i) * kSecond, std::sin(60 - i));
  }
  EXPECT_EQ(forth.text(), back.text());
  EXPECT_EQ(forth.last(), back.last());
}

TEST(Plot, TakesDotsOfBraille) {
  Plot plot(kStart, kStart + 39 * kSecond, {.width = 31, .height = 2, .unicode = true});
  for (int i = 0; i < 40; ++i) plot.add(kStart + i * kSecond, i % 8);
  const auto shown = lines(plot);
  ASSERT_EQ(shown.size(), 4U);
  // Up by one dot a column, and down again at once.
  EXPECT_EQ(shown[0], "         7┤  ⡠⠊⡆ ⡠⠊⡆ ⡠⠊⡆ ⡠⠊⡆ ⡠⠊") << plot.text();
  EXPECT_EQ(shown[1], "         0┤⡠⠊  ⡧⠊  ⡧⠊  ⡧⠊  ⡧⠊") << plot.text();
  EXPECT_THAT(shown[2], HasSubstr("└────"));
  for (const std::string& line : shown) EXPECT_LE(width(line), 31U) << line;
}

TEST(Plot, OfWhatIsThinnedShowsTheWholeRange) {
  Plot plot(kStart, kStart + 19 * kSecond, kAscii);
  plot.add(kStart + 5 * kSecond, -2, 0, 2);
  const auto shown = lines(plot);
  EXPECT_EQ(shown[0], "         2+     *");
  EXPECT_EQ(shown[4], "        -2+     *");
  EXPECT_EQ(plot.last(), 0);
}

TEST(Plot, PutsALevelLineInTheMiddle) {
  Plot plot(kStart, kStart + 19 * kSecond, kAscii);
  plot.add(kStart, 40);
  plot.add(kStart + 19 * kSecond, 40);
  const auto shown = lines(plot);
  EXPECT_EQ(shown[0], "        41+");
  EXPECT_EQ(shown[2], "          |*                  *");
  EXPECT_EQ(shown[4], "        39+");
}

TEST(Plot, LabelsTellTheEndsApart) {
  Plot plot(kStart, kStart + kSecond, kAscii);
  plot.add(kStart, 20.0001);
  plot.add(kStart + kSecond, 20.0002);
  EXPECT_THAT(lines(plot)[0], testing::StartsWith("   20.0002+"));
  EXPECT_THAT(lines(plot)[4], testing::StartsWith("   20.0001+"));
}

TEST(Plot, LeavesOutWhatIsNotOfItsTimeOrNotFinite) {
  Plot plot(kStart, kStart + kSecond, kAscii);
  plot.add(kStart - 1, 1);
  plot.add(kStart + kSecond + 1, 1);
  plot.add(kStart, std::numeric_limits<double>::quiet_NaN());
  plot.add(kStart, std::numeric_limits<double>::infinity());
  plot.add(kStart, 0, 0, std::numeric_limits<double>::infinity());
  EXPECT_TRUE(plot.empty());
  plot.add(kStart, 1);
  plot.add(kStart + kSecond, 1);
  EXPECT_EQ(plot.count(), 2U);
}

TEST(Plot, BearsExtremes) {
  constexpr double kMost = std::numeric_limits<double>::max(), kLeast = std::numeric_limits<double>::denorm_min();
  constexpr auto kFirst = std::numeric_limits<Timestamp>::min(), kLast = std::numeric_limits<Timestamp>::max();
  for (const auto& [low, high] : {std::pair{-kMost, kMost}, {0.0, kLeast}, {kMost, kMost}, {-kMost, -kMost}}) {
    Plot plot(kFirst, kLast, kAscii);
    plot.add(kFirst, low);
    plot.add(kLast, high);
    const auto shown = lines(plot);
    ASSERT_EQ(shown.size(), 7U);
    std::size_t stars = 0;
    for (const std::string& line : shown) stars += static_cast<std::size_t>(std::ranges::count(line, '*'));
    EXPECT_EQ(stars, 2U) << plot.text();
    EXPECT_TRUE(low == high || shown[0].back() == '*') << plot.text();
  }
  Plot instant(kStart, kStart, {.width = 0, .height = 0, .unicode = true});
  instant.add(kStart, 1);
  EXPECT_FALSE(instant.text().empty());
}

TEST(Plot, WritesAsManyTimesAsThereIsRoomFor) {
  const auto axis = [](std::size_t width) {
    Plot plot(kStart, kStart + kHour, {.width = width, .height = 2, .unicode = false});
    plot.add(kStart, 1);
    return lines(plot).back().substr(11);
  };
  EXPECT_EQ(axis(31), "2025-11-21T00:00:00Z");
  EXPECT_EQ(axis(60), "2025-11-21T00:00:00Z         2025-11-21T01:00:00Z");
  EXPECT_EQ(axis(80), "2025-11-21T00:00:00Z    2025-11-21T00:30:00Z     2025-11-21T01:00:00Z");
}

}  // namespace
}  // namespace weir::cli
