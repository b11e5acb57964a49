#include "cli/judged_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace weir::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Judged {
  Result<Findings> findings;
  std::string out;
  std::vector<std::string> wrong;  // "LINE: why"
};

// By a rate of more than 1 per second.
Judged judge(const std::string& text) {
  auto detector = detect::make_detector({.method = "rate", .threshold = 1});
  std::istringstream in(text);
  Judged judged;
  JudgeHandlers handlers;
  handlers.row = [&](std::string_view row) { judged.out += row; };
  handlers.wrong = [&](std::uint64_t line, const std::string& why) {
    judged.wrong.push_back(std::to_string(line) + ": " + why);
  };
  judged.findings = judge_file(in, **detector, handlers);
  return judged;
}

TEST(JudgedFile, WritesTimesAndValuesAsTheyCame) {
  const Judged judged = judge(
      "timestamp,value\n"
      "2014-04-01 00:00:00,20.50\n"
      "2014-04-01T00:00:01.000Z,+20.5\n"
      "1396310402,\"23.5\"\n");
  ASSERT_TRUE(judged.findings) << judged.findings.error().text();
  EXPECT_EQ(judged.out,
            "timestamp,value,anomaly_score,is_anomaly,reason\n"
            "2014-04-01 00:00:00,20.50,0,0,\n"
            "2014-04-01T00:00:01.000Z,+20.5,0,0,\n"
            "1396310402,23.5,0.75,1,\"rises by 3 per second, 3 times the limit of 1\"\n");
  EXPECT_EQ(judged.findings->readings, 3u);
  EXPECT_EQ(judged.findings->first, "2014-04-01 00:00:00");
  EXPECT_EQ(judged.findings->last, "1396310402");
  EXPECT_THAT(judged.wrong, IsEmpty());
}

TEST(JudgedFile, SaysWhichRowsItDoesNotJudgeAndKeepsThem) {
  const Judged judged = judge(
      "id,Value,Timestamp\n"
      "1,1,100\n"
      "2,7,100\n"
      "3,8,99\n"
      "4,,101\n"
      "5,\"x,y\",102\n"
      "6,nan,103\n"
      "7,5,soon\n"
      "8,5\n"
      "\n"
      "9,1.5,104\n");
  ASSERT_TRUE(judged.findings) << judged.findings.error().text();
  EXPECT_THAT(judged.wrong,
              ElementsAre("3: it has the same time as the reading before", "4: it is older than the reading before",
                          "5: it has no value", "6: 'x,y' is no number", "7: its value is not finite",
                          "8: 'soon' is no time", "9: it has 2 fields where the header has 3"));
  EXPECT_EQ(judged.out,
            "timestamp,value,anomaly_score,is_anomaly,reason\n"
            "100,1,0,0,\n"
            "100,7,0,0,not judged: it has the same time as the reading before\n"
            "99,8,0,0,not judged: it is older than the reading before\n"
            "101,,0,0,not judged: it has no value\n"
            "102,\"x,y\",0,0,\"not judged: 'x,y' is no number\"\n"
            "103,nan,0,0,not judged: its value is not finite\n"
            "soon,5,0,0,not judged: 'soon' is no time\n"
            ",5,0,0,not judged: it has 2 fields where the header has 3\n"
            "104,1.5,0.1111111111111111,0,\n");
  EXPECT_EQ(judged.findings->not_judged, 7u);
  EXPECT_EQ(judged.findings->older, 1u);
}

TEST(JudgedFile, TakesReadingsInARowForOneAlarm) {
  std::string text = "timestamp,value\n";
  int value = 0;
  for (int i = 0; i < 40; ++i) {
    value += i == 10 ? 5 : i == 11 ? 9 : i == 12 ? 2 : i == 30 ? 3 : 0;
    text += std::to_string(i) + "," + std::to_string(value) + "\n";
  }
  const Judged judged = judge(text);
  ASSERT_TRUE(judged.findings);
  EXPECT_EQ(judged.findings->alarms, 2u);
  ASSERT_THAT(judged.findings->worst, SizeIs(2));
  const Alarm& first = judged.findings->worst.front();
  EXPECT_EQ(first.from, "10");
  EXPECT_EQ(first.until, "12");
  EXPECT_EQ(first.readings, 3u);
  EXPECT_EQ(first.value, "14");
  EXPECT_EQ(first.score, 0.9);
  EXPECT_THAT(first.reason, HasSubstr("rises by 9 per second"));
}

TEST(JudgedFile, KeepsTheWorstAlarmsByTime) {
  std::string text = "timestamp,value\n";
  for (int i = 0; i < 500; ++i)  // an alarm every 5 s, each more unusual than the one before up to the 50th
    text += std::to_string(i) + "," + std::to_string(i % 5 == 4 ? (i / 5 < 50 ? i : 500 - i) : 0) + "\n";
  const Judged judged = judge(text);
  ASSERT_TRUE(judged.findings);
  EXPECT_EQ(judged.findings->alarms, 100u);
  const auto& worst = judged.findings->worst;
  ASSERT_THAT(worst, SizeIs(Findings::kWorst));
  EXPECT_EQ(worst.front().from, "204");
  EXPECT_EQ(worst.back().from, "299");
  for (std::size_t i = 1; i < worst.size(); ++i) EXPECT_LT(std::stoi(worst[i - 1].from), std::stoi(worst[i].from));
}

TEST(JudgedFile, OfAlarmsAlikeTheFirstAreKept) {
  std::vector<Alarm> alarms(4);
  alarms[0].from = "a";
  alarms[1].from = "b";
  alarms[2].from = "c";
  alarms[3].from = "d";
  alarms[3].score = 0.9;
  keep_worst(alarms, 3);
  ASSERT_THAT(alarms, SizeIs(3));
  EXPECT_EQ(alarms[0].from + alarms[1].from + alarms[2].from, "abd");
}

TEST(JudgedFile, RefusesWhatIsNoFileOfReadings) {
  const auto error = [](const std::string& text) {
    const Judged judged = judge(text);
    return judged.findings ? "fine" : judged.findings.error().text();
  };
  EXPECT_THAT(error(""), HasSubstr("it is empty"));
  EXPECT_EQ(error("time,value\n1,2\n"),
            "it has no column 'timestamp'; there are: time, value (the first line names the columns: "
            "timestamp,value; others are ignored)");
  EXPECT_THAT(error("timestamp;value\n1;2\n"), HasSubstr("columns are separated by commas"));
  EXPECT_THAT(error("timestamp,value\n"), HasSubstr("none of its 0 rows is a reading"));
  EXPECT_THAT(error("timestamp,value\na,b\nc,d\n"), HasSubstr("none of its 2 rows is a reading"));
}

}  // namespace
}  // namespace weir::cli
