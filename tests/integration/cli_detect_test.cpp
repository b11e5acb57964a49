// weir detect as its users meet it.
#include "weir_test.h"

namespace weir {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

using Detect = WeirTest;

// A reading a minute, one of them far off.
std::string series(int count, int spike) {
  std::string out = "timestamp,value\n";
  for (int i = 0; i < count; ++i)
    out += std::to_string(1'400'000'000 + i * 60) + "," + (i == spike ? "500" : std::to_string(20 + i % 7)) + "\n";
  return out;
}

TEST_F(Detect, WritesOneFileToStandardOutputAndWhatItFoundToTheOther) {
  write("pump.csv", series(600, 500));
  const process::Output output = weir({"detect", path("pump.csv"), "--detector", "zscore"});
  EXPECT_EQ(output.exit.code(), 0);
  ASSERT_THAT(output.out, SizeIs(601));
  EXPECT_EQ(output.out.front(), "timestamp,value,anomaly_score,is_anomaly,reason");
  EXPECT_EQ(output.out[1], "1400000000,20,0,0,");
  EXPECT_THAT(output.out[501], StartsWith("1400030000,500,0.9"));
  EXPECT_THAT(output.out[501], HasSubstr(",1,"));
  EXPECT_THAT(output.out[501], HasSubstr("standard deviations above the mean of 2"));
  EXPECT_THAT(output.error.front(), HasSubstr("pump.csv: 600 readings from 1400000000 to 1400035940; 1 alarm"));
  EXPECT_THAT(output.error, Contains(StartsWith("  1400030000")));
}

TEST_F(Detect, TheDefaultDetectorSeesTheSpike) {
  write("pump.csv", series(3'000, 2'500));
  const process::Output output = weir({"detect", path("pump.csv")});
  EXPECT_EQ(output.exit.code(), 0);
  ASSERT_THAT(output.out, SizeIs(3'001));
  EXPECT_THAT(output.out[2'501], HasSubstr(",1,"));
  const process::Output again = weir({"detect", path("pump.csv")});
  EXPECT_EQ(again.out, output.out);
}

TEST_F(Detect, AFolderBecomesTheSameTree) {
  write("in/hall/pump.csv", series(300, 250));
  write("in/hall/deep/fan.CSV", series(300, -1));
  write("in/notes.txt", "no readings");
  write("in/broken.csv", "time;value\n1;2\n");
  const process::Output output = weir({"detect", path("in"), "--detector", "mad", "--out", path("out"), "--plot"});
  EXPECT_EQ(output.exit.code(), 1) << "one of the files could not be read";
  EXPECT_THAT(output.out, IsEmpty());
  EXPECT_THAT(join(output.error, "\n"), HasSubstr("weir: broken.csv: it has no column 'timestamp'"));
  EXPECT_THAT(join(output.error, "\n"), HasSubstr("hall/pump.csv: 300 readings"));
  EXPECT_THAT(output.error.back(), HasSubstr("600 readings in 3 files; 1 alarm in 1 of them"));
  EXPECT_THAT(read("out/hall/pump.csv"), HasSubstr(",500,0.9"));
  EXPECT_THAT(read("out/hall/pump.svg"), HasSubstr("<circle"));
  EXPECT_THAT(read("out/hall/deep/fan.CSV"), StartsWith("timestamp,value,anomaly_score"));
  EXPECT_FALSE(std::filesystem::exists(agent_ / "out/broken.csv"));
  EXPECT_FALSE(std::filesystem::exists(agent_ / "out/broken.csv.part"));
  EXPECT_FALSE(std::filesystem::exists(agent_ / "out/notes.txt"));
}

TEST_F(Detect, SaysTheFirstRowsThatItDoesNotJudge) {
  std::string text = series(100, -1);
  for (int i = 0; i < 28; ++i) text += "soon,1\n";
  text.insert(text.find("soon"), "1600-01-01T00:00:00Z,1\n2300-01-01,1\n");
  write("pump.csv", text);
  const process::Output output = weir({"detect", path("pump.csv"), "--detector", "flatline", "--window", "1h"});
  EXPECT_EQ(output.exit.code(), 0);
  EXPECT_THAT(output.out, SizeIs(131));
  EXPECT_THAT(output.error, Contains(HasSubstr("pump.csv:104: not judged: 'soon' is no time")));
  for (const char* time : {"'1600-01-01T00:00:00Z'", "'2300-01-01'"})
    EXPECT_THAT(output.error, Contains(HasSubstr(std::string(time) +
                                                 " is no time that can be kept: from 1677-09-21 to 2262-04-11")));
  EXPECT_THAT(output.error, Contains(HasSubstr("and 20 rows more that are not judged")));
  EXPECT_THAT(join(output.error, "\n"),
              HasSubstr("100 readings from 1400000000 to 1400005940, 30 rows not judged; 0 alarms"));
}

TEST_F(Detect, SaysThatAFileIsSortedTheOtherWayRound) {
  std::string text = "timestamp,value\n";
  for (int i = 100; i > 0; --i) text += std::to_string(i) + ",1\n";
  write("pump.csv", text);
  EXPECT_THAT(join(weir({"detect", path("pump.csv")}).error, "\n"),
              HasSubstr("are older than the one before: sort it by time"));
}

TEST_F(Detect, TakesWhatSpreadsheetsWrite) {
  const std::string plain = series(300, 250);
  std::string written = "\xEF\xBB\xBF\r\n";
  bool head = true;
  for (const std::string_view line : split(std::string_view(plain).substr(0, plain.size() - 1), '\n')) {
    const std::size_t comma = line.find(',');
    written += "\"" + std::string(line.substr(0, comma)) + "\",\"" + std::string(line.substr(comma + 1)) + "\"," +
               (head ? "note" : "\"a \"\"b\"\",\r\nc\"") + "\r\n\r\n";
    head = false;
  }
  write("plain.csv", plain);
  write("written.csv", written);
  const process::Output output = weir({"detect", path("written.csv"), "--detector", "mad"});
  EXPECT_EQ(output.exit.code(), 0);
  EXPECT_THAT(output.out, SizeIs(301));
  EXPECT_EQ(output.out, weir({"detect", path("plain.csv"), "--detector", "mad"}).out);
}

TEST_F(Detect, RefusesWhatItCannotDo) {
  write("in/pump.csv", series(10, -1));
  const std::string file = path("in/pump.csv");
  EXPECT_THAT(refused({"detect", path("in")}, 2), HasSubstr("--out"));
  EXPECT_THAT(refused({"detect", file, "--plot"}, 2), HasSubstr("--out"));
  EXPECT_THAT(refused({"detect", file, "--sensitivity", "huge"}, 2), HasSubstr("--sensitivity"));
  EXPECT_THAT(refused({"detect", file, "--detector", "zcore"}), HasSubstr("did you mean 'zscore'?"));
  EXPECT_THAT(refused({"detect", file, "--detector", "flatline", "--alpha", "0.1"}), HasSubstr("it takes: window"));
  EXPECT_THAT(refused({"detect", file, "--detector", "mad", "--window", "soon"}), HasSubstr("'soon' is no duration"));
  EXPECT_THAT(refused({"detect", file, "--detector", "mad", "--sensitivity", "high"}),
              HasSubstr("it takes: threshold, window"));
  EXPECT_THAT(refused({"detect", file, "--threshold", "3"}), HasSubstr("it takes: sensitivity"));
  EXPECT_THAT(refused({"detect", file, "--detector", "ewma", "--alpha", "nan"}),
              HasSubstr("a number from 0.000001 to 1"));
  EXPECT_THAT(refused({"detect", path("none.csv")}), HasSubstr("it cannot be opened"));
  write("nothing.csv", "");
  EXPECT_THAT(refused({"detect", path("nothing.csv")}), HasSubstr("the first line is a header: timestamp,value"));
  write("twice.csv", "timestamp,value,value\n1,2,3\n");
  EXPECT_THAT(refused({"detect", path("twice.csv")}), AllOf(HasSubstr("'value' twice"), HasSubstr("rename")));
  EXPECT_THAT(refused({"detect", path("in"), "--out", path("in/out")}), HasSubstr("--out is within"));
  EXPECT_THAT(refused({"detect", path("in"), "--out", path("in")}), HasSubstr("--out is within"));
  EXPECT_THAT(refused({"detect", file, "--out", path("in")}), HasSubstr("it would be overwritten"));
  EXPECT_THAT(refused({"detect", file, "--out", file}), HasSubstr("cannot write"));
  EXPECT_THAT(refused({"detect", file, "--out", file + "/below"}), HasSubstr("does the folder exist"));
  std::filesystem::create_directory(agent_ / "empty");
  EXPECT_THAT(refused({"detect", path("empty"), "--out", path("out")}), HasSubstr("there is no file *.csv"));
  EXPECT_EQ(read("in/pump.csv"), series(10, -1));
}

}  // namespace
}  // namespace weir
