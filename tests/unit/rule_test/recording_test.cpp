#include "rule_test/recording.h"

#include <cmath>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "support.h"

namespace weir::rule_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string refused(const std::string& text) {
  std::istringstream in(text);
  const auto found = read_recording(in);
  return found ? "taken" : found.error().text();
}

TEST(Recording, IsReadByColumns) {
  std::istringstream in(
      "time,agent,path,value,unit,quality\n"
      "2026-03-29T00:00:00Z,hall,b/t,80.5,Cel,good\n"
      "2026-03-29T00:00:01Z,hall,b/on,true,,uncertain: last usable value\n"
      "2026-03-29T00:00:02Z,hall,b/t,,Cel,bad: timed out\n"
      "2026-03-29T00:00:03Z,hall,b/mode,auto,,good\n"
      "2026-03-29T00:00:04Z,hall,b/t,81,Cel,good\n");
  const auto found = read_recording(in);
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_THAT(*found, SizeIs(3));
  const Recorded& t = found->at(0);
  EXPECT_EQ(t.path, "b/t");
  EXPECT_EQ(t.unit, "Cel");
  ASSERT_THAT(t.readings, SizeIs(3));
  EXPECT_EQ(std::get<double>(t.readings[0].value), 80.5);
  EXPECT_EQ(to_iso(t.readings[2].time), "2026-03-29T00:00:04Z");
  EXPECT_TRUE(std::isnan(std::get<double>(t.readings[1].value)));
  EXPECT_TRUE(t.readings[1].quality.bad());
  EXPECT_EQ(found->at(1).type, model::ValueType::boolean);
  EXPECT_TRUE(found->at(1).readings[0].quality.uncertain());
  EXPECT_EQ(std::get<std::string>(found->at(2).readings[0].value), "auto");
}

TEST(Recording, NeedsNoMoreThanTimestampAndValue) {
  std::istringstream in("timestamp,value\n1396310700,1\n1396310701,\n");
  const auto found = read_recording(in);
  ASSERT_TRUE(found);
  EXPECT_THAT(found->front().path, IsEmpty());
  EXPECT_EQ(to_iso(found->front().readings[0].time), "2014-04-01T00:05:00Z");
  EXPECT_TRUE(found->front().readings[1].quality.bad());
}

TEST(Recording, SaysWhatIsWrongAndInWhichLine) {
  EXPECT_THAT(refused(""), HasSubstr("it is empty"));
  EXPECT_THAT(refused("timestamp,valve\n1,2\n"), HasSubstr("it has no column 'value' (its first line"));
  EXPECT_THAT(refused("when,value\n1,2\n"), HasSubstr("it has no column 'timestamp'"));
  EXPECT_THAT(refused("timestamp,value\n1,2\nnoon,3\n"), HasSubstr("line 3: 'noon' is no time"));
  EXPECT_THAT(refused("timestamp,value\n1,2,3\n"), HasSubstr("line 2: it has 3 fields"));
  EXPECT_THAT(refused("timestamp,value,quality\n1,2,thinned\n"), HasSubstr("line 2: 'thinned' is no quality"));
  EXPECT_THAT(refused("timestamp,path,value\n1,b,3\n"), HasSubstr("line 2: "));
  EXPECT_THAT(refused("timestamp,value\n"), HasSubstr("it holds no readings"));
  EXPECT_THAT(refused("timestamp,value\n1," + std::string(2'000, 'x') + "\n"),
              HasSubstr("line 2: a value of more than"));
}

class Recordings : public testing::Test {
 protected:
  Recordings() : folder_(std::filesystem::path(testing::TempDir()) / ("recordings-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "one.csv") << "timestamp,value\n2026-03-29T00:00:00.5Z,1\n2026-03-29T00:00:02Z,2\n";
    std::ofstream(folder_ / "all.csv") << "timestamp,path,value\n100,b/t,1\n101,b/u,2\n102,b/t,3\n";
  }
  ~Recordings() override { std::filesystem::remove_all(folder_); }

  Read read(const std::string& keys) {
    return rule_test::read("tests:\n- name: it\n  " + keys + "\n  expect: []\n", folder_ / "a.test.yaml");
  }

  std::filesystem::path folder_;
};

TEST_F(Recordings, BeginATest) {
  const Read found = read("input: {b/t: {csv: one.csv, unit: Cel}, b/u: 7}");
  ASSERT_THAT(found.wrong, IsEmpty());
  const auto& test = found.suite.tests.front();
  EXPECT_EQ(to_iso(test.start), "2026-03-29T00:00:00Z");
  ASSERT_THAT(test.arrivals, SizeIs(3));
  EXPECT_EQ(test.arrivals[0].at, test.start);  // of b/u
  EXPECT_EQ(test.arrivals[1].at, test.start + kSecond / 2);
  EXPECT_EQ(test.signals[0].unit, "Cel");
}

TEST_F(Recordings, MayBeMoved) {
  const Read found = read("input: {b/t: {csv: one.csv, from: 10s, delay: 1s}}");
  ASSERT_THAT(found.wrong, IsEmpty());
  const auto& test = found.suite.tests.front();
  EXPECT_EQ(test.start, kUsualStart);
  EXPECT_EQ(test.arrivals[0].reading.time, kUsualStart + 10 * kSecond);
  EXPECT_EQ(test.arrivals[1].at, kUsualStart + 12'500 * kMillisecond);
}

TEST_F(Recordings, MayHoldAllSignals) {
  const auto all = read("recording: all.csv").suite.tests.front();
  EXPECT_THAT(all.signals, SizeIs(2));
  EXPECT_THAT(all.arrivals, SizeIs(3));
  EXPECT_EQ(all.start, 100 * kSecond);
  const auto one = read("input: {b/t: {csv: all.csv}}").suite.tests.front();
  EXPECT_THAT(one.signals, SizeIs(1));
  EXPECT_THAT(one.arrivals, SizeIs(2));
}

TEST_F(Recordings, SayWhatIsWrongWithThem) {
  EXPECT_THAT(read("input: {b/t: {csv: none.csv}}").wrong,
              ElementsAre(HasSubstr("3:22 none.csv: it cannot be opened")));
  EXPECT_THAT(read("input: {b/x: {csv: all.csv}}").wrong, ElementsAre(HasSubstr("it has no readings of b/x")));
  EXPECT_THAT(read("recording: one.csv").wrong, ElementsAre(HasSubstr("one.csv has no column 'path'")));
  EXPECT_THAT(read("start: 2026-03-29T00:00:01Z\n  input: {b/t: {csv: one.csv}}").wrong,
              ElementsAre(HasSubstr("4:22 there is a reading of 2026-03-29T00:00:00.5Z, before the start")));
  EXPECT_THAT(read("start: 2020-01-01T00:00:00Z\n  recording: all.csv").wrong, SizeIs(2));
  EXPECT_THAT(read("start: 1971-02-01T00:00:00Z\n  recording: all.csv").wrong, SizeIs(2));
}

}  // namespace
}  // namespace weir::rule_test
