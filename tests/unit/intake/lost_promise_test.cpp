// An agent that accepted readings while its disk took nothing, and then died: its next life knows less than its
// drivers do. With the drivers' own side of the contract (drivers/sdk), on a bus in between.
#include <gmock/gmock.h>

#include <map>
#include <set>

#include "../sdk/session_fixture.h"
#include "intake/intake.h"

namespace weir::intake {
namespace {

constexpr Timestamp kNow = 1'700'000'000 * kSecond;

// Stands for the line and its store: what is committed is durable only if the disk takes it.
class Box final : public Sink {
 public:
  const model::SignalTable& signals() const override { return table; }
  Result<model::SignalId> define(model::Signal signal, const std::string& driver, bool take_over) override {
    return table.define(std::move(signal), driver, take_over);
  }
  void take(Batch batch, std::vector<v1::Gap> more, const v1::Cursor& after) override {
    for (const model::Series& series : batch.series)
      for (const Timestamp time : series.times) ++taken[time];
    for (v1::Gap& gap : more) gaps.push_back(std::move(gap));
    waiting = after;
  }
  void driver_state(const v1::DriverStateInput&) override {}
  bool waits_for_time() const override { return false; }
  void tick() override {}

  model::SignalTable table;
  std::optional<v1::Cursor> waiting, durable;
  std::map<Timestamp, int> taken;  // in this life of the agent
  std::vector<v1::Gap> gaps;
};

class LostPromiseTest : public testing::Test {
 protected:
  LostPromiseTest() {
    rig.clock.set(kNow);
    live();
  }

  // Another life of the agent, which knows what was durable.
  void live() {
    box.waiting.reset();
    Options options;
    options.incarnation = std::string(16, incarnation);
    intake = std::make_unique<Intake>(rig.clock, options, box, [this](std::string topic, const std::string& payload) {
      v1::Ack ack;
      ASSERT_TRUE(ack.ParseFromString(payload));
      acks.emplace_back(std::move(topic), std::move(ack));
    });
    intake->set_drivers({"boiler"});
    if (box.durable) intake->restore({*box.durable}, box.durable->epoch());
  }

  // The bus, and a commit: until nobody has anything to say.
  void settle(bool disk_takes_it) {
    for (bool busy = true; busy;) {
      busy = false;
      while (!rig.client.sent.empty()) {
        const mqtt::Message message = rig.client.deliver();
        if (message.topic == "weir/v1/signals/boiler") announced = message.payload;
        intake->message(message.topic, message.payload);
        busy = true;
      }
      if (box.waiting) {
        if (disk_takes_it) box.durable = box.waiting;
        intake->committed({*std::exchange(box.waiting, std::nullopt)});
        busy = true;
      }
      for (const auto& [topic, ack] : std::exchange(acks, {})) {
        rig.client.tell(topic, ack);
        busy = true;
      }
    }
  }

  void publish(int count) {
    for (int i = 0; i < count; ++i) {
      published.insert(rig.clock.now());
      rig.publish_batch(rig.clock.now());
      rig.clock.advance(kMillisecond);
    }
  }

  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      rig.pass(kSecond);
      intake->second();
      settle(true);
    }
  }

  // Each reading came once, in this life or one of `before`, or a gap says where it was.
  void expect_accounted_for(const std::map<Timestamp, int>& before) {
    EXPECT_TRUE(rig.outbox.with_queue([](const sdk::Queue& queue) { return queue.empty(); })) << "it hangs";
    for (const Timestamp time : published) {
      const auto times = [time](const std::map<Timestamp, int>& life) {
        const auto found = life.find(time);
        return found == life.end() ? 0 : found->second;
      };
      const int count = times(box.taken) + times(before);
      const bool said =
          std::ranges::any_of(box.gaps, [&](const v1::Gap& gap) { return gap.from() <= time && time <= gap.to(); });
      EXPECT_LE(count, 1) << time - kNow << " came twice";
      EXPECT_TRUE(count == 1 || said) << time - kNow << " is missing, and nothing says so";
    }
  }

