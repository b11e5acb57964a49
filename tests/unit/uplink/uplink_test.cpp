#include "uplink/uplink.h"

#include <optional>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"
#include "mqtt/paho.h"
#include "test_support/certificates.h"
#include "test_support/mosquitto.h"
#include "test_support/wait.h"

namespace weir::uplink {
namespace {

using test::Broker;
using test::FakeSource;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using weir::test::settle;
using weir::test::wait_until;
using namespace std::chrono_literals;

Options options(std::size_t window = 4) {
  Options out;
  out.name = "cloud";
  out.agent = "plant-1";
  out.incarnation = "0123456789abcdef";
  out.window = window;
  out.fetch_bytes = 64;
  out.first_retry = 1ms;
  out.longest_retry = 2ms;
  return out;
}

class UplinkTest : public testing::Test {
 protected:
  void make(std::size_t window = 4) {
    uplink.emplace(io.get_executor(), clock, options(window), broker.maker(), mqtt::Options{}, source);
    uplink->start();
  }
  // Connected, and the cloud has state and birth.
  void introduce() {
    broker.connect();
    broker.succeed();
    broker.succeed();
    settle(io);
  }

  boost::asio::io_context io;
  ManualClock clock;
  Broker broker{io};
  FakeSource source{io};
  std::optional<Uplink> uplink;
};

TEST_F(UplinkTest, SaysWhatHasBecomeOfTheAgentBeforeAnyFurtherRecord) {
  make(1);
  introduce();
  source.append(Stream::raw, 2);
  const auto told = [&] {
    v1::AgentState state;
    EXPECT_TRUE(state.ParseFromString(broker.under_way.back().message.payload));
    return state;
  };
  uplink->announce("fedcba9876543210", {"the disk is full"});
  uplink->notify();
  settle(io);
  ASSERT_THAT(broker.waiting(), ElementsAre("state"));
  EXPECT_EQ(told().incarnation(), "fedcba9876543210");
  EXPECT_THAT(told().problems(), ElementsAre("the disk is full"));

  uplink->announce("fedcba9876543210", {});  // while the last one is under way
  broker.succeed();
  settle(io);
  ASSERT_THAT(broker.waiting(), ElementsAre("state"));
  EXPECT_THAT(told().problems(), IsEmpty());
  broker.succeed();
  settle(io);
  ASSERT_THAT(broker.waiting(), ElementsAre("birth"));
  broker.succeed();
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 1"));

  uplink->announce("fedcba9876543210", {});                          // no news
  uplink->announce("fedcba9876543210", {"the disk is full again"});  // no news of the signals
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 1", "state"));
  broker.succeed();
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("state"));
  broker.succeed();
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 2"));
}

TEST_F(UplinkTest, SaysWhoItIsBeforeAnyRecord) {
  source.append(Stream::raw, 2);
  make();
  clock.set(42);
  broker.connect();
  settle(io);
  ASSERT_THAT(broker.waiting(), ElementsAre("state"));
  EXPECT_EQ(broker.under_way[0].message.topic, "weir/v1/up/plant-1/state");
  EXPECT_TRUE(broker.under_way[0].message.retained);
  v1::AgentState state;
  ASSERT_TRUE(state.ParseFromString(broker.under_way[0].message.payload));
  EXPECT_TRUE(state.online());
  EXPECT_EQ(state.time(), 42);

  broker.succeed();
  settle(io);
  ASSERT_THAT(broker.waiting(), ElementsAre("birth"));
  EXPECT_EQ(broker.under_way[0].message.payload, "birth 1");
  EXPECT_TRUE(broker.under_way[0].message.retained);

  broker.succeed();
  settle(io);
  ASSERT_THAT(broker.waiting(), ElementsAre("raw 1", "raw 2"));
  v1::Record record;
  ASSERT_TRUE(record.ParseFromString(broker.under_way[0].message.payload));
  EXPECT_EQ(record.incarnation(), "0123456789abcdef");
  EXPECT_EQ(record.stream(), v1::RAW);
  EXPECT_EQ(record.body(), "body 1");
  EXPECT_EQ(broker.under_way[0].message.qos, 1);
  EXPECT_FALSE(broker.under_way[0].message.retained);
}

TEST_F(UplinkTest, ARecordKeepsTheIncarnationUnderWhichItWasNumbered) {
  source.incarnation = "fedcba9876543210";
  source.append(Stream::raw);
  source.incarnation = "0123456789abcdef";
  source.append(Stream::raw);
  make();
  introduce();
  ASSERT_THAT(broker.waiting(), ElementsAre("raw 1", "raw 2"));
  std::vector<std::string> lives;
  for (const test::Sent& sent : broker.under_way) {
    v1::Record record;
    ASSERT_TRUE(record.ParseFromString(sent.message.payload));
    lives.push_back(record.incarnation());
  }
  EXPECT_THAT(lives, ElementsAre("fedcba9876543210", "0123456789abcdef"));
}

TEST_F(UplinkTest, WhatIsForOtherCloudsIsNotSentAndHoldsNothingUp) {
  source.append(Stream::backfill, 40);  // several fetches
  for (std::size_t i = 0; i < 40; ++i) source.records[Stream::backfill][i].is_ours = i == 20 || i == 39;
  make();
  introduce();
  EXPECT_THAT(broker.waiting(), ElementsAre("backfill 21", "backfill 40"));
  EXPECT_EQ(source.acks[Stream::backfill], 20U);
  broker.succeed();
  settle(io);
  EXPECT_EQ(source.acks[Stream::backfill], 39U);
  broker.succeed();
  settle(io);
  EXPECT_EQ(source.acks[Stream::backfill], 40U);
}

TEST_F(UplinkTest, TheWillSaysOffline) {
  make();
  ASSERT_TRUE(broker.options.will);
  EXPECT_EQ(broker.options.will->topic, "weir/v1/up/plant-1/state");
  EXPECT_TRUE(broker.options.will->retained);
  v1::AgentState state;
  ASSERT_TRUE(state.ParseFromString(broker.options.will->payload));
  EXPECT_FALSE(state.online());
  EXPECT_EQ(state.reason(), "connection lost");
}

TEST_F(UplinkTest, KeepsTheWindow) {
  source.append(Stream::raw, 10);
  make(3);
  introduce();
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 1", "raw 2", "raw 3"));
  EXPECT_EQ(uplink->stats().under_way, 3U);
  broker.succeed();
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 2", "raw 3", "raw 4"));
}

TEST_F(UplinkTest, AnAlertOvertakesWhatWaits) {
  source.append(Stream::raw, 10);
  make(2);
  introduce();
  source.append(Stream::alerts);
  uplink->notify();
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 1", "raw 2"));
  broker.succeed();
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 2", "alerts 1"));
}

TEST_F(UplinkTest, AcknowledgesOnlyWhatIsContiguous) {
  source.append(Stream::raw, 4);
  make();
  introduce();
  broker.succeed(2);
  broker.succeed(1);
  EXPECT_THAT(source.history, IsEmpty());
  broker.succeed(0);
  EXPECT_THAT(source.history, ElementsAre(std::pair(Stream::raw, 3U)));
  broker.succeed(0);
  EXPECT_EQ(source.acks[Stream::raw], 4U);
}

TEST_F(UplinkTest, ALostConnectionRepeatsWhatWasNotTakenAndOnlyThat) {
  source.append(Stream::raw, 4);
  make();
  introduce();
  broker.succeed(1);
  broker.lose();
  settle(io);
  EXPECT_THAT(source.history, IsEmpty());
  EXPECT_FALSE(uplink->stats().connected);
  EXPECT_THAT(uplink->stats().reason, HasSubstr("broke"));
  EXPECT_EQ(uplink->stats().refused, 0U);
  introduce();
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 1", "raw 3", "raw 4"));
  broker.succeed();
  EXPECT_EQ(source.acks[Stream::raw], 2U);
}

TEST_F(UplinkTest, ARefusedRecordIsKeptSaidAndTriedAgainWhileOthersGoOn) {
  source.append(Stream::raw, 2);
  make(1);
  introduce();
  broker.refuse();
  EXPECT_EQ(uplink->stats().refused, 1U);
  EXPECT_THAT(uplink->stats().last_refusal, HasSubstr("record 1 of stream raw"));
  EXPECT_THAT(uplink->stats().last_refusal, HasSubstr("quota exceeded"));
  source.append(Stream::alerts);
  uplink->notify();
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("alerts 1"));
  broker.succeed();
  ASSERT_TRUE(wait_until(io, [&] { return !broker.under_way.empty(); }));
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 1"));
  EXPECT_EQ(source.acknowledged(Stream::raw), 0U);
  broker.succeed();
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 2"));
}

