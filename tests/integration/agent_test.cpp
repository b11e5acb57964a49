// The built agent beside real brokers: what hostile messages, a bad configuration and a hidden cloud do to it.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "control/client.h"
#include "mqtt/paho.h"
#include "process/process.h"
#include "test_support/certificates.h"
#include "test_support/mosquitto.h"
#include "test_support/temp_dir.h"
#include "test_support/wait.h"
#include "weir/v1/bus.pb.h"
#include "weir/v1/uplink.pb.h"
#include "wire/wire.h"

namespace weir {
namespace {

using namespace std::chrono_literals;

class AgentTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed";
  }
  void TearDown() override { stop(SIGTERM); }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }

  void start() {
    process::Command command;
    command.executable = std::filesystem::path(WEIR_BIN) / "weir";
    command.arguments = {"run", "--config", (folder_ / "weir.yaml").string(), "--runtime-dir", (folder_ / "run").string()};
    process::Handlers handlers;
    handlers.error = [this](std::string_view line) { log_.emplace_back(line); };
    handlers.exited = [this](process::Exit exit) { exit_ = exit; };
    exit_.reset();
    auto started = process::Process::start(io_.get_executor(), command, std::move(handlers));
    ASSERT_TRUE(started) << started.error().text();
    agent_ = std::move(*started);
  }

  void stop(int signal) {
    if (!agent_ || !agent_->running()) return;
    agent_->signal(signal);
    EXPECT_TRUE(until([&] { return exit_.has_value(); }));
  }

  bool until(const std::function<bool()>& done, std::chrono::seconds most = 20s) {
    const auto deadline = std::chrono::steady_clock::now() + most;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io_.restart();
      io_.run_for(20ms);
    }
    return true;
  }

  Node status() const {
    const auto answer = control::ask(folder_ / "run" / "control.sock", Node::object().set("do", "status"), 5s);
    return answer ? *answer : Node();
  }

  // A member of the first driver in the status; 0 if there is none yet.
  std::int64_t of_driver(std::string_view member) const {
    const Node now = status();
    const Node* drivers = now.find("drivers");
    if (drivers == nullptr || drivers->as_list() == nullptr || drivers->as_list()->empty()) return 0;
    const Node* value = drivers->as_list()->front().find(member);
    return value != nullptr && value->as_int() != nullptr ? *value->as_int() : 0;
  }

  bool logged(std::string_view part) const {
    return std::ranges::any_of(log_, [&](const std::string& line) { return line.find(part) != line.npos; });
  }

  static constexpr const char* kSimulator =
      "drivers:\n"
      "  sim:\n"
      "    kind: simulator\n"
      "    options:\n"
      "      signals:\n"
      "        box-1/temperature: {wave: sine, offset: 50, amplitude: 10, interval: 50ms}\n"
      "store: {path: weir.db, commit_interval: 100ms}\n";

  boost::asio::io_context io_;
  test::TempDir folder_;
  std::unique_ptr<process::Process> agent_;
  std::optional<process::Exit> exit_;
  std::vector<std::string> log_;
};

