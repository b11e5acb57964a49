#include "process/lines.h"

#include <vector>

#include <gmock/gmock.h>

namespace weir::process {
namespace {

using testing::ElementsAre;

std::vector<std::string> cut(std::size_t longest, std::initializer_list<std::string_view> parts) {
  LineCutter cutter(longest);
  std::vector<std::string> lines;
  const auto keep = [&](std::string_view line) { lines.emplace_back(line); };
  for (const std::string_view part : parts) cutter.feed(part, keep);
  cutter.finish(keep);
  return lines;
}

TEST(Lines, AreCutWhereverTheReadsEnd) {
  EXPECT_THAT(cut(100, {"on", "e\ntwo\n\nthr", "ee"}), ElementsAre("one", "two", "", "three"));
  EXPECT_THAT(cut(100, {"windows\r\n"}), ElementsAre("windows"));
}

TEST(Lines, AreBounded) {
  EXPECT_THAT(cut(4, {"abc", "defg", "hij\nnext\n"}), ElementsAre("abcd…", "next"));
  EXPECT_THAT(cut(4, {"abcd\n"}), ElementsAre("abcd"));
}

TEST(Lines, AreNotCutWithinACharacter) {
  EXPECT_THAT(cut(4, {"abc°def\n"}), ElementsAre("abc…"));
  EXPECT_THAT(cut(5, {"abc°def\n"}), ElementsAre("abc°…"));
}

TEST(Lines, CannotDriveATerminalOrBreakJson) {
  EXPECT_EQ(printable("\x1b[2Jred\ttab"), " [2Jred tab");
  EXPECT_EQ(printable("\xC0\xAF \xED\xA0\x80 \xF4\x90\x80\x80 \xE2\x82"), "?? ??? ???? ??");
  EXPECT_EQ(printable("20 °C €"), "20 °C €");
}

}  // namespace
}  // namespace weir::process
