#include "bus/broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <boost/asio/post.hpp>

#include "bus/port.h"
#include "mqtt/paho.h"
#include "test_support/mosquitto.h"
#include "test_support/wait.h"

namespace weir::bus {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class BrokerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed";
    options.runtime_dir = folder.path();
    options.drivers = {"boiler", "plc"};
    options.first_backoff = 1ms;
    options.most_backoff = 50ms;
  }
  void TearDown() override {
    if (!broker) return;
    bool stopped = false;
    broker->stop([&] { stopped = true; });
    EXPECT_TRUE(until([&] { return stopped; }));
    EXPECT_EQ(broker->status().pid, 0);
  }

  void start() {
    broker = std::make_unique<ManagedBroker>(io.get_executor(), clock, options);
    const auto ok =
        broker->start({.ready = [this] { ++ready; },
                       .down = [this](const std::string& reason, Timestamp) { downs.push_back(reason); }});
    ASSERT_TRUE(ok) << ok.error().text();
    ASSERT_TRUE(until([&] { return ready > 0; }));
  }
  bool until(const std::function<bool()>& happened) { return test::wait_until(io, happened); }

  struct Guest {
    std::unique_ptr<mqtt::Client> client;
    std::vector<std::string> got;  // topics
    unsigned connects = 0, breaks = 0;
    std::string last_error;
  };
  // Connects, and waits until that has gone well or not.
  std::unique_ptr<Guest> guest(const Endpoint& endpoint) {
    auto out = std::make_unique<Guest>();
    mqtt::Options client;
    client.url = endpoint.url;
    client.client_id = "test-" + endpoint.username;
    client.username = endpoint.username;
    client.password = endpoint.password;
    out->client = mqtt::make_paho_client(io.get_executor(), client);
    Guest* self = out.get();
    out->client->start({.connected = [self] { ++self->connects; },
                        .disconnected =
                            [self](const Error& error) {
                              ++self->breaks;
                              self->last_error = error.text();
                            },
                        .message = [self](mqtt::Message message) { self->got.push_back(message.topic); }});
    EXPECT_TRUE(until([&] { return self->connects + self->breaks > 0; }));
    return out;
  }
  std::unique_ptr<Guest> guest(std::string_view account) { return guest(broker->endpoint(account)); }
  // All at once: Paho takes a second to part.
  void leave(std::initializer_list<Guest*> guests) {
    std::size_t left = 0;
    for (Guest* each : guests) each->client->stop([&] { ++left; });
    EXPECT_TRUE(until([&] { return left == guests.size(); }));
  }
  // Whether the broker took it.
  bool publish(Guest& guest, const std::string& topic) {
    std::optional<bool> taken;
    guest.client->publish({.topic = topic, .payload = "x"}, [&](Result<void> result) { taken = result.has_value(); });
    EXPECT_TRUE(until([&] { return taken.has_value(); }));
    return taken.value_or(false);
  }
  bool subscribe(Guest& guest, const std::string& filter) {
    std::optional<bool> taken;
    guest.client->subscribe({filter}, [&](Result<void> result) { taken = result.has_value(); });
    EXPECT_TRUE(until([&] { return taken.has_value(); }));
    return taken.value_or(false);
  }
  std::string file(const std::string& name) {
    std::ifstream in(folder / "bus" / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  boost::asio::io_context io;
  SystemClock clock;
  test::TempDir folder;
  BrokerOptions options;
  unsigned ready = 0;
  std::vector<std::string> downs;
  std::unique_ptr<ManagedBroker> broker;
};

TEST_F(BrokerTest, LetsInWhoHasAnAccountAlone) {
  start();
  const auto driver = guest("boiler");
  EXPECT_EQ(driver->connects, 1U) << driver->last_error;
  Endpoint wrong = broker->endpoint("boiler");
  wrong.password = broker->endpoint("plc").password;
  const auto thief = guest(wrong);
  EXPECT_EQ(thief->connects, 0U);
  const auto nobody = guest(Endpoint{wrong.url, "", ""});
  EXPECT_EQ(nobody->connects, 0U);
  leave({driver.get(), thief.get(), nobody.get()});
}

TEST_F(BrokerTest, KeepsItsSecrets) {
  start();
  struct stat found{};
  ASSERT_EQ(::stat((folder / "bus").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0700U);
  for (const char* name : {"mosquitto.conf", "passwords", "access"}) {
    ASSERT_EQ(::stat((folder / "bus" / name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 0777U, 0600U) << name;
    EXPECT_THAT(file(name), Not(HasSubstr(broker->endpoint("boiler").password))) << name;
  }
  EXPECT_EQ(broker->endpoint("boiler").password.size(), 64U);
  EXPECT_EQ(broker->endpoint("stranger").password, "");
}

TEST_F(BrokerTest, ADriverHasItsOwnTopicsAlone) {
  start();
  const auto boiler = guest("boiler"), plc = guest("plc"), agent = guest(kAgentAccount);
  ASSERT_TRUE(subscribe(*agent, "weir/v1/+/+"));
  // mosquitto 2 grants a subscription to what may not be read, and then delivers nothing of it.
  subscribe(*plc, "weir/v1/#");
  for (const char* own : {"signals", "data", "state", "written", "readout"}) {
    EXPECT_TRUE(publish(*boiler, std::string("weir/v1/") + own + "/boiler")) << own;
    EXPECT_FALSE(publish(*boiler, std::string("weir/v1/") + own + "/plc")) << own;
  }
  for (const char* agents : {"ack", "write", "read"})
    EXPECT_FALSE(publish(*boiler, std::string("weir/v1/") + agents + "/boiler")) << agents;
  for (const char* agents : {"alerts/hot", "alerts/hot/1", "alerts", "alert", "alert/answer"})
    EXPECT_FALSE(publish(*boiler, std::string("weir/v1/") + agents)) << agents;
  EXPECT_FALSE(publish(*boiler, "elsewhere"));
  EXPECT_FALSE(publish(*boiler, "$SYS/broker"));

  for (const char* to : {"write/boiler", "ack/boiler", "ack/plc", "write/plc", "read/plc"})
    EXPECT_TRUE(publish(*agent, std::string("weir/v1/") + to)) << to;
  ASSERT_TRUE(until([&] { return plc->got.size() >= 3 && agent->got.size() >= 10; }));
  EXPECT_THAT(plc->got, ElementsAre("weir/v1/ack/plc", "weir/v1/write/plc", "weir/v1/read/plc"));
  EXPECT_THAT(boiler->got, IsEmpty());
  leave({boiler.get(), plc.get(), agent.get()});
}

TEST_F(BrokerTest, ComesBackOnTheSamePort) {
  start();
  const auto driver = guest("boiler");
  const BrokerStatus before = broker->status();
  const Endpoint endpoint = broker->endpoint("boiler");
  ::kill(before.pid, SIGKILL);
  ASSERT_TRUE(until([&] { return ready == 2; }));
  EXPECT_THAT(downs, ElementsAre("the broker was killed by SIGKILL (killed)"));
  const BrokerStatus after = broker->status();
  EXPECT_EQ(after.port, before.port);
  EXPECT_NE(after.pid, before.pid);
  EXPECT_EQ(after.restarts, 1U);
  EXPECT_TRUE(after.up);
  EXPECT_EQ(after.last_reason, downs[0]);
  EXPECT_EQ(broker->endpoint("boiler").password, endpoint.password);
  ASSERT_TRUE(until([&] { return driver->connects == 2; }));  // with the old password
  leave({driver.get()});
}

TEST_F(BrokerTest, MovesWhenItsPortIsTaken) {
  options.first_backoff = options.most_backoff = 300ms;
  start();
  const std::uint16_t port = broker->status().port;
  const std::string url = broker->endpoint("boiler").url;
  const int squatter = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(squatter, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::kill(broker->status().pid, SIGKILL);
  ASSERT_TRUE(until([&] {
    boost::asio::post(io, [] {});
    return ::bind(squatter, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }));
  ASSERT_EQ(::listen(squatter, 1), 0);
  ASSERT_TRUE(until([&] { return ready == 2; }));
  EXPECT_NE(broker->status().port, port);
  EXPECT_NE(broker->endpoint("boiler").url, url);
  const auto driver = guest("boiler");
  EXPECT_EQ(driver->connects, 1U) << driver->last_error;
  leave({driver.get()});
  ::close(squatter);
}

TEST_F(BrokerTest, AccountsChangeWhileItRuns) {
  start();
  const auto stays = guest("boiler"), goes = guest("plc");
  const Endpoint gone = broker->endpoint("plc");
  ASSERT_TRUE(broker->set_drivers({"boiler", "meter"}));
  ASSERT_TRUE(until([&] { return goes->breaks > 0; }));
  EXPECT_EQ(stays->breaks, 0U) << stays->last_error;
  EXPECT_EQ(stays->connects, 1U);
  EXPECT_TRUE(publish(*stays, "weir/v1/data/boiler"));
  const auto meter = guest("meter");
  EXPECT_EQ(meter->connects, 1U) << meter->last_error;
  EXPECT_TRUE(publish(*meter, "weir/v1/data/meter"));
  EXPECT_FALSE(publish(*stays, "weir/v1/data/meter"));
  EXPECT_EQ(goes->connects, 1U);
  EXPECT_EQ(broker->endpoint("plc").password, "");
  EXPECT_EQ(ready, 1U);  // the broker itself went on
  leave({stays.get(), goes.get(), meter.get()});
}

TEST_F(BrokerTest, AccountsMayChangeBeforeItServes) {
  broker = std::make_unique<ManagedBroker>(io.get_executor(), clock, options);
  ASSERT_TRUE(broker->start(
      {.ready = [this] { ++ready; }, .down = [this](const std::string& why, Timestamp) { downs.push_back(why); }}));
  ASSERT_TRUE(broker->set_drivers({"meter"}));
  ASSERT_TRUE(until([&] { return ready > 0; }));
  EXPECT_THAT(downs, IsEmpty());
  // The broker may have read the old files at its start; it reads the new ones right after `ready`.
  const auto meter = guest("meter");
  EXPECT_TRUE(until([&] { return meter->connects == 1; })) << meter->last_error;
  leave({meter.get()});
}

TEST_F(BrokerTest, RefusesNamesThatAreNoAccounts) {
  start();
  for (const char* name : {"", "weir.agent", "a b", "a:b", "a\nuser b", "a/b", "#", "+", "%u"}) {
    const auto refused = broker->set_drivers({"boiler", name});
    EXPECT_FALSE(refused) << name;
  }
  EXPECT_NE(broker->endpoint("plc").password, "");  // all or nothing
}

TEST_F(BrokerTest, AnExecutableThatIsNoBrokerIsRetriedAndSaidOnce) {
  const auto path = folder / "not-a-broker";
  std::ofstream(path) << "#!/bin/sh\necho 'Error: no luck today' >&2\necho x >> \"$0.tries\"\nexit 3\n";
  ::chmod(path.c_str(), 0755);
  options.executable = path;
  broker = std::make_unique<ManagedBroker>(io.get_executor(), clock, options);
  ASSERT_TRUE(broker->start(
      {.ready = [this] { ++ready; }, .down = [this](const std::string& why, Timestamp) { downs.push_back(why); }}));
  ASSERT_TRUE(until([&] { return broker->status().restarts >= 3; }));
  EXPECT_THAT(downs, ElementsAre("the broker exited with 3: no luck today"));
  EXPECT_EQ(ready, 0U);
}

// The agent starts it before it opens its store, which takes as long as it takes.
TEST_F(BrokerTest, IsGivenItsTimeFromWhenTheExecutorRuns) {
  options.start_timeout = 200ms;
  broker = std::make_unique<ManagedBroker>(io.get_executor(), clock, options);
  ASSERT_TRUE(broker->start({.ready = [this] { ++ready; },
                             .down = [this](const std::string& reason, Timestamp) { downs.push_back(reason); }}));
  const auto late = std::chrono::steady_clock::now() + 2 * options.start_timeout;
  while (is_free(broker->status().port) || std::chrono::steady_clock::now() < late) std::this_thread::yield();
  EXPECT_EQ(ready, 0U);
  ASSERT_TRUE(until([&] { return ready > 0; }));
  EXPECT_THAT(downs, IsEmpty());
  EXPECT_EQ(broker->status().restarts, 0U);
}

TEST_F(BrokerTest, ABrokerThatNeverServesIsKilledAndRetried) {
  const auto path = folder / "deaf";
  std::ofstream(path) << "#!/bin/sh\nexec sleep 1000\n";
  ::chmod(path.c_str(), 0755);
  options.executable = path;
  options.start_timeout = 100ms;
  broker = std::make_unique<ManagedBroker>(io.get_executor(), clock, options);
  ASSERT_TRUE(
      broker->start({.ready = nullptr, .down = [this](const std::string& why, Timestamp) { downs.push_back(why); }}));
  ASSERT_TRUE(until([&] { return broker->status().restarts >= 1; }));
  ASSERT_EQ(downs.size(), 1U);
  EXPECT_THAT(downs[0], HasSubstr("did not take connections within 100ms"));
}

TEST_F(BrokerTest, ABrokerThatDiesWhileItIsKnockedAtIsStartedAgain) {
  std::ofstream(folder / "deaf") << "#!/bin/sh\nexec sleep 1000\n";
  ::chmod((folder / "deaf").c_str(), 0700);
  options.executable = folder / "deaf";
  options.first_backoff = 50ms;
  broker = std::make_unique<ManagedBroker>(io.get_executor(), clock, options);
  ASSERT_TRUE(broker->start({}));
  for (int round = 0; round < 5; ++round) {
    const pid_t pid = broker->status().pid;
    // The first knock is refused, and the next one waits for its time.
    const auto knocked = std::chrono::steady_clock::now() + 8ms;
    while (std::chrono::steady_clock::now() < knocked) test::settle(io);
    // That time comes together with the end.
    ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(40ms);
    ASSERT_TRUE(until([&] { return broker->status().pid != 0 && broker->status().pid != pid; })) << round;
  }
}

TEST_F(BrokerTest, AMissingBrokerIsAnError) {
  options.executable = folder / "none";
  ManagedBroker missing(io.get_executor(), clock, options);
  const auto started = missing.start({});
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().text(), HasSubstr("none"));
}

}  // namespace
}  // namespace weir::bus
