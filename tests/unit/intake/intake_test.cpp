#include "intake/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <limits>

#include "base/random.h"
#include "base/text.h"
#include "weir/v1/bus.pb.h"

namespace weir::intake {
namespace {

constexpr Timestamp kNow = 1'700'000'000 * kSecond;

// Stands for the line: keeps what it is given, commits when told.
class FakeLine final : public Sink {
 public:
  const model::SignalTable& signals() const override { return table; }
  Result<model::SignalId> define(model::Signal signal, const std::string& driver, bool take_over) override {
    return table.define(std::move(signal), driver, take_over);
  }
  void take(Batch batch, std::vector<v1::Gap> more, const v1::Cursor& after) override {
    if (!batch.series.empty()) batches.push_back(std::move(batch));
    for (v1::Gap& gap : more) gaps.push_back(std::move(gap));
    cursors[after.driver()] = after;
  }
  void driver_state(const v1::DriverStateInput& state) override { states.push_back(state); }
  bool waits_for_time() const override { return waits; }
  void tick() override { ++ticks; }

  model::SignalTable table;
  std::vector<Batch> batches;
  std::vector<v1::Gap> gaps;
  std::map<std::string, v1::Cursor> cursors;
  std::vector<v1::DriverStateInput> states;
  bool waits = false;
  int ticks = 0;
};

class IntakeTest : public testing::Test {
 protected:
  IntakeTest() {
    clock.set(kNow);
    Options options;
    options.incarnation = std::string(16, 'i');
    options.limits.bytes = 100'000;
    intake =
        std::make_unique<Intake>(clock, options, line, [this](const std::string& topic, const std::string& payload) {
          v1::Ack ack;
          ASSERT_TRUE(ack.ParseFromString(payload));
          ASSERT_TRUE(topic.starts_with("weir/v1/ack/"));
          acks[topic.substr(12)].push_back(ack);
        });
    intake->set_drivers({"plc", "host"});
  }

  void announce(const std::string& driver, std::uint64_t instance, const std::vector<std::string>& paths) {
    v1::Announcement announcement;
    announcement.set_instance(instance);
    for (const std::string& path : paths) {
      v1::Signal& signal = *announcement.add_signals();
      signal.set_path(path);
      signal.set_type(v1::DOUBLE);
    }
    intake->message("weir/v1/signals/" + driver, announcement.SerializeAsString());
  }

  static v1::Batch batch(std::uint64_t epoch, std::uint64_t seq, const std::string& path, Timestamp time,
                         int count = 1) {
    v1::Batch batch;
    batch.set_epoch(epoch);
    batch.set_seq(seq);
    v1::Series& series = *batch.add_series();
    series.set_signal(path);
    for (int i = 0; i < count; ++i) {
      series.add_times(i == 0 ? time : kMillisecond);
      series.add_doubles(i);
    }
    return batch;
  }

  void send(const std::string& driver, const v1::Batch& batch) {
    intake->message("weir/v1/data/" + driver, batch.SerializeAsString());
  }

  void commit() {
    std::vector<v1::Cursor> cursors;
    for (const auto& [name, cursor] : line.cursors) cursors.push_back(cursor);
    line.cursors.clear();
    intake->committed(cursors);
  }

  std::uint64_t refused(const std::string& driver, Refusal why) const {
    return intake->counters().at(driver).refused[static_cast<std::size_t>(why)];
  }

  // An announced driver with a durable epoch.
  std::uint64_t up(const std::string& driver, std::uint64_t instance, const std::string& path) {
    announce(driver, instance, {path});
    commit();
    return acks[driver].back().epoch();
  }

