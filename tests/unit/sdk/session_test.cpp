#include "sdk/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session_fixture.h"

namespace weir::sdk::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::uint64_t> seqs(const std::vector<v1::Batch>& batches) {
  std::vector<std::uint64_t> out;
  for (const v1::Batch& batch : batches) out.push_back(batch.seq());
  return out;
}

TEST(Session, AnnouncesItselfOnEachConnection) {
  Rig rig;
  for (int i = 0; i < 2; ++i) {
    rig.client.connect();
    EXPECT_THAT(rig.client.subscribed,
                ElementsAre("weir/v1/ack/boiler", "weir/v1/write/boiler", "weir/v1/read/boiler"));
    const mqtt::Message message = rig.client.deliver();
    EXPECT_EQ(message.topic, "weir/v1/signals/boiler");
    EXPECT_TRUE(message.retained);
    v1::Announcement announcement;
    ASSERT_TRUE(announcement.ParseFromString(message.payload));
    EXPECT_EQ(announcement.instance(), Rig::kInstance);
    EXPECT_EQ(announcement.kind(), "test");
    EXPECT_EQ(announcement.version(), "1.2.3");
    ASSERT_EQ(announcement.signals_size(), 2);
    EXPECT_EQ(announcement.signals(0).path(), "boiler-1/temperature");
    EXPECT_EQ(announcement.signals(0).type(), v1::DOUBLE);
    EXPECT_EQ(rig.client.deliver().topic, "weir/v1/state/boiler");
    rig.client.disconnect();
  }
}

TEST(Session, AsksAgainWhenItMayNotListen) {
  Rig rig;
  rig.client.subscription_refused = true;
  rig.client.connect();
  EXPECT_THAT(rig.client.sent, IsEmpty());
  rig.client.subscription_refused = false;
  rig.pass(10 * kSecond);
  EXPECT_EQ(rig.client.deliver().topic, "weir/v1/signals/boiler");
}

TEST(Session, SendsNoBatchBeforeItHasAnEpoch) {
  Rig rig;
  rig.client.connect();
  rig.publish_batch(1);
  EXPECT_THAT(rig.batches(), IsEmpty());
  v1::Ack foreign = rig.ack(0);
  foreign.set_instance(43);
  rig.tell(foreign);
  EXPECT_THAT(rig.batches(), IsEmpty());
  rig.tell(rig.ack(0));
  const auto batches = rig.batches();
  ASSERT_EQ(batches.size(), 1);
  EXPECT_EQ(batches[0].epoch(), 7);
  EXPECT_EQ(batches[0].seq(), 1);
  EXPECT_EQ(batches[0].boot_id(), std::string(16, 'b'));
  EXPECT_EQ(batches[0].boottime(), 1'000 * kSecond);
}

TEST(Session, LetsReadingsLingerTogether) {
  Rig rig;
  rig.welcome();
  rig.publish(1);
  rig.session.pump();
  ASSERT_TRUE(rig.armed.has_value());
  EXPECT_EQ(*rig.armed, 1'000 * kSecond + 50 * kMillisecond);
  rig.publish(2);
  rig.pass(49 * kMillisecond);
  EXPECT_THAT(rig.batches(), IsEmpty());
  rig.pass(kMillisecond);
  const auto batches = rig.batches();
  ASSERT_EQ(batches.size(), 1);
  ASSERT_EQ(batches[0].series_size(), 1);
  EXPECT_THAT(batches[0].series(0).times(), ElementsAre(1, 1));
}

TEST(Session, KeepsTheWindowAndTheCredit) {
  Rig rig;
  rig.welcome(3);
  for (int i = 0; i < 5; ++i) rig.publish_batch(i);
  EXPECT_EQ(rig.client.sent.size(), 2) << "the window";
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(1, 2, 3)) << "the credit";
  rig.tell(rig.ack(2, 1));
  EXPECT_THAT(rig.batches(), IsEmpty());
  rig.tell(rig.ack(3, 1));
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(4));
}

TEST(Session, SendsAgainWhatIsNotAcceptedOnANewConnection) {
  Rig rig;
  rig.welcome();
  for (int i = 0; i < 3; ++i) rig.publish_batch(i);
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(1, 2, 3));
  rig.client.disconnect();
  rig.client.connect();
  rig.publish_batch(3);
  EXPECT_THAT(rig.batches(), IsEmpty()) << "not before the agent says where it stands";
  rig.tell(rig.ack(1));
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(2, 3, 4));
  EXPECT_EQ(rig.session.resent(), 2);
}

TEST(Session, SendsAgainInOrderWhenAsked) {
  Rig rig;
  rig.welcome();
  for (int i = 0; i < 4; ++i) rig.publish_batch(i);
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(1, 2, 3, 4));
  rig.tell(rig.ack(1, 100, true));
  rig.tell(rig.ack(1, 100, true));  // the same once more while it is being done
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(2, 3, 4));
}