TEST_F(AgentTest, MalformedPayloadsAreCountedSaidOnceAndNothingElseHappens) {
  test::Mosquitto bus;
  write("weir.yaml", "version: 1\nsite: hall\nbus: {url: \"" + bus.url() + "\"}\n" + kSimulator);
  start();
  ASSERT_TRUE(until([&] { return of_driver("accepted") > 10; }));

  // A stranger on the box's own broker, which has no access rights.
  mqtt::Options options;
  options.url = bus.url();
  options.client_id = "stranger";
  const auto stranger = mqtt::make_paho_client(io_.get_executor(), options);
  stranger->start({.connected = [] {}, .disconnected = [](const Error&) {}, .message = [](mqtt::Message) {}});
  ASSERT_TRUE(until([&] { return stranger->connected(); }));
  int under_way = 0, sent = 0;
  const std::string payloads[] = {"", "x", std::string(3, '\xff'), std::string(5'000, '\0'), "{\"json\": true}",
                                  std::string(200'000, 'z')};
  for (int round = 0; round < 20; ++round)
    for (const char* verb : {"signals", "data", "state", "readout", "written"})
      for (const char* driver : {"sim", "nobody", "sim/below", ""})
        for (const std::string& payload : payloads) {
          if (payload.size() > 1'000 && round > 2) continue;
          ASSERT_TRUE(until([&] { return under_way < 10; }));
          ++under_way;
          ++sent;
          stranger->publish({"weir/v1/" + std::string(verb) + "/" + driver, payload}, [&](Result<void>) { --under_way; });
        }
  ASSERT_TRUE(until([&] { return under_way == 0; }));

  // The readings go on, all of them: what is accepted is what the driver made.
  const auto before = of_driver("accepted");
  ASSERT_TRUE(until([&] { return of_driver("accepted") > before + 20; }));
  ASSERT_TRUE(agent_->running());
  const Node now = status();
  const Node* refused = now.find("drivers")->as_list()->front().find("refused");
  ASSERT_NE(refused, nullptr);
  EXPECT_GE(*refused->find("not-protobuf")->as_int(), 100);
  EXPECT_GE(*now.find("bus")->find("strays")->as_int(), 100);
  EXPECT_EQ(*now.find("drivers")->as_list()->front().find("process")->as_string(), "running");

  // Once for a burst, not once a message.
  const auto said = std::ranges::count_if(log_, [](const std::string& line) {
    return line.find("refused") != line.npos && line.find("not-protobuf") != line.npos;
  });
  EXPECT_GE(said, 1);
  EXPECT_LE(said, 10) << sent << " messages";
  EXPECT_LT(log_.size(), 100U);
}

TEST_F(AgentTest, ABadConfigurationAtBootRunsTheLastGoodOne) {
  write("weir.yaml", std::string("version: 1\nsite: hall\n") + kSimulator);
  start();
  ASSERT_TRUE(until([&] { return of_driver("accepted") > 5; }));
  stop(SIGTERM);
  EXPECT_TRUE(exit_ && exit_->ok()) << exit_->text();

  write("weir.yaml", std::string("version: 1\nsite: hall\ndrivres: {}\n") + kSimulator);
  start();
  ASSERT_TRUE(until([&] { return of_driver("accepted") > 10; }));
  const Node now = status();
  EXPECT_FALSE(*now.find("ok")->as_bool());
  EXPECT_TRUE(logged("weir.yaml:3:1"));
  EXPECT_TRUE(logged("did you mean 'drivers'?"));
  EXPECT_TRUE(logged("the last good one runs instead"));

  // Mended, and read anew by SIGHUP: well again.
  write("weir.yaml", std::string("version: 1\nsite: hall-2\n") + kSimulator);
  agent_->signal(SIGHUP);
  ASSERT_TRUE(until([&] { return logged("reloaded"); }));
  EXPECT_EQ(*status().find("site")->as_string(), "hall-2");
}

TEST_F(AgentTest, WithoutAnyGoodConfigurationItSaysSoAndEnds) {
  write("weir.yaml", "version: 1\nsite: [\n");
  start();
  ASSERT_TRUE(until([&] { return exit_.has_value(); }));
  EXPECT_EQ(exit_->code(), 1);
  EXPECT_TRUE(logged("there is no earlier one to run instead"));
}

TEST_F(AgentTest, AnEncryptedStoreOpensWithItsKeyOnly) {
  const std::string key(64, 'a'), other(64, 'b');
  const std::string plain = std::string("version: 1\nsite: hall\n") + kSimulator;
  std::string encrypted = plain;
  encrypted.insert(encrypted.find("{path: weir.db") + 1, "key_file: key, ");
  const auto stored = [&] {
    std::map<std::string, std::string> out;
    for (const char* name : {"weir.db", "weir.db-wal"})
      if (std::ifstream file(folder_ / name, std::ios::binary); file)
        out[name] = {std::istreambuf_iterator<char>(file), {}};
    return out;
  };
  write("key", key + "\n");
  write("weir.yaml", encrypted);
  start();
  ASSERT_TRUE(until([&] { return of_driver("accepted") > 10; }));
  const std::string incarnation = *status().find("store")->find("incarnation")->as_string();
  stop(SIGKILL);  // with all of it in the WAL
  const auto before = stored();
  ASSERT_EQ(before.size(), 2U);
  for (const auto& [name, bytes] : before)
    for (const char* text : {"box-1", "temperature", "simulator"}) EXPECT_EQ(bytes.find(text), bytes.npos) << text;

  const auto refuses = [&](const std::string& words) {
    log_.clear();
    start();
    EXPECT_TRUE(until([&] { return exit_.has_value(); })) << words;
    EXPECT_TRUE(exit_ && exit_->code() == 1);
    EXPECT_TRUE(logged(words)) << testing::PrintToString(log_);
    EXPECT_TRUE(logged("nothing was changed"));
    EXPECT_TRUE(stored() == before) << words;
    EXPECT_FALSE(logged(key) || logged(other));
  };
  write("key", other);
  refuses("the key does not fit");
  write("weir.yaml", plain);
  refuses("it is encrypted, and there is no key");

  // The right one goes on, with an earlier config too: it is kept in there.
  write("key", key);
  write("weir.yaml", encrypted + "drivres: {}\n");
  log_.clear();
  start();
  ASSERT_TRUE(until([&] { return of_driver("accepted") > 10; })) << testing::PrintToString(log_);
  EXPECT_TRUE(logged("the last good one runs instead"));
  EXPECT_EQ(*status().find("store")->find("incarnation")->as_string(), incarnation);
}

TEST_F(AgentTest, AKilledBrokerLosesNothing) {
  write("weir.yaml", "version: 1\nsite: hall\n"
                     "drivers: {sim: {kind: simulator, options: {signals: {box/n: {wave: counter, type: int, interval: 20ms}}}}}\n"
                     "store: {path: weir.db, commit_interval: 100ms}\n");
  start();
  ASSERT_TRUE(until([&] { return of_driver("accepted") > 20; }));
  for (int round = 0; round < 3; ++round) {
    const auto broker = static_cast<pid_t>(*status().find("bus")->find("pid")->as_int());
    ASSERT_GT(broker, 1);
    ASSERT_EQ(::kill(broker, SIGKILL), 0);
    const auto accepted = of_driver("accepted");
    ASSERT_TRUE(until([&] { return of_driver("accepted") > accepted + 20; })) << round;
  }
  EXPECT_EQ(of_driver("dropped"), 0);
  EXPECT_EQ(*status().find("gaps")->as_int(), 0);
  EXPECT_EQ(*status().find("drivers")->as_list()->front().find("restarts")->as_int(), 0);
}

TEST_F(AgentTest, ADriverThatAReloadRemovesBringsInItsLast) {
  test::Mosquitto bus;
  const std::string head = "version: 1\nsite: hall\nbus: {url: \"" + bus.url() + "\"}\nstore: {path: weir.db}\n";
  write("weir.yaml", head + "drivers: {sim: {kind: simulator, options: {signals: {box/n: {wave: counter, type: int, interval: 20ms}}}}}\n");
  mqtt::Options options;
  options.url = bus.url();
  options.client_id = "witness";
  const auto witness = mqtt::make_paho_client(io_.get_executor(), options);
  std::uint64_t sent = 0, accepted = 0;
  bool down = false;
  witness->start({.connected = [&] { witness->subscribe({"weir/v1/+/sim"}, [](Result<void>) {}); },
                  .disconnected = [](const Error&) {},
                  .message = [&](const mqtt::Message& message) {
                    v1::Batch batch;
                    v1::Ack ack;
                    if (message.topic == "weir/v1/data/sim" && batch.ParseFromString(message.payload)) sent = batch.seq();
                    if (message.topic == "weir/v1/ack/sim" && ack.ParseFromString(message.payload)) accepted = ack.seq();
                    v1::DriverState state;
                    if (message.topic == "weir/v1/state/sim" && state.ParseFromString(message.payload))
                      down = state.level() == v1::DOWN;
                  }});
  ASSERT_TRUE(until([&] { return witness->connected(); }));
  start();
  ASSERT_TRUE(until([&] { return accepted > 10; }));
  write("weir.yaml", head);
  ASSERT_TRUE(control::ask(folder_ / "run" / "control.sock", Node::object().set("do", "reload"), 10s));
  ASSERT_TRUE(until([&] { return down; }));
  EXPECT_TRUE(until([&] { return accepted == sent; })) << accepted << " of " << sent;
  EXPECT_FALSE(logged("which is no driver of weir.yaml"));
}

TEST_F(AgentTest, DriversReachTheBoxsOwnBrokerByItsTlsAndItsAccount) {
  std::filesystem::create_directories(folder_ / "ca");
  test::CertificateAuthority authority(folder_ / "ca");
  const auto server = authority.issue("localhost");
  const auto client = authority.issue("hall");
  write("password", "hunter2\n");
  write("passwords", "hall:hunter2\n");
  const auto hashed = process::run({.executable = process::find_executable("mosquitto_passwd", {"/usr/bin"}),
                                    .arguments = {"-U", (folder_ / "passwords").string()}},
                                   10s);
  ASSERT_TRUE(hashed && hashed->exit.ok());
  std::filesystem::permissions(folder_ / "passwords", std::filesystem::perms::all);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
  test::Mosquitto bus("cafile " + authority.ca().string() + "\ncertfile " + server.certificate.string() + "\nkeyfile " +
                      server.key.string() + "\nrequire_certificate true\nallow_anonymous false\npassword_file " +
                      (folder_ / "passwords").string() + "\n");
  write("weir.yaml", "version: 1\nsite: hall\nbus:\n  url: \"mqtts://localhost:" + std::to_string(bus.port()) +
                         "\"\n  username: hall\n  password_file: password\n  tls: {ca: \"" + authority.ca().string() +
                         "\", certificate: \"" + client.certificate.string() + "\", key: \"" + client.key.string() +
                         "\"}\n" + kSimulator);
  start();
  EXPECT_TRUE(until([&] { return of_driver("accepted") > 5; })) << to_json(status()) << bus.log();
}

TEST_F(AgentTest, SpeaksToACloudOverTlsWithItsOwnCertificate) {
  std::filesystem::create_directories(folder_ / "ca");
  test::CertificateAuthority authority(folder_ / "ca");
  const auto server = authority.issue("localhost");
  const auto client = authority.issue("hall");
  test::Mosquitto cloud("cafile " + authority.ca().string() + "\ncertfile " + server.certificate.string() +
                        "\nkeyfile " + server.key.string() + "\nrequire_certificate true\n");
  write("weir.yaml", "version: 1\nsite: hall\n" + std::string(kSimulator) +
                         "uplinks:\n  cloud:\n    url: \"mqtts://localhost:" + std::to_string(cloud.port()) +
                         "\"\n    tls: {ca: \"" + authority.ca().string() + "\", certificate: \"" +
                         client.certificate.string() + "\", key: \"" + client.key.string() + "\"}\n");
  start();
  const bool sent = until([&] {
    const Node now = status();
    const Node* uplinks = now.find("uplinks");
    if (uplinks == nullptr || uplinks->as_list()->empty()) return false;
    const Node* raw = uplinks->as_list()->front().find("streams")->find("raw");
    return raw != nullptr && *raw->find("acknowledged")->as_int() > 3;
  });
  EXPECT_TRUE(sent) << to_json(status()) << cloud.log();
}

}  // namespace
}  // namespace weir
