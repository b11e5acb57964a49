// The real client against a real broker.
#include "mqtt/paho.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/file.h"
#include "test_support/certificates.h"
#include "test_support/mosquitto.h"
#include "test_support/wait.h"

namespace weir::mqtt {
namespace {

using test::Mosquitto;
using test::wait_until;
using testing::HasSubstr;
using namespace std::chrono_literals;

// A client with what happened to it.
struct Peer {
  Peer(boost::asio::io_context& context, Options options) : io(context) {
    options.first_retry = 5ms;
    options.longest_retry = 50ms;
    client = make_paho_client(io.get_executor(), std::move(options));
  }

  void start() {
    client->start({.connected =
                       [this] {
                         ++connects;
                         if (on_connected) on_connected();
                       },
                   .disconnected = [this](const Error& error) { errors.push_back(error.text()); },
                   .message = [this](Message message) { messages.push_back(std::move(message)); }});
  }
  bool connect() {
    start();
    return wait_until(io, [this] { return client->connected(); });
  }
  Result<void> wait_for(std::optional<Result<void>>& result) {
    return wait_until(io, [&] { return result.has_value(); }) ? *result : fail("never done");
  }
  Result<void> publish(Message message) {
    std::optional<Result<void>> result;
    client->publish(std::move(message), [&](Result<void> done) { result = std::move(done); });
    EXPECT_FALSE(result) << "completed before publish() returned";
    return wait_for(result);
  }
  Result<void> subscribe(std::vector<std::string> filters) {
    std::optional<Result<void>> result;
    client->subscribe(std::move(filters), [&](Result<void> done) { result = std::move(done); });
    return wait_for(result);
  }
  bool stop() {
    bool stopped = false;
    client->stop([&] { stopped = true; });
    return wait_until(io, [&] { return stopped; });
  }

  boost::asio::io_context& io;
  std::unique_ptr<Client> client;
  std::function<void()> on_connected;
  int connects = 0;
  std::vector<std::string> errors;
  std::vector<Message> messages;
};

// Paho looks at a new socket only when the poll over its old ones ends, after a second at most. Some
// traffic beside the test ends it often, and the tests are quicker.
class Traffic {
 public:
  explicit Traffic(boost::asio::io_context& io) : timer_(io) {
    Options options;
    options.url = broker_.url();
    client_ = make_paho_client(io.get_executor(), options);
    client_->start({.connected = [this] { again(); }, .disconnected = {}, .message = {}});
  }

