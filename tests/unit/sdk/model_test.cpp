// Random lives of a driver against a scripted agent. Whatever breaks in between, in the end every
// reading was accepted exactly once or is covered by a record of what was dropped.
#include <random>

#include <gtest/gtest.h>

#include "session_fixture.h"

namespace weir::sdk::test {
namespace {

// The bus between the two: in order, until it breaks.
class World {
 public:
  World(std::uint32_t seed, std::size_t queue_bytes) : random_(seed), rig_(queue_bytes) {}

  void live(int steps) {
    for (int i = 0; i < steps; ++i) step();
  }

  // Nothing breaks any more: all that is left must arrive.
  void settle() {
    agent_.credit = 16;
    if (!rig_.client.up) rig_.client.connect();
    rig_.outbox.flush();
    for (int i = 0; i < 200; ++i) {
      rig_.session.pump();
      while (deliver(0)) {
      }
      answer(agent_.commit(), 0);
      rig_.pass(100 * kMillisecond);
      if (i % 20 == 19) rig_.pass(6 * kMinute);
    }
  }

  // A store that is lost takes along what it knew to be accepted: then a reading may come again.
  void check(bool store_was_kept) {
    EXPECT_TRUE(rig_.outbox.with_queue([](Queue& queue) { return queue.empty(); })) << "all is accepted";
    std::uint64_t missing = 0;
    for (std::int64_t time = 1; time <= published_; ++time) {
      const auto it = agent_.accepted_readings.find(time);
      const int times = it == agent_.accepted_readings.end() ? 0 : it->second;
      if (store_was_kept) {
        ASSERT_LE(times, 1) << "reading " << time;
      }
      if (times > 0) continue;
      ++missing;
      const bool covered = std::ranges::any_of(
          agent_.dropped, [&](const ScriptedAgent::Range& range) { return range.from <= time && time <= range.to; });
      ASSERT_TRUE(covered) << "reading " << time << " of " << published_
                           << " is neither accepted nor told to be dropped";
    }
    if (store_was_kept) {
      EXPECT_EQ(missing, agent_.dropped_count);
    }
    for (const auto& [time, count] : agent_.accepted_readings) EXPECT_TRUE(time >= 1 && time <= published_);
  }

  std::uint64_t dropped() const { return agent_.dropped_count; }
  std::uint64_t resent() const { return rig_.session.resent(); }
  std::int64_t published() const { return published_; }

  bool may_lose_store = false;

 private:
  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

  void step() {
    switch (random_() % 12) {
      case 0:
      case 1:
      case 2: {
        const int count = static_cast<int>(1 + random_() % 30);
        for (int i = 0; i < count; ++i) rig_.publish(++published_);
        if (chance(50)) rig_.outbox.flush();
        break;
      }
      case 3:
      case 4:
      case 5: deliver(agent_up_ ? 3 : 100); break;
      case 6:
        if (agent_up_) answer(agent_.commit(), 20);
        break;
      case 7: rig_.pass(static_cast<Nanoseconds>(random_() % 100) * kMillisecond); break;
      case 8:
        if (chance(20)) rig_.pass(kMinute);
        break;
      case 9:
        if (chance(30)) break_connection();
        else if (!rig_.client.up) rig_.client.connect();
        break;
      case 10:
        if (chance(15)) {
          agent_.kill();
          if (may_lose_store && chance(30)) agent_.lose_store(random_());
          agent_up_ = false;
        } else if (!agent_up_) {
          agent_up_ = true;
          if (announcement_.instance() != 0) answer(*agent_.announced(announcement_), 20);  // it is retained
        }
        break;
      case 11: agent_.credit = chance(20) ? 0 : static_cast<std::uint32_t>(1 + random_() % 8); break;
    }
    rig_.session.pump();
  }

  // One message reaches the broker, and then the agent, unless it is lost in `percent` of the cases.
  bool deliver(int percent) {
    if (!rig_.client.up || rig_.client.sent.empty()) return false;
    const mqtt::Message message = rig_.client.deliver();
    if (message.topic == "weir/v1/signals/boiler") announcement_.ParseFromString(message.payload);
    if (chance(percent)) return true;
    hand_over(message);
    return true;
  }

  void hand_over(const mqtt::Message& message) {
    if (message.topic == "weir/v1/signals/boiler") {
      if (const auto ack = agent_.announced(announcement_)) answer(*ack, 10);
    } else if (message.topic == "weir/v1/data/boiler") {
      v1::Batch batch;
      ASSERT_TRUE(batch.ParseFromString(message.payload));
      if (const auto ack = agent_.batch(batch)) answer(*ack, 10);
    }
  }

  void answer(const v1::Ack& ack, int lost_percent) {
    if (rig_.client.up && ack.instance() != 0 && !chance(lost_percent)) rig_.tell(ack);
  }

  // Of what was under way some has arrived, from the oldest on, though nobody knows.
  void break_connection() {
    if (!rig_.client.up) return;
    std::vector<mqtt::Message> arrived;
    for (const auto& sent : rig_.client.sent) {
      if (chance(50)) break;
      arrived.push_back(sent.message);
    }
    rig_.client.disconnect();
    for (const mqtt::Message& message : arrived)
      if (agent_up_) hand_over(message);
  }

  std::mt19937 random_;
  Rig rig_;
  ScriptedAgent agent_;
  bool agent_up_ = true;
  v1::Announcement announcement_;
  std::int64_t published_ = 0;
};

TEST(Model, EveryReadingIsAcceptedOnceOrSaidToBeDropped) {
  std::uint64_t dropped = 0, resent = 0;
  for (std::uint32_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, seed % 3 == 0 ? 1 << 20 : 4'000 + 100 * (seed % 50));
    world.live(1'000);
    world.settle();
    world.check(true);
    if (HasFatalFailure()) return;
    dropped += world.dropped();
    resent += world.resent();
  }
  EXPECT_GT(dropped, 1'000) << "the queue never ran over: the test has lost its point";
  EXPECT_GT(resent, 1'000);
}

TEST(Model, ALostStoreLosesNothingThatWasNotAccepted) {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, 8'000);
    world.may_lose_store = true;
    world.live(1'000);
    world.settle();
    world.check(false);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace weir::sdk::test