TEST(Session, NumbersAnewUnderANewEpoch) {
  Rig rig;
  rig.welcome();
  for (int i = 0; i < 3; ++i) rig.publish_batch(10 + i);
  rig.batches();
  rig.tell(rig.ack(1));
  rig.tell(rig.ack(0, 100, false, 8));
  const auto batches = rig.batches();
  EXPECT_THAT(seqs(batches), ElementsAre(1, 2));
  EXPECT_EQ(batches[0].epoch(), 8);
  EXPECT_EQ(batches[0].series(0).times(0), 11);
  rig.tell(rig.ack(1));  // late, of the old epoch
  EXPECT_THAT(rig.batches(), IsEmpty());
}

TEST(Session, ANewStoreMayUseTheSameEpochAgain) {
  Rig rig;
  rig.welcome();
  rig.publish_batch(1);
  rig.batches();
  v1::Ack ack = rig.ack(0);
  ack.set_incarnation("second");
  rig.tell(ack);
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(1));
}

TEST(Session, AsksWhenNothingIsAcceptedForLong) {
  Rig rig;
  rig.welcome();
  rig.publish_batch(1);
  EXPECT_EQ(rig.batches().size(), 1);
  rig.pass(4 * kSecond);
  EXPECT_THAT(rig.client.sent, IsEmpty());
  rig.pass(2 * kSecond);
  EXPECT_EQ(rig.client.deliver().topic, "weir/v1/signals/boiler");
  rig.tell(rig.ack(0));
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(1));
}

TEST(Session, AsksWhenItHasNoCreditForLong) {
  Rig rig;
  rig.welcome(0);
  rig.publish_batch(1);
  rig.pass(6 * kSecond);
  EXPECT_EQ(rig.client.deliver().topic, "weir/v1/signals/boiler");
  rig.tell(rig.ack(0, 1));
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(1));
}

TEST(Session, SuspectsANewLifeOfTheAgentSoon) {
  Rig rig;
  rig.welcome();
  rig.publish_batch(1);
  EXPECT_EQ(rig.batches().size(), 1);
  rig.tell(rig.ack(0));  // the new life answers the retained announcement
  rig.pass(2 * kSecond);
  EXPECT_EQ(rig.client.deliver().topic, "weir/v1/signals/boiler");
  rig.tell(rig.ack(0));
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(1));
}

TEST(Session, SendsAgainWhatTheBrokerRefused) {
  Rig rig;
  rig.welcome();
  rig.publish_batch(1);
  const auto refused = std::move(rig.client.sent.front());
  rig.client.sent.clear();
  refused.done(fail("quota exceeded"));
  EXPECT_THAT(rig.client.sent, IsEmpty()) << "not at once";
  rig.pass(kSecond);
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(1));
}

TEST(Session, PutsUpWithAnyBytes) {
  Rig rig;
  rig.welcome();
  rig.publish_batch(1);
  rig.batches();
  for (const char* topic : {"weir/v1/ack/boiler", "weir/v1/write/boiler", "weir/v1/read/boiler", "else"}) {
    rig.client.handlers.message({.topic = topic, .payload = "\xFF\xFF\xFF garbage", .qos = 1, .retained = false});
    rig.client.handlers.message({.topic = topic, .payload = "", .qos = 1, .retained = false});
  }
  rig.tell(rig.ack(1'000'000));  // of what was never sent
  EXPECT_EQ(rig.outbox.with_queue([](Queue& queue) { return queue.accepted(); }), 0);
  rig.tell(rig.ack(1));
  EXPECT_TRUE(rig.outbox.with_queue([](Queue& queue) { return queue.empty(); }));
}

TEST(Session, TellsTheStateOnceForEachChange) {
  Rig rig;
  rig.welcome();
  const auto state = [&] {
    rig.session.pump();
    const auto told = rig.client.deliver_all("weir/v1/state/boiler");
    v1::DriverState out;
    if (told.size() == 1) out.ParseFromString(told[0]);
    return out;
  };
  rig.states.device("boiler-1", Level::up, "");
  EXPECT_EQ(state().level(), v1::UP);
  rig.states.device("boiler-1", Level::up, "");
  EXPECT_EQ(state().instance(), 0) << "nothing new, nothing said";
  rig.states.device("boiler-2", Level::down, "no answer");
  v1::DriverState told = state();
  EXPECT_EQ(told.level(), v1::DEGRADED);
  EXPECT_EQ(told.reason(), "boiler-2: no answer");
  ASSERT_EQ(told.devices_size(), 2);
  EXPECT_EQ(told.devices(1).level(), v1::DOWN);
  rig.states.device("boiler-1", Level::down, "no answer");
  EXPECT_EQ(state().level(), v1::DOWN);
}

TEST(Session, DrainsBeforeItLeaves) {
  Rig rig;
  rig.welcome();
  rig.publish(1);
  bool drained = false;
  rig.session.drain([&] { drained = true; });
  EXPECT_THAT(seqs(rig.batches()), ElementsAre(1));
  EXPECT_FALSE(drained);
  rig.tell(rig.ack(1));
  EXPECT_TRUE(drained);
}

}  // namespace
}  // namespace weir::sdk::test