 private:
  void again() {
    timer_.expires_after(5ms);
    timer_.async_wait([this](boost::system::error_code code) {
      if (!code) client_->publish({.topic = "t", .payload = ""}, [this](Result<void>) { again(); });
    });
  }
  Mosquitto broker_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<Client> client_;
};

class Paho : public testing::Test {
 protected:
  void SetUp() override {
    if (!Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed";
    traffic.emplace(io);
  }
  Options options(const Mosquitto& broker) {
    Options out;
    out.url = broker.url();
    return out;
  }
  boost::asio::io_context io;
  std::optional<Traffic> traffic;
};

TEST_F(Paho, PublishesAndReceivesEveryByteAsItWas) {
  Mosquitto broker;
  Peer peer(io, options(broker));
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.subscribe({"a/#", "b/+"}));
  std::string payload(100'000, '\0');
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i * 31);
  EXPECT_TRUE(peer.publish({.topic = "a/1", .payload = payload}));
  EXPECT_TRUE(peer.publish({.topic = "b/2", .payload = "", .qos = 0}));
  ASSERT_TRUE(wait_until(io, [&] { return peer.messages.size() == 2; }));
  EXPECT_EQ(peer.messages[0].topic, "a/1");
  EXPECT_EQ(peer.messages[0].payload, payload);
  EXPECT_EQ(peer.messages[0].qos, 1);
  EXPECT_FALSE(peer.messages[0].retained);
  EXPECT_EQ(peer.messages[1].topic, "b/2");
  EXPECT_EQ(peer.messages[1].payload, "");
  EXPECT_TRUE(peer.stop());
}

TEST_F(Paho, NoSubscribersIsSuccess) {
  Mosquitto broker;
  Peer peer(io, options(broker));
  ASSERT_TRUE(peer.connect());
  EXPECT_TRUE(peer.publish({.topic = "nobody/listens", .payload = "x"}));
}

TEST_F(Paho, WhatTheAclDeniesIsAnErrorWithTheReason) {
  test::TempDir folder;
  ASSERT_TRUE(write_file(folder / "acl", "topic readwrite open/#\n"));
  Mosquitto broker("acl_file " + (folder / "acl").string() + "\n");
  Peer peer(io, options(broker));
  ASSERT_TRUE(peer.connect());
  const auto denied = peer.publish({.topic = "closed", .payload = "x"});
  ASSERT_FALSE(denied);
  EXPECT_THAT(denied.error().text(), HasSubstr("not authorized (0x87)"));
  EXPECT_TRUE(peer.publish({.topic = "open/x", .payload = "x"}));
}

TEST_F(Paho, ASubscriptionThatIsRefusedIsAnErrorAlsoAmongOthers) {
  Mosquitto broker;
  Peer peer(io, options(broker));
  ASSERT_TRUE(peer.connect());
  EXPECT_TRUE(peer.subscribe({"fine"}));
  EXPECT_FALSE(peer.subscribe({"not/#/fine"}));
}

TEST_F(Paho, AWrongPasswordSaysSo) {
  test::TempDir folder;
  ASSERT_TRUE(write_file(folder / "passwords", "", 0600));
  Mosquitto broker("allow_anonymous false\npassword_file " + (folder / "passwords").string() + "\n");
  auto with = options(broker);
  with.username = "weir";
  with.password = "wrong";
  Peer peer(io, with);
  peer.start();
  ASSERT_TRUE(wait_until(io, [&] { return !peer.errors.empty(); }));
  EXPECT_THAT(peer.errors[0], HasSubstr("cannot connect to " + broker.url() + ": "));
  EXPECT_THAT(peer.errors[0], HasSubstr("not authorized (0x87)"));
  EXPECT_EQ(peer.errors[0].find("wrong"), std::string::npos);
}

TEST_F(Paho, NobodyThereSaysConnectionRefusedAndIsTriedAgain) {
  Mosquitto broker;
  broker.kill();
  Peer peer(io, options(broker));
  peer.start();
  ASSERT_TRUE(wait_until(io, [&] { return peer.errors.size() >= 3; }));
  EXPECT_EQ(peer.errors[0], "cannot connect to " + broker.url() + ": connection refused (is the broker running?)");
  broker.start();
  EXPECT_TRUE(wait_until(io, [&] { return peer.connects == 1; }));
}

TEST_F(Paho, SomethingElseOnThePortSaysSo) {
  using boost::asio::ip::tcp;
  tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
  std::vector<tcp::socket> accepted;  // and never answered
  std::function<void()> accept = [&] {
    acceptor.async_accept([&](boost::system::error_code, tcp::socket socket) {
      accepted.push_back(std::move(socket));
      accept();
    });
  };
  accept();
  Options with;
  with.url = "mqtt://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  with.connect_timeout = 1s;
  Peer peer(io, with);
  peer.start();
  ASSERT_TRUE(wait_until(io, [&] { return !peer.errors.empty(); }));
  EXPECT_THAT(peer.errors[0], HasSubstr("not as an MQTT 5 broker"));
}

TEST_F(Paho, BadOptionsAreSaidAndNotThrown) {
  for (const auto& [url, word] : {std::pair{"http://x", "no address of an MQTT broker"},
                                  std::pair{"mqtt://no-such-host.invalid", "cannot find the host"}}) {
    Options with;
    with.url = url;
    Peer peer(io, with);
    peer.start();
    ASSERT_TRUE(wait_until(io, [&] { return !peer.errors.empty(); }));
    EXPECT_THAT(peer.errors[0], HasSubstr(word));
  }
}

TEST_F(Paho, ComesBackAfterTheBrokerIsKilledAndSubscribesAgain) {
  Mosquitto broker;
  Peer peer(io, options(broker));
  int subscribed = 0;
  peer.on_connected = [&] {
    peer.client->subscribe({"t"}, [&](Result<void> done) { subscribed += done.has_value(); });
  };
  peer.start();
  for (int round = 1; round <= 5; ++round) {
    ASSERT_TRUE(wait_until(io, [&] { return subscribed == round; })) << round;
    ASSERT_TRUE(peer.publish({.topic = "t", .payload = std::to_string(round)}));
    ASSERT_TRUE(wait_until(io, [&] { return peer.messages.size() == static_cast<std::size_t>(round); }));
    broker.kill();
    ASSERT_TRUE(wait_until(io, [&] { return !peer.client->connected(); }));
    EXPECT_THAT(peer.errors.back(), testing::StartsWith(peer.connects == round ? "lost the connection" : "cannot"));
    broker.start();
  }
}

TEST_F(Paho, PublishesUnderWayFailWhenTheConnectionBreaks) {
  Mosquitto broker;
  Peer peer(io, options(broker));
  ASSERT_TRUE(peer.connect());
  broker.pause();
  std::vector<Result<void>> results;
  for (int i = 0; i < 10; ++i) {
    peer.client->publish({.topic = "t", .payload = "x"},
                         [&](Result<void> done) { results.push_back(std::move(done)); });
  }
  broker.kill();
  ASSERT_TRUE(wait_until(io, [&] { return results.size() == 10; }));
  EXPECT_TRUE(std::ranges::none_of(results, [](const auto& result) { return result.has_value(); }));
  ASSERT_TRUE(wait_until(io, [&] { return !peer.errors.empty(); }));
  EXPECT_THAT(peer.errors[0], HasSubstr("lost the connection"));
  broker.start();
  ASSERT_TRUE(wait_until(io, [&] { return peer.client->connected(); }));
  EXPECT_TRUE(peer.publish({.topic = "t", .payload = "x"}));
  EXPECT_EQ(results.size(), 10U);
}

TEST_F(Paho, PublishWithoutAConnectionFails) {
  Peer peer(io, {});
  EXPECT_FALSE(peer.publish({.topic = "t", .payload = "x"}));
}

TEST_F(Paho, ASecondClientWithTheSameIdTakesOver) {
  Mosquitto broker;
  auto with = options(broker);
  with.client_id = "twin";
  Peer first(io, with);
  ASSERT_TRUE(first.connect());
  Peer second(io, with);
  second.start();
  ASSERT_TRUE(wait_until(io, [&] { return !first.errors.empty(); }));
  EXPECT_THAT(first.errors[0], HasSubstr("another client has the same client id"));
  EXPECT_TRUE(wait_until(io, [&] { return first.connects >= 2; })) << "it did not come back";
}

TEST_F(Paho, TheWillIsSentAfterACrashAndNotAfterAStop) {
  Mosquitto broker;
  Peer watcher(io, options(broker));
  ASSERT_TRUE(watcher.connect());
  ASSERT_TRUE(watcher.subscribe({"will/#"}));
  auto with = options(broker);
  with.client_id = "orderly";
  with.will = Message{.topic = "will/orderly", .payload = "gone", .retained = true};
  Peer orderly(io, with);
  ASSERT_TRUE(orderly.connect());
  EXPECT_TRUE(orderly.stop());
  EXPECT_FALSE(orderly.client->connected());

  with.client_id = "twin";
  with.will = Message{.topic = "will/twin", .payload = "gone", .retained = true};
  Peer crashing(io, with);
  ASSERT_TRUE(crashing.connect());
  with.will.reset();
  Peer usurper(io, with);  // being taken over is an end without goodbye
  usurper.start();
  ASSERT_TRUE(wait_until(io, [&] { return !watcher.messages.empty(); }));
  EXPECT_EQ(watcher.messages[0].topic, "will/twin");
  EXPECT_EQ(watcher.messages[0].payload, "gone");
}

TEST_F(Paho, StopIsOrderlyInEveryState) {
  Mosquitto broker;
  {
    Peer never_started(io, options(broker));
    EXPECT_TRUE(never_started.stop());
  }
  {
    Peer just_started(io, options(broker));
    just_started.start();
    EXPECT_TRUE(just_started.stop());
    EXPECT_EQ(just_started.connects, 0);
  }
  {
    auto with = options(broker);
    with.url = "mqtt://127.0.0.1:1";
    Peer retrying(io, with);
    retrying.start();
    ASSERT_TRUE(wait_until(io, [&] { return retrying.errors.size() >= 2; }));
    EXPECT_TRUE(retrying.stop());
    const auto said = retrying.errors.size();
    test::settle(io);
    EXPECT_EQ(retrying.errors.size(), said);
  }
  {
    Peer deaf(io, options(broker));
    ASSERT_TRUE(deaf.connect());
    broker.pause();
    std::optional<Result<void>> published;
    deaf.client->publish({.topic = "t", .payload = "x"}, [&](Result<void> done) { published = std::move(done); });
    EXPECT_TRUE(deaf.stop());
    EXPECT_TRUE(published && !*published);
    broker.resume();
  }
}

TEST_F(Paho, StopLetsWhatIsUnderWayFinish) {
  Mosquitto broker;
  Peer peer(io, options(broker));
  ASSERT_TRUE(peer.connect());
  int finished = 0;
  bool stopped = false;
  for (int i = 0; i < 5; ++i) {
    peer.client->publish({.topic = "t", .payload = "x"}, [&](Result<void> done) {
      EXPECT_TRUE(done) << done.error().text();
      EXPECT_FALSE(stopped);
      ++finished;
    });
  }
  peer.client->stop([&] { stopped = true; });
  ASSERT_TRUE(wait_until(io, [&] { return stopped; }));
  EXPECT_EQ(finished, 5);
  EXPECT_TRUE(peer.errors.empty());
}

TEST_F(Paho, NothingIsCalledAfterDestruction) {
  Mosquitto broker;
  for (int after = 0; after < 3; ++after) {
    auto peer = std::make_unique<Peer>(io, options(broker));
    if (after == 0) peer->start();
    if (after >= 1) {
      ASSERT_TRUE(peer->connect());
    }
    if (after == 2) {
      for (int i = 0; i < 10; ++i) {
        peer->client->publish({.topic = "t", .payload = "x"}, [&](Result<void>) { ADD_FAILURE() << "called"; });
      }
    }
    peer.reset();  // the sanitizer minds if a handler still reaches it
    test::settle(io);
  }
}

TEST_F(Paho, AHandlerMayDestroyItsClient) {
  Mosquitto broker;
  std::unique_ptr<Client> client = make_paho_client(io.get_executor(), options(broker));
  bool destroyed = false;
  client->start({.connected =
                     [&] {
                       client.reset();
                       destroyed = true;
                     },
                 .disconnected = [](const Error& error) { ADD_FAILURE() << error.text(); },
                 .message = {}});
  EXPECT_TRUE(wait_until(io, [&] { return destroyed; }));
  test::settle(io);
}

TEST_F(Paho, AProxyInTheEnvironmentIsNotUsed) {
  ::setenv("http_proxy", "http://127.0.0.1:9", 1);
  Mosquitto broker;
  Peer peer(io, options(broker));
  EXPECT_TRUE(peer.connect());
  ::unsetenv("http_proxy");
}

class PahoTls : public Paho {
 protected:
  std::string listener(const test::Certificate& server) {
    return "cafile " + authority.ca().string() + "\ncertfile " + server.certificate.string() + "\nkeyfile " +
           server.key.string() + "\n";
  }
  static Options secure(const Mosquitto& broker, Tls tls, const std::string& host = "127.0.0.1") {
    Options out;
    out.url = "mqtts://" + host + ":" + std::to_string(broker.port());
    out.tls = std::move(tls);
    return out;
  }
  std::string first_error(Options with) {
    Peer peer(io, std::move(with));
    peer.start();
    wait_until(io, [&] { return !peer.errors.empty() || peer.connects > 0; });
    return peer.errors.empty() ? "connected" : peer.errors[0];
  }