TEST_F(UplinkTest, ARefusedBirthIsTriedAgainAndNothingPasses) {
  source.append(Stream::raw);
  make();
  broker.connect();
  broker.succeed();
  broker.refuse();
  EXPECT_THAT(uplink->stats().last_refusal, HasSubstr("birth"));
  ASSERT_TRUE(wait_until(io, [&] { return !broker.under_way.empty(); }));
  EXPECT_THAT(broker.waiting(), ElementsAre("birth"));
  broker.succeed();
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 1"));
}

TEST_F(UplinkTest, ChangedSignalsGoOutBeforeFurtherRecords) {
  source.append(Stream::raw, 1);
  make();
  introduce();
  source.births = 2;
  uplink->signals_changed();
  source.append(Stream::raw, 1);
  uplink->notify();
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 1", "birth"));
  EXPECT_EQ(broker.under_way[1].message.payload, "birth 2");
  // Again while that one is under way.
  source.births = 3;
  uplink->signals_changed();
  broker.succeed(1);
  settle(io);
  ASSERT_THAT(broker.waiting(), ElementsAre("raw 1", "birth"));
  EXPECT_EQ(broker.under_way[1].message.payload, "birth 3");
  broker.succeed(1);
  settle(io);
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 1", "raw 2"));
}

TEST_F(UplinkTest, BeginsAfterWhatTheCloudHas) {
  source.append(Stream::raw, 3);
  source.acks[Stream::raw] = 2;
  make();
  introduce();
  EXPECT_THAT(broker.waiting(), ElementsAre("raw 3"));
}

