// The judge sees what it is there to see: evidence of a quiet run, tampered with.
#include "judge.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "arrivals.h"
#include "box.h"
#include "journal.h"
#include "test_support/temp_dir.h"
#include "weir/v1/uplink.pb.h"

namespace weir::oracle {
namespace {

class JudgeTest : public testing::Test {
 protected:
  // One quiet run for all of them.
  static void SetUpTestSuite() {
    if (!test::Mosquitto::installed()) return;
    const auto agent = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "weir";
    box = new Box(Bus::own, agent, 1);
    box->start();
    ASSERT_TRUE(box->flows(std::chrono::seconds(30)).has_value());
    while (read_arrivals(box->evidence().arrivals).size() < 40)
      ASSERT_TRUE(box->flows(std::chrono::seconds(30)).has_value());
    ASSERT_TRUE(box->come_to_rest(std::chrono::seconds(30)).has_value());
  }
  static void TearDownTestSuite() {
    delete box;
    box = nullptr;
  }

  void SetUp() override {
    if (box == nullptr) GTEST_SKIP() << "mosquitto is not installed";
    evidence = box->evidence();
    arrivals = read_arrivals(evidence.arrivals);
    made = read_journal(evidence.journal);
  }

  Verdict judged() {
    evidence.arrivals = folder / "arrivals";
    evidence.journal = folder / "journal";
    ArrivalLog log(evidence.arrivals);
    for (const Arrival& arrival : arrivals) log.add(arrival.topic, arrival.payload);
    Journal journal(evidence.journal);
    for (const Made& one : made) journal.add(one);
    journal.write();
    return judge(evidence);
  }

  auto first(const std::string& stream) {
    return std::ranges::find_if(arrivals, [&](const Arrival& a) { return a.topic.ends_with("/" + stream); });
  }

  // Of every record that arrived with it, kind or not: a receiver that was cut off has some twice.
  void forget(const Arrival arrival) {
    std::erase_if(arrivals, [&](const Arrival& a) { return a.payload == arrival.payload; });
  }

  inline static Box* box = nullptr;
  test::TempDir folder;
  Evidence evidence;
  std::vector<Arrival> arrivals;
  std::vector<Made> made;
};

TEST_F(JudgeTest, FindsNothingInAQuietRun) {
  const Verdict verdict = judged();
  for (const Violation& violation : verdict.violations) ADD_FAILURE() << violation.text;
  EXPECT_EQ(verdict.figures.made, made.size());
  EXPECT_EQ(verdict.figures.accepted, made.size());
  EXPECT_EQ(verdict.figures.arrived, made.size());
  EXPECT_GT(verdict.figures.alerts, 0U);
  EXPECT_GT(verdict.figures.derived, 0U);
}

TEST_F(JudgeTest, MissesARecord) {
  forget(*first("raw"));
  const Verdict verdict = judged();
  EXPECT_TRUE(verdict.found(Breach::not_arrived));
  EXPECT_TRUE(verdict.found(Breach::hole));
}

TEST_F(JudgeTest, MissesTheLastRecord) {
  forget(
      *std::find_if(arrivals.rbegin(), arrivals.rend(), [](const Arrival& a) { return a.topic.ends_with("/raw"); }));
  const Verdict verdict = judged();
  EXPECT_TRUE(verdict.found(Breach::not_arrived));
  EXPECT_FALSE(verdict.found(Breach::hole));
}

TEST_F(JudgeTest, MissesAnAlertAndADerivedReading) {
  for (const char* stream : {"alerts", "derived"}) {
    SCOPED_TRACE(stream);
    SetUp();
    std::filesystem::remove(folder / "arrivals");
    std::filesystem::remove(folder / "journal");
    forget(*first(stream));
    EXPECT_TRUE(judged().found(Breach::other_outputs));
  }
}

TEST_F(JudgeTest, SeesARepeatThatDiffers) {
  Arrival again = *first("raw");
  again.payload += std::string("\x28\x01", 2);  // a field that nobody knows
  arrivals.push_back(again);
  EXPECT_TRUE(judged().found(Breach::other_repeat));
}

TEST_F(JudgeTest, LetsAFaithfulRepeatPass) {
  arrivals.push_back(*first("raw"));
  const Verdict verdict = judged();
  EXPECT_TRUE(verdict.violations.empty());
  EXPECT_GT(verdict.figures.repeats, 0U);
}

TEST_F(JudgeTest, SeesAnAlertThatNoReplayHas) {
  v1::Record record;
  v1::AlertRecord alerts;
  ASSERT_TRUE(record.ParseFromString(first("alerts")->payload) && alerts.ParseFromString(record.body()));
  const Arrival before = *first("alerts");
  alerts.mutable_events(0)->set_since(alerts.events(0).since() + 1);
  record.set_body(alerts.SerializeAsString());
  for (Arrival& arrival : arrivals)
    if (arrival.payload == before.payload) arrival.payload = record.SerializeAsString();
  EXPECT_TRUE(judged().found(Breach::other_outputs));
}

TEST_F(JudgeTest, SeesWhatNobodyMade) {
  made.erase(made.begin() + 7);
  EXPECT_TRUE(judged().found(Breach::foreign));
}

TEST_F(JudgeTest, SeesAValueThatChanged) {
  ++made[7].time;
  EXPECT_TRUE(judged().found(Breach::foreign));
}

TEST_F(JudgeTest, SeesWhatWasLostWithoutAWord) {
  made.push_back({signal_path(0), numbered(1, 1 << 30), made.back().time + 1});
  EXPECT_TRUE(judged().found(Breach::uncovered));
}

TEST_F(JudgeTest, SeesThatAnAckWasALie) {
  ASSERT_FALSE(evidence.told.empty());
  evidence.told.rbegin()->second += 1'000;
  EXPECT_TRUE(judged().found(Breach::not_kept));
}

TEST_F(JudgeTest, SeesAnotherIncarnation) {
  v1::Record record;
  ASSERT_TRUE(record.ParseFromString(arrivals.back().payload));
  record.set_incarnation(std::string(16, 'x'));
  arrivals.push_back({arrivals.back().topic, record.SerializeAsString()});
  EXPECT_TRUE(judged().found(Breach::other_life));
}

}  // namespace
}  // namespace weir::oracle
