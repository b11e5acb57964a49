#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../store/folder.h"
#include "cli/replay_input.h"
#include "codec/codec.h"

namespace weir::cli {
namespace {

using store::kNoon;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Timestamp kEnd = std::numeric_limits<Timestamp>::max();

v1::RulesChanged rules(const std::string& text) {
  v1::RulesChanged out;
  v1::RuleFile& file = *out.add_files();
  file.set_name("rules.yaml");
  file.set_text("rules:\n" + text);
  return out;
}

const std::string kHot =
    "  - name: hot\n    from: {t: box/temperature}\n    when: t > 90\n    alert: {severity: info, message: hot}\n";
const std::string kSilent =
    "  - name: silent\n    from: {t: box/temperature}\n    missing: 10s\n    alert: {severity: info, message: "
    "silent}\n";

// A store with a log that a test writes row by row.
class ReplayTest : public store::StoreTest {
 protected:
  ReplayTest() {
    options_.retain = kSecond;
    options_.uplinks.clear();  // nobody waits: what is older goes
    open();
  }

  v1::Entry& entry(Nanoseconds after) {
    v1::Entry& entry = *commit_.add_entries();
    entry.set_time(kNoon + after);
    return entry;
  }
  void define(Nanoseconds after, std::uint32_t id, const std::string& path) {
    v1::SignalDefined& defined = *entry(after).mutable_signal();
    defined.set_id(id);
    defined.set_driver("sim");
    defined.mutable_signal()->set_path(path);
    defined.mutable_signal()->set_type(v1::DOUBLE);
  }
  void reading(Nanoseconds after, std::uint32_t id, double value) {
    entry(after).set_batch(static_cast<std::uint32_t>(raw_.batches().size()));
    v1::BatchTaken& batch = *raw_.add_batches();
    batch.set_series(1);
    batch.set_readings(1);
    readings_.push_back({id, {kNoon + after}, std::vector<double>{value}, {}});
  }
  store::LogId commit() {
    if (!readings_.empty()) codec::encode(readings_, *raw_.mutable_readings());
    const store::LogId id =
        StoreTest::commit(commit_.SerializeAsString(), readings_.empty() ? "" : raw_.SerializeAsString());
    commit_.Clear();
    raw_.Clear();
    readings_.clear();
    return id;
  }

  // What was said, as "rule change seconds".
  std::vector<std::string> replay(std::optional<std::string> given = {}, Timestamp until = kEnd) {
    std::vector<Player> players;
    if (given) {
      auto player = Player::with(rules(*given));
      EXPECT_TRUE(player) << player.error().text();
      players.push_back(std::move(*player));
    } else {
      players.emplace_back();
    }
    std::vector<std::string> out;
    notes_.clear();
    const auto replayed = replay_store(*database_, players, until,
                                       {.stepped =
                                            [&](Timestamp) {
                                              for (const rules::AlertEvent& alert : players.front().outputs.alerts)
                                                out.push_back(alert.rule + " " + alert.change + " " +
                                                              std::to_string((alert.time - kNoon) / kSecond));
                                              players.front().outputs.clear();
                                              return true;
                                            },
                                        .wrong = [&](const std::string& what) { ADD_FAILURE() << what; },
                                        .note = [&](const std::string& note) { notes_.push_back(note); }});
    EXPECT_TRUE(replayed) << replayed.error().text();
    if (replayed) readings_replayed_ = replayed->readings;
    return out;
  }

  v1::Commit commit_;
  v1::RawRecord raw_;
  std::vector<model::Series> readings_;
  std::vector<std::string> notes_;
  std::uint64_t readings_replayed_ = 0;
};

TEST_F(ReplayTest, FollowsTheRulesOfTheLogOrThoseGiven) {
  define(0, 1, "box/temperature");
  reading(1 * kSecond, 1, 95);
  *entry(2 * kSecond).mutable_rules() = rules(kHot);
  reading(3 * kSecond, 1, 95);
  v1::Command& command = *entry(4 * kSecond).mutable_command();
  command.set_verb("acknowledge");
  command.set_target("hot");
  *entry(5 * kSecond).mutable_rules() = rules("  []\n");
  commit();
  EXPECT_THAT(replay(), ElementsAre("hot raised 3", "hot acknowledged 4", "hot forgotten 5"));
  EXPECT_EQ(readings_replayed_, 2u);
  EXPECT_THAT(replay(kHot), ElementsAre("hot raised 1", "hot acknowledged 4"));
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_THAT(replay({}, kNoon + 3 * kSecond), ElementsAre("hot raised 3")) << "with what stands in the same row";
  EXPECT_EQ(readings_replayed_, 2u);
}

TEST_F(ReplayTest, TimePassesForRulesThatTheLogHasNoTicksFor) {
  define(0, 1, "box/temperature");
  define(0, 2, "box/other");
  reading(1 * kSecond, 1, 1);
  commit();
  reading(20 * kSecond, 2, 1);
  commit();
  EXPECT_THAT(replay(kSilent), ElementsAre("silent raised 11"));
}

TEST_F(ReplayTest, TimeInWhichNoAgentRanDoesNotCount) {
  define(0, 1, "box/temperature");
  define(0, 2, "box/other");
  reading(1 * kSecond, 1, 1);
  commit();
  entry(10'000 * kSecond).mutable_started();
  reading(10'001 * kSecond, 2, 1);
  commit();
  EXPECT_THAT(replay(kSilent), IsEmpty());
}

TEST_F(ReplayTest, BeginsAnewWhereTheBeginningIsGone) {
  line::State state([](const v1::RulesChanged&) { return rules::Compiled(); });
  v1::SignalDefined defined;
  defined.set_id(1);
  defined.set_driver("sim");
  defined.mutable_signal()->set_path("box/temperature");
  defined.mutable_signal()->set_type(v1::DOUBLE);
  state.apply(defined);
  v1::Snapshot snapshot;
  ASSERT_TRUE(snapshot.ParseFromString(state.save()));
  *snapshot.mutable_installed() = rules(kHot);
  define(0, 1, "box/temperature");
  commit();
  for (int i = 1; i <= 2; ++i) {
    reading(i * kSecond, 1, 20);
    ASSERT_TRUE(database_->save_snapshot({commit(), snapshot.SerializeAsString()}));
  }
  reading(3 * kSecond, 1, 95);
  commit();
  clock_.advance(kHour);
  ASSERT_TRUE(database_->trim());
  ASSERT_GT(database_->stats().first, 1u);
  EXPECT_THAT(replay(), ElementsAre("hot raised 3"));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("windows and alerts begin anew there")));
  EXPECT_THAT(replay(kHot), ElementsAre("hot raised 3"));
}

}  // namespace
}  // namespace weir::cli