TEST_F(UplinkTest, ASourceThatFailsIsAskedAgain) {
  source.append(Stream::raw);
  source.broken = true;
  make();
  introduce();
  EXPECT_THAT(broker.waiting(), IsEmpty());
  source.broken = false;
  EXPECT_TRUE(wait_until(io, [&] { return !broker.under_way.empty(); }));
}

TEST_F(UplinkTest, StopSaysOffline) {
  make();
  introduce();
  bool stopped = false;
  uplink->stop([&] { stopped = true; });
  ASSERT_THAT(broker.waiting(), ElementsAre("state"));
  v1::AgentState state;
  ASSERT_TRUE(state.ParseFromString(broker.under_way[0].message.payload));
  EXPECT_FALSE(state.online());
  EXPECT_EQ(state.reason(), "stopped");
  ASSERT_TRUE(wait_until(io, [&] { return stopped; }));
  EXPECT_FALSE(uplink->stats().connected);
}

TEST_F(UplinkTest, NothingHappensAfterDestruction) {
  source.append(Stream::raw, 4);
  make();
  introduce();
  auto under_way = std::move(broker.under_way);
  uplink.reset();
  for (auto& sent : under_way) sent.done({});
  settle(io);
  EXPECT_THAT(source.history, IsEmpty());
}