  test::TempDir folder;
  test::CertificateAuthority authority{folder.path()};
};

TEST_F(PahoTls, ClientCertificate) {
  Mosquitto broker(listener(authority.issue("127.0.0.1")) + "require_certificate true\n");
  const auto mine = authority.issue("weir");
  Peer peer(io, secure(broker, {authority.ca(), mine.certificate, mine.key}));
  ASSERT_TRUE(peer.connect()) << peer.errors.front();
  EXPECT_TRUE(peer.publish({.topic = "t", .payload = "x"}));

  EXPECT_THAT(first_error(secure(broker, {authority.ca(), {}, {}})), HasSubstr("client certificate"));
}

TEST_F(PahoTls, AForeignOrExpiredOrMisnamedServerIsRefusedWithTheReason) {
  test::CertificateAuthority other(folder.path(), "another CA");
  Mosquitto broker(listener(authority.issue("127.0.0.1")));
  EXPECT_EQ(first_error(secure(broker, {authority.ca(), {}, {}})), "connected");
  EXPECT_THAT(first_error(secure(broker, {other.ca(), {}, {}})),
              HasSubstr("certificate was not accepted: self-signed certificate in"));
  EXPECT_THAT(first_error(secure(broker, {authority.ca(), {}, {}}, "localhost")), HasSubstr("ostname mismatch"));
  Mosquitto old(listener(authority.issue("127.0.0.1", -1)));
  EXPECT_THAT(first_error(secure(old, {authority.ca(), {}, {}})), HasSubstr("certificate has expired"));
}

TEST_F(PahoTls, WrongFilesAndPortsAreNamed) {
  Mosquitto plain;
  EXPECT_THAT(first_error(secure(plain, {authority.ca(), {}, {}})), HasSubstr("TLS"));
  Mosquitto broker(listener(authority.issue("127.0.0.1")));
  EXPECT_THAT(first_error(secure(broker, {folder / "missing.pem", {}, {}})), HasSubstr("missing.pem"));
}

}  // namespace
}  // namespace weir::mqtt