  ManualClock clock;
  FakeLine line;
  std::unique_ptr<Intake> intake;
  std::map<std::string, std::vector<v1::Ack>> acks;
};

TEST_F(IntakeTest, ToldItsEpochOnlyWhenItIsDurable) {
  announce("plc", 7, {"boiler/t"});
  EXPECT_TRUE(acks["plc"].empty());
  commit();
  ASSERT_EQ(acks["plc"].size(), 1U);
  EXPECT_EQ(acks["plc"][0].instance(), 7U);
  EXPECT_EQ(acks["plc"][0].epoch(), 1U);
  EXPECT_EQ(acks["plc"][0].seq(), 0U);
  EXPECT_GT(acks["plc"][0].credit(), 0U);
  EXPECT_EQ(acks["plc"][0].incarnation(), std::string(16, 'i'));
}

TEST_F(IntakeTest, AcknowledgesWhatIsCommittedAndNotWhatIsReceived) {
  const auto epoch = up("plc", 7, "boiler/t");
  send("plc", batch(epoch, 1, "boiler/t", kNow));
  send("plc", batch(epoch, 2, "boiler/t", kNow));
  EXPECT_EQ(acks["plc"].back().seq(), 0U);
  announce("plc", 7, {"boiler/t"});  // it lost its connection and came back
  EXPECT_EQ(acks["plc"].back().seq(), 0U);
  commit();
  EXPECT_EQ(acks["plc"].back().seq(), 2U);
}

TEST_F(IntakeTest, ADriverThatIsLeavingBringsInWhatItHas) {
  const auto epoch = up("plc", 7, "boiler/t");
  intake->set_drivers({"host"}, {"plc"});
  send("plc", batch(epoch, 1, "boiler/t", kNow));
  commit();
  EXPECT_EQ(line.batches.size(), 1U);
  EXPECT_EQ(acks["plc"].back().seq(), 1U);
  intake->set_drivers({"host"});
  send("plc", batch(epoch, 2, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 1U);
}

TEST_F(IntakeTest, ASignalMovesToTheDriverThatAnnouncesItWhenItsOwnLetsGo) {
  up("plc", 7, "boiler/t");
  const auto epoch = up("host", 8, "boiler/t");
  EXPECT_EQ(refused("host", Refusal::malformed), 1U);
  EXPECT_EQ(line.table.at(line.table.find("boiler/t")).driver, "plc");
  announce("plc", 9, {"boiler/u"});  // another life, without it
  EXPECT_EQ(line.table.at(line.table.find("boiler/t")).driver, "host");
  send("host", batch(epoch, 1, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 1U);
  announce("plc", 9, {"boiler/u", "boiler/t"});  // it is the other's now
  EXPECT_EQ(line.table.at(line.table.find("boiler/t")).driver, "host");
  announce("host", 8, {});
  EXPECT_EQ(line.table.at(line.table.find("boiler/t")).driver, "plc");
}

TEST_F(IntakeTest, ASignalOfADriverThatWasNotHeardOfIsStillIts) {
  model::Signal signal;
  signal.path = "boiler/t";
  ASSERT_TRUE(line.table.define(signal, "plc", false));  // of the life before
  up("host", 8, "boiler/t");
  EXPECT_EQ(line.table.at(line.table.find("boiler/t")).driver, "plc");
  intake->set_drivers({"host"}, {"plc"});  // it was taken out of weir.yaml
  announce("host", 8, {"boiler/t"});
  EXPECT_EQ(line.table.at(line.table.find("boiler/t")).driver, "host");
}

TEST_F(IntakeTest, TakesEachBatchOnce) {
  const auto epoch = up("plc", 7, "boiler/t");
  for (int again = 0; again < 3; ++again)
    for (std::uint64_t seq = 1; seq <= 3; ++seq) send("plc", batch(epoch, seq, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 3U);
  EXPECT_EQ(intake->counters().at("plc").repeats, 6U);
}

TEST_F(IntakeTest, AsksOnceForWhatIsMissing) {
  const auto epoch = up("plc", 7, "boiler/t");
  send("plc", batch(epoch, 1, "boiler/t", kNow));
  commit();
  const std::size_t before = acks["plc"].size();
  for (std::uint64_t seq = 3; seq < 10; ++seq) send("plc", batch(epoch, seq, "boiler/t", kNow));
  ASSERT_EQ(acks["plc"].size(), before + 1);
  EXPECT_TRUE(acks["plc"].back().resend());
  EXPECT_EQ(acks["plc"].back().seq(), 1U);
  EXPECT_EQ(line.batches.size(), 1U);

  // The request itself was lost: asked again after a second of silence.
  clock.advance(2 * kSecond);
  intake->second();
  EXPECT_EQ(acks["plc"].size(), before + 2);
  for (std::uint64_t seq = 2; seq < 10; ++seq) send("plc", batch(epoch, seq, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 9U);
  clock.advance(2 * kSecond);
  intake->second();
  EXPECT_EQ(acks["plc"].size(), before + 2);
}

TEST_F(IntakeTest, ANewLifeOfADriverLeavesAGapFromTheLastAcceptedToTheFirstNew) {
  auto epoch = up("plc", 7, "boiler/t");
  send("plc", batch(epoch, 1, "boiler/t", kNow, 10));
  commit();
  clock.advance(5 * kSecond);
  epoch = up("plc", 8, "boiler/t");
  EXPECT_EQ(epoch, 2U);
  EXPECT_TRUE(line.gaps.empty());
  send("plc", batch(epoch, 1, "boiler/t", kNow + 5 * kSecond));
  ASSERT_EQ(line.gaps.size(), 1U);
  EXPECT_EQ(line.gaps[0].driver(), "plc");
  EXPECT_EQ(line.gaps[0].from(), kNow + 9 * kMillisecond);
  EXPECT_EQ(line.gaps[0].to(), kNow + 5 * kSecond);
  EXPECT_EQ(line.gaps[0].reason(), "driver-restarted");
  send("plc", batch(epoch, 2, "boiler/t", kNow + 6 * kSecond));
  EXPECT_EQ(line.gaps.size(), 1U);
}

TEST_F(IntakeTest, ALifeOfWhichNothingWasAcceptedLeavesAGapToo) {
  const auto first = up("plc", 7, "boiler/t");
  const auto epoch = up("plc", 8, "boiler/t");
  EXPECT_NE(epoch, first);
  send("plc", batch(epoch, 1, "boiler/t", kNow));
  ASSERT_EQ(line.gaps.size(), 1U);
  EXPECT_EQ(line.gaps[0].from(), 0);
  EXPECT_EQ(line.gaps[0].to(), kNow);
  EXPECT_EQ(line.gaps[0].reason(), "driver-restarted");
}

TEST_F(IntakeTest, TheFirstLifeOfADriverLeavesNoGap) {
  send("plc", batch(up("plc", 7, "boiler/t"), 1, "boiler/t", kNow));
  EXPECT_TRUE(line.gaps.empty());
}

TEST_F(IntakeTest, ABatchThatCanNeverBeAcceptedIsRefusedOnceAndSaid) {
  const auto epoch = up("plc", 7, "boiler/t");
  send("plc", batch(epoch, 1, "boiler/nonsense", kNow));
  send("plc", batch(epoch, 2, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 1U);
  EXPECT_EQ(refused("plc", Refusal::unknown_signal), 1U);
  ASSERT_EQ(line.gaps.size(), 1U);
  EXPECT_THAT(line.gaps[0].reason(), testing::HasSubstr("boiler/nonsense"));
  commit();
  EXPECT_EQ(acks["plc"].back().seq(), 2U);
  ASSERT_EQ(acks["plc"].back().refused_size(), 1);
  EXPECT_EQ(acks["plc"].back().refused(0).seq(), 1U);
  announce("plc", 7, {"boiler/t"});
  EXPECT_EQ(acks["plc"].back().refused_size(), 0);
}

TEST_F(IntakeTest, WhatIsNoBatchIsAskedForOnceMoreAndThenRefused) {
  const auto epoch = up("plc", 7, "boiler/t");
  const std::string garbage = "\xff\xff\xff";
  intake->message("weir/v1/data/plc", garbage);
  EXPECT_TRUE(acks["plc"].back().resend());
  EXPECT_TRUE(line.gaps.empty());
  send("plc", batch(epoch, 2, "boiler/t", kNow));  // so there was a 1
  EXPECT_TRUE(line.batches.empty());
  intake->message("weir/v1/data/plc", garbage);
  EXPECT_EQ(line.gaps.size(), 1U);
  EXPECT_EQ(refused("plc", Refusal::not_protobuf), 2U);
  send("plc", batch(epoch, 2, "boiler/t", kNow));  // 1 is given up
  EXPECT_EQ(line.batches.size(), 1U);
}

TEST_F(IntakeTest, GarbageBeforeABatchWasSentDoesNotTakeItsPlace) {
  const auto epoch = up("plc", 7, "boiler/t");
  const std::size_t before = acks["plc"].size();
  for (int i = 0; i < 3; ++i) intake->message("weir/v1/data/plc", "\xff\xff\xff");
  EXPECT_EQ(acks["plc"].size(), before + 1);  // asked once
  send("plc", batch(epoch, 1, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 1U);
  EXPECT_TRUE(line.gaps.empty());
  EXPECT_EQ(intake->counters().at("plc").repeats, 0U);

  // What was ahead before says nothing about the next place.
  intake->message("weir/v1/data/plc", "\xff");
  send("plc", batch(epoch, 3, "boiler/t", kNow));
  send("plc", batch(epoch, 2, "boiler/t", kNow));
  send("plc", batch(epoch, 3, "boiler/t", kNow));
  for (int i = 0; i < 2; ++i) intake->message("weir/v1/data/plc", "\xff");
  send("plc", batch(epoch, 4, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 4U);
  EXPECT_TRUE(line.gaps.empty());
}

TEST_F(IntakeTest, GarbageInBetweenLosesNothing) {
  const auto epoch = up("plc", 7, "boiler/t");
  intake->message("weir/v1/data/plc", "\xff");
  send("plc", batch(epoch, 1, "boiler/t", kNow));
  intake->message("weir/v1/data/plc", "\xff");
  send("plc", batch(epoch, 2, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 2U);
  EXPECT_TRUE(line.gaps.empty());
}

TEST_F(IntakeTest, TooLargeIsRefusedInItsPlace) {
  const auto epoch = up("plc", 7, "boiler/t");
  send("plc", batch(epoch, 1, "boiler/t", kNow, 50'000));
  EXPECT_EQ(refused("plc", Refusal::too_large), 1U);
  EXPECT_EQ(line.gaps.size(), 1U);
  send("plc", batch(epoch, 2, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 1U);
}

TEST_F(IntakeTest, ForeignersAreCountedAndNothingElse) {
  announce("intruder", 1, {"x/y"});
  intake->message("some/topic", "x");
  intake->message("weir/v1/data", "x");
  intake->message("weir/v1/data/plc/more", "x");
  EXPECT_EQ(intake->strays(), 4U);
  EXPECT_EQ(line.table.size(), 0U);
  EXPECT_TRUE(acks.empty());
}

TEST_F(IntakeTest, AnotherDriversSignalIsRefused) {
  up("plc", 7, "boiler/t");
  const auto epoch = up("host", 9, "host/cpu");
  send("host", batch(epoch, 1, "boiler/t", kNow));
  EXPECT_EQ(refused("host", Refusal::unknown_signal), 1U);
  announce("host", 9, {"boiler/t"});
  EXPECT_EQ(refused("host", Refusal::malformed), 1U);
  EXPECT_EQ(line.table.at(line.table.find("boiler/t")).driver, "plc");
}

TEST_F(IntakeTest, AnEpochThatIsNotTheDriversIsNotTaken) {
  const auto epoch = up("plc", 7, "boiler/t");
  send("plc", batch(epoch + 1, 1, "boiler/t", kNow));
  send("plc", batch(0, 1, "boiler/t", kNow));
  EXPECT_TRUE(line.batches.empty());
  EXPECT_EQ(refused("plc", Refusal::foreign_epoch), 2U);
  EXPECT_TRUE(line.gaps.empty());
}

TEST_F(IntakeTest, MalformedColumnsAreRefused) {
  const auto epoch = up("plc", 7, "boiler/t");
  std::uint64_t seq = 0;
  const auto refuse = [&](const std::function<void(v1::Series&)>& spoil) {
    v1::Batch bad = batch(epoch, ++seq, "boiler/t", kNow, 3);
    spoil(*bad.mutable_series(0));
    send("plc", bad);
    EXPECT_EQ(line.batches.size(), 0U) << seq;
    EXPECT_EQ(refused("plc", Refusal::malformed), seq);
  };
  refuse([](v1::Series& s) { s.add_doubles(1); });
  refuse([](v1::Series& s) { s.add_ints(1); });
  refuse([](v1::Series& s) { s.clear_doubles(); });
  refuse([](v1::Series& s) {
    s.clear_doubles();
    for (int i = 0; i < 3; ++i) s.add_ints(i);
  });
  refuse([](v1::Series& s) {
    s.clear_times();
    s.clear_doubles();
  });
  refuse([](v1::Series& s) {
    s.add_qualities(1);
    s.add_qualities(2);
  });
  refuse([](v1::Series& s) { s.set_times(1, std::numeric_limits<std::int64_t>::max()); });
}

TEST_F(IntakeTest, StampsFromTheFutureAreClampedAndUncertain) {
  const auto epoch = up("plc", 7, "boiler/t");
  v1::Batch future = batch(epoch, 1, "boiler/t", kNow, 2);
  future.mutable_series(0)->set_times(1, kHour);
  send("plc", future);
  ASSERT_EQ(line.batches.size(), 1U);
  const model::Series& series = line.batches[0].series[0];
  EXPECT_EQ(series.times, (std::vector<Timestamp>{kNow, kNow}));
  EXPECT_TRUE(series.quality(0).good());
  EXPECT_TRUE(series.quality(1).uncertain());
  EXPECT_EQ(intake->counters().at("plc").clamped, 1U);
}

TEST_F(IntakeTest, NotSyncedMeansNoGuard) {
  clock.set_synced(false);
  const auto epoch = up("plc", 7, "boiler/t");
  send("plc", batch(epoch, 1, "boiler/t", kNow + kHour));
  ASSERT_EQ(line.batches.size(), 1U);
  EXPECT_EQ(line.batches[0].series[0].times[0], kNow + kHour);
}

TEST_F(IntakeTest, AStampFromTheFarFutureDoesNotMoveTheLastTimeThere) {
  clock.set_synced(false);
  const auto epoch = up("plc", 7, "boiler/t");
  send("plc", batch(epoch, 1, "boiler/t", kNow + 1'000 * kHour));
  EXPECT_EQ(line.cursors.at("plc").last_time(), kNow + 5 * kSecond);
  clock.advance(kHour);
  send("plc", batch(epoch, 2, "boiler/t", kNow + kHour));
  EXPECT_EQ(line.cursors.at("plc").last_time(), kNow + kHour);
  send("plc", batch(epoch, 3, "boiler/t", kNow));
  EXPECT_EQ(line.cursors.at("plc").last_time(), kNow + kHour);
}

TEST_F(IntakeTest, WhatTheDriverDroppedBecomesAGap) {
  const auto epoch = up("plc", 7, "boiler/t");
  v1::Batch lossy = batch(epoch, 1, "boiler/t", kNow);
  lossy.mutable_dropped()->set_count(12);
  lossy.mutable_dropped()->set_from(kNow - 9);
  lossy.mutable_dropped()->set_to(kNow - 3);
  lossy.mutable_dropped()->set_reason("queue full");
  send("plc", lossy);
  ASSERT_EQ(line.gaps.size(), 1U);
  EXPECT_EQ(line.gaps[0].count(), 12U);
  EXPECT_EQ(line.gaps[0].from(), kNow - 9);
  EXPECT_EQ(line.gaps[0].to(), kNow - 3);
}

TEST_F(IntakeTest, AfterARestartItGoesOnWhereTheLogEnds) {
  v1::Cursor cursor;
  cursor.set_driver("plc");
  cursor.set_instance(7);
  cursor.set_epoch(4);
  cursor.set_seq(10);
  cursor.set_accepted(100);
  intake->restore({cursor}, 5);
  announce("plc", 7, {"boiler/t"});
  ASSERT_EQ(acks["plc"].size(), 1U);
  EXPECT_EQ(acks["plc"][0].seq(), 10U);
  send("plc", batch(4, 10, "boiler/t", kNow));
  send("plc", batch(4, 11, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 1U);
  // Epochs are never given twice.
  EXPECT_EQ(up("host", 1, "host/cpu"), 6U);
}

TEST_F(IntakeTest, HeldItGivesNoCreditAndTakesNothing) {
  const auto epoch = up("plc", 7, "boiler/t");
  intake->hold(true);
  EXPECT_EQ(acks["plc"].back().credit(), 0U);
  send("plc", batch(epoch, 1, "boiler/t", kNow));
  EXPECT_TRUE(line.batches.empty());
  intake->hold(false);
  EXPECT_TRUE(acks["plc"].back().resend());
  EXPECT_GT(acks["plc"].back().credit(), 0U);
  send("plc", batch(epoch, 1, "boiler/t", kNow));
  EXPECT_EQ(line.batches.size(), 1U);
}

TEST_F(IntakeTest, CreditsSumToLessThanTheBrokersQueue) {
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("d" + std::to_string(i));
  intake->set_drivers(names);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    up(names[i], i + 1, names[i] + "/t");
    sum += acks[names[i]].back().credit();
  }
  EXPECT_LT(sum, 20'000U);
}

TEST_F(IntakeTest, TicksOnlyWhileSomethingWaits) {
  intake->second();
  EXPECT_EQ(line.ticks, 0);
  line.waits = true;
  intake->second();
  EXPECT_EQ(line.ticks, 1);
  intake->hold(true);
  intake->second();
  EXPECT_EQ(line.ticks, 1);
  intake->hold(false);
  intake->second();
  EXPECT_EQ(line.ticks, 2);
}

TEST_F(IntakeTest, AStateIsCutToItsBounds) {
  v1::DriverState state;
  state.set_level(v1::DOWN);
  state.set_reason(std::string(10'000, 'x'));
  intake->message("weir/v1/state/plc", state.SerializeAsString());
  ASSERT_EQ(line.states.size(), 1U);
  EXPECT_EQ(line.states[0].state().reason().size(), 1'024U);
  intake->message("weir/v1/state/plc", "\xff");
  EXPECT_EQ(line.states.size(), 1U);
}

// A character cut in two would be written to the log and not be read back.
template <class Message>
bool reads_back(const Message& message) {
  Message again;
  return again.ParseFromString(message.SerializeAsString());
}

std::string degrees(std::size_t before) {
  std::string out(before, 'x');
  for (int i = 0; i < 2'000; ++i) out += "°";
  return out;
}

TEST_F(IntakeTest, AStateIsNotCutInsideACharacter) {
  v1::DriverState state;
  state.set_level(v1::DOWN);
  state.set_reason(degrees(1));
  v1::DeviceState& device = *state.add_devices();
  device.set_device(degrees(1));
  device.set_reason(degrees(1));
  intake->message("weir/v1/state/plc", state.SerializeAsString());
  ASSERT_EQ(line.states.size(), 1U);
  EXPECT_TRUE(reads_back(line.states[0]));
  EXPECT_EQ(line.states[0].state().reason().size(), 1'023U);
  EXPECT_EQ(line.states[0].state().devices(0).device().size(), 1'023U);
  EXPECT_EQ(line.states[0].state().devices(0).reason().size(), 1'023U);
}

TEST_F(IntakeTest, AGapsReasonIsNotCutInsideACharacter) {
  const auto epoch = up("plc", 7, "boiler/t");
  v1::Batch lossy = batch(epoch, 1, "boiler/t", kNow);
  lossy.mutable_dropped()->set_count(1);
  lossy.mutable_dropped()->set_reason(degrees(1));
  send("plc", lossy);
  for (std::uint64_t seq = 2; seq < 4; ++seq) send("plc", batch(epoch, seq, degrees(seq), kNow));
  ASSERT_EQ(line.gaps.size(), 3U);
  for (const v1::Gap& gap : line.gaps) EXPECT_TRUE(reads_back(gap)) << gap.reason();
  // The acks are read back by the fixture.
  commit();
  EXPECT_EQ(acks["plc"].back().refused_size(), 2);
  EXPECT_TRUE(is_utf8(intake->counters().at("plc").last_refusal));
}

// A lossy bus between a driver that keeps the contract and the intake: whatever is lost, repeated or
// delayed, each reading is taken once and in order.
TEST_F(IntakeTest, ALossyBusChangesNothing) {
  std::uint64_t random = 42;
  for (int round = 0; round < 50; ++round) {
    SetUp();
    line = FakeLine();
    acks.clear();
    Options options;
    options.incarnation = std::string(16, 'i');
    std::deque<v1::Ack> to_driver;
    intake = std::make_unique<Intake>(clock, options, line, [&](const std::string&, const std::string& payload) {
      v1::Ack ack;
      ack.ParseFromString(payload);
      to_driver.push_back(ack);
    });
    intake->set_drivers({"plc"});
    announce("plc", 7, {"boiler/t"});
    commit();

    constexpr std::uint64_t kBatches = 60;
    std::uint64_t accepted = 0, next = 1;
    for (int step = 0; step < 5'000 && accepted < kBatches; ++step) {
      clock.advance(100 * kMillisecond);
      if (!to_driver.empty()) {
        const v1::Ack ack = to_driver.front();
        to_driver.pop_front();
        if (split_mix(random) % 10 < 7) {  // or else the ack is lost
          accepted = std::max(accepted, ack.seq());
          if (ack.resend()) next = accepted + 1;
        }
      }
      if (next <= kBatches && next <= accepted + 8) {
        if (split_mix(random) % 10 < 7) send("plc", batch(1, next, "boiler/t", kNow + static_cast<Timestamp>(next)));
        ++next;
      }
      if (split_mix(random) % 5 == 0) commit();
      if (split_mix(random) % 20 == 0) {  // a new connection
        announce("plc", 7, {"boiler/t"});
        next = accepted + 1;
      }
      intake->second();
    }
    ASSERT_EQ(accepted, kBatches);
    ASSERT_EQ(line.batches.size(), kBatches);
    for (std::uint64_t i = 0; i < kBatches; ++i) ASSERT_EQ(line.batches[i].head.seq(), i + 1);
    ASSERT_TRUE(line.gaps.empty());
  }
}

}  // namespace
}  // namespace weir::intake