  sdk::test::Rig rig;
  Box box;
  std::unique_ptr<Intake> intake;
  std::vector<std::pair<std::string, v1::Ack>> acks;
  std::string announced;
  char incarnation = 'i';
  std::set<Timestamp> published;
};

TEST_F(LostPromiseTest, TheDriverGoesOnAndTheGapIsSaid) {
  for (const bool bus_dies_too : {false, true}) {
    SCOPED_TRACE(bus_dies_too ? "managed bus" : "the box's own broker");
    if (!rig.client.connected()) rig.client.connect();
    settle(true);
    publish(3);
    settle(true);
    box.gaps.clear();
    const auto kept = box.taken;
    publish(4);
    settle(false);
    EXPECT_EQ(box.taken.size(), kept.size() + 4);
    publish(1);  // on its way when the power goes
    box.taken.clear();
    if (bus_dies_too) rig.client.disconnect();
    live();
    if (bus_dies_too) rig.client.connect();
    else intake->message("weir/v1/signals/boiler", announced);  // retained
    settle(true);
    publish(2);
    pass(60);
    publish(2);
    pass(10);
    expect_accounted_for(kept);
    ASSERT_THAT(box.gaps, testing::SizeIs(1));
    EXPECT_EQ(box.gaps[0].reason(), "accepted-and-lost");
    EXPECT_EQ(box.gaps[0].driver(), "boiler");
    published.clear();
    box.taken.clear();
  }
}

TEST_F(LostPromiseTest, AnEpochThatWasNeverDurableIsNotGivenAgain) {
  rig.client.connect();
  settle(false);
  publish(3);
  settle(false);
  const std::uint64_t epoch = rig.outbox.with_queue([](const sdk::Queue& queue) { return queue.epoch(); });
  ASSERT_GT(epoch, 0U);
  rig.client.disconnect();
  box.taken.clear();
  live();
  rig.client.connect();
  settle(true);
  publish(2);
  pass(60);
  expect_accounted_for({});
  EXPECT_GT(rig.outbox.with_queue([](const sdk::Queue& queue) { return queue.epoch(); }), epoch);
  ASSERT_THAT(box.gaps, testing::SizeIs(1));
  EXPECT_EQ(box.gaps[0].reason(), "accepted-and-lost");
}

TEST_F(LostPromiseTest, NothingComesTwiceUnderAnotherIncarnation) {
  rig.client.connect();
  settle(true);
  publish(2);
  settle(true);
  publish(2);
  while (!rig.client.sent.empty()) {
    const mqtt::Message message = rig.client.deliver();
    intake->message(message.topic, message.payload);
  }
  box.durable = box.waiting;  // and the agent dies before it says so
  ASSERT_EQ(box.taken.size(), 4U);
  rig.client.disconnect();
  incarnation = 'j';
  live();
  rig.client.connect();
  settle(true);
  publish(2);
  pass(60);
  expect_accounted_for({});
  EXPECT_EQ(box.taken.size(), 6U);
  EXPECT_THAT(box.gaps, testing::IsEmpty());
}

TEST_F(LostPromiseTest, WithoutALossThereIsNoGap) {
  rig.client.connect();
  settle(true);
  publish(3);
  settle(true);
  rig.client.disconnect();
  live();
  rig.client.connect();
  settle(true);
  publish(2);
  pass(60);
  expect_accounted_for({});
  EXPECT_THAT(box.gaps, testing::IsEmpty());
}

TEST_F(LostPromiseTest, AnAbsurdEpochIsNotBelieved) {
  v1::Announcement announcement;
  announcement.set_instance(7);
  announcement.set_epoch(~0ULL);
  intake->message("weir/v1/signals/boiler", announcement.SerializeAsString());
  EXPECT_EQ(intake->last_epoch(), 1U);
}

}  // namespace
}  // namespace weir::intake