// Whatever happens to the connection and in whatever order the cloud answers: acknowledged is only what
// it took, in order, all of it in the end, and never a record before a birth.
TEST_F(UplinkTest, LosesNothingAndMakesNothingUp) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    boost::asio::io_context context;
    Broker cloud(context);
    FakeSource store(context);
    std::map<Stream, std::set<std::uint64_t>> taken;
    std::size_t checked = 0;
    bool born = false;
    Uplink under_test(context.get_executor(), clock, options(1 + random() % 6), cloud.maker(), mqtt::Options{},
                      store);
    under_test.start();
    const auto answer = [&] {
      const auto index = random() % cloud.under_way.size();
      auto& sent = cloud.under_way[index];
      v1::Record record;
      if (sent.what() == "birth") born = true;
      if (sent.what() != "birth" && sent.what() != "state") {
        ASSERT_TRUE(record.ParseFromString(sent.message.payload));
        ASSERT_EQ(record.body(), "body " + std::to_string(record.seq()));
        ASSERT_TRUE(born) << "a record before the birth";
        taken[static_cast<Stream>(record.stream())].insert(record.seq());
      }
      cloud.succeed(index);
    };
    const auto check = [&] {
      std::map<Stream, std::uint64_t> before;
      for (std::size_t i = 0; i < store.history.size(); ++i) {
        const auto [stream, seq] = store.history[i];
        ASSERT_GT(seq, before[stream]);
        if (i >= checked) {
          for (auto each = before[stream] + 1; each <= seq; ++each) ASSERT_TRUE(taken[stream].contains(each));
        }
        before[stream] = seq;
      }
      checked = store.history.size();
    };
    for (int step = 0; step < 150; ++step) {
      switch (random() % 8) {
        case 0:
          store.append(static_cast<Stream>(1 + random() % 4), 1 + static_cast<int>(random() % 5));
          under_test.notify();
          break;
        case 1:
          if (!cloud.connected) {
            born = false;
            cloud.connect();
          }
          break;
        case 2:
          if (cloud.connected && random() % 3 == 0) cloud.lose();
          break;
        case 3:
          if (!cloud.under_way.empty()) cloud.refuse(random() % cloud.under_way.size());
          break;
        case 4:
          if (random() % 4 == 0) under_test.signals_changed();
          break;
        default:
          if (!cloud.under_way.empty()) answer();
      }
      settle(context);
      check();
      if (HasFatalFailure()) return;
    }
    if (!cloud.connected) {
      born = false;
      cloud.connect();
    }
    ASSERT_TRUE(wait_until(context, [&] {
      while (!cloud.under_way.empty()) answer();
      return std::ranges::all_of(store.last,
                                 [&](const auto& last) { return store.acknowledged(last.first) == last.second; });
    }));
    check();
    if (HasFatalFailure()) return;
  }
}

TEST_F(UplinkTest, ReachesARealBrokerWithAClientCertificate) {
  if (!weir::test::Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed";
  weir::test::TempDir folder;
  weir::test::CertificateAuthority authority(folder.path());
  const auto server = authority.issue("127.0.0.1");
  const auto mine = authority.issue("plant-1");
  weir::test::Mosquitto cloud("cafile " + authority.ca().string() + "\ncertfile " + server.certificate.string() +
                              "\nkeyfile " + server.key.string() + "\nrequire_certificate true\n");
  mqtt::Options with;
  with.url = "mqtts://127.0.0.1:" + std::to_string(cloud.port());
  with.tls = mqtt::Tls{authority.ca(), mine.certificate, mine.key};
  with.first_retry = 5ms;
  with.longest_retry = 50ms;

  std::vector<mqtt::Message> received;
  auto receiver = mqtt::make_paho_client(io.get_executor(), with);
  bool subscribed = false;
  receiver->start(
      {.connected =
           [&] { receiver->subscribe({"weir/v1/up/#"}, [&](Result<void> done) { subscribed = done.has_value(); }); },
       .disconnected = {},
       .message = [&](mqtt::Message message) { received.push_back(std::move(message)); }});
  ASSERT_TRUE(wait_until(io, [&] { return subscribed; }));

  source.append(Stream::raw, 50);
  source.append(Stream::alerts, 3);
  uplink.emplace(io.get_executor(), clock, options(), mqtt::make_paho_client, with, source);
  uplink->start();
  ASSERT_TRUE(wait_until(io, [&] { return source.acknowledged(Stream::raw) == 50 && received.size() >= 55; }));
  EXPECT_EQ(source.acknowledged(Stream::alerts), 3U);
  EXPECT_EQ(received[0].topic, "weir/v1/up/plant-1/state");
  EXPECT_EQ(received[1].topic, "weir/v1/up/plant-1/birth");
  EXPECT_EQ(received[2].topic, "weir/v1/up/plant-1/alerts");
  bool stopped = false;
  uplink->stop([&] { stopped = true; });
  ASSERT_TRUE(wait_until(io, [&] { return stopped && received.size() == 56; }));
  v1::AgentState state;
  ASSERT_TRUE(state.ParseFromString(received.back().payload));
  EXPECT_EQ(state.reason(), "stopped");
}

}  // namespace
}  // namespace weir::uplink
