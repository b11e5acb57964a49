// The built agent beside real brokers: what hostile messages, a bad configuration and a hidden cloud do to it.
#include <algorithm>
#include <csignal>
#include <map>
#include <set>

#include "base/json.h"
#include "test_support/certificates.h"
#include "weir/v1/bus.pb.h"
#include "weir/v1/uplink.pb.h"
#include "weir_test.h"

namespace weir {
namespace {

using namespace std::chrono_literals;

class AgentTest : public LiveTest {
 protected:
  void TearDown() override { EXPECT_TRUE(agent_.stop()); }

  static constexpr const char* kSimulator =
      "drivers:\n"
      "  sim:\n"
      "    kind: simulator\n"
      "    options:\n"
      "      signals:\n"
      "        box-1/temperature: {wave: sine, offset: 50, amplitude: 10, interval: 50ms}\n"
      "store: {path: weir.db, commit_interval: 100ms}\n";
};

TEST_F(AgentTest, MalformedPayloadsAreCountedSaidOnceAndNothingElseHappens) {
  test::Mosquitto bus;
  write("weir.yaml", "version: 1\nsite: hall\nbus: {url: \"" + bus.url() + "\"}\n" + kSimulator);
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > 10; }));

  // A stranger on the box's own broker, which has no access rights.
  const auto stranger = connect(bus.url(), "stranger");
  int under_way = 0, sent = 0;
  const std::string payloads[] = {
      "", "x", std::string(3, '\xff'), std::string(5'000, '\0'), "{\"json\": true}", std::string(200'000, 'z')};
  for (int round = 0; round < 20; ++round)
    for (const char* verb : {"signals", "data", "state", "readout", "written"})
      for (const char* driver : {"sim", "nobody", "sim/below", ""})
        for (const std::string& payload : payloads) {
          if (payload.size() > 1'000 && round > 2) continue;
          ASSERT_TRUE(agent_.until([&] { return under_way < 10; }));
          ++under_way;
          ++sent;
          stranger->publish({"weir/v1/" + std::string(verb) + "/" + driver, payload},
                            [&](Result<void>) { --under_way; });
        }
  ASSERT_TRUE(agent_.until([&] { return under_way == 0; }));

  // The readings go on, all of them: what is accepted is what the driver made.
  const auto before = agent_.of_driver("accepted");
  ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > before + 20; }));
  ASSERT_TRUE(agent_.running());
  const Node now = agent_.status();
  const Node* refused = now.find("drivers")->as_list()->front().find("refused");
  ASSERT_NE(refused, nullptr);
  EXPECT_GE(*refused->find("not-protobuf")->as_int(), 100);
  EXPECT_GE(*now.find("bus")->find("strays")->as_int(), 100);
  EXPECT_EQ(*now.find("drivers")->as_list()->front().find("process")->as_string(), "running");

  // Once for a burst, not once a message.
  const auto said = std::ranges::count_if(agent_.log(), [](const std::string& line) {
    return line.find("refused") != line.npos && line.find("not-protobuf") != line.npos;
  });
  EXPECT_GE(said, 1);
  EXPECT_LE(said, 10) << sent << " messages";
  EXPECT_LT(agent_.log().size(), 100U);
}

TEST_F(AgentTest, ABadConfigurationAtBootRunsTheLastGoodOne) {
  write("weir.yaml", std::string("version: 1\nsite: hall\n") + kSimulator);
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > 5; }));
  stop();

  write("weir.yaml", std::string("version: 1\nsite: hall\ndrivres: {}\n") + kSimulator);
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > 10; }));
  const Node now = agent_.status();
  EXPECT_FALSE(*now.find("ok")->as_bool());
  EXPECT_TRUE(agent_.logged("weir.yaml:3:1"));
  EXPECT_TRUE(agent_.logged("did you mean 'drivers'?"));
  EXPECT_TRUE(agent_.logged("the last good one runs instead"));

  // Mended, and read anew by SIGHUP: well again.
  write("weir.yaml", std::string("version: 1\nsite: hall-2\n") + kSimulator);
  agent_.signal(SIGHUP);
  ASSERT_TRUE(agent_.until([&] { return agent_.logged("reloaded"); }));
  EXPECT_EQ(*agent_.status().find("site")->as_string(), "hall-2");
}

TEST_F(AgentTest, WithoutAnyGoodConfigurationItSaysSoAndEnds) {
  write("weir.yaml", "version: 1\nsite: [\n");
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return agent_.exit().has_value(); }));
  EXPECT_EQ(agent_.exit()->code(), 1);
  EXPECT_TRUE(agent_.logged("there is no earlier one to run instead"));
}

TEST_F(AgentTest, AnEncryptedStoreOpensWithItsKeyOnly) {
  const std::string key(64, 'a'), other(64, 'b');
  const std::string plain = std::string("version: 1\nsite: hall\n") + kSimulator;
  std::string encrypted = plain;
  encrypted.insert(encrypted.find("{path: weir.db") + 1, "key_file: key, ");
  const auto stored = [&] {
    std::map<std::string, std::string> out;
    for (const char* name : {"weir.db", "weir.db-wal"})
      if (std::filesystem::exists(agent_ / name)) out[name] = read(name);
    return out;
  };
  write("key", key + "\n");
  write("weir.yaml", encrypted);
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > 10; }));
  const std::string incarnation = *agent_.status().find("store")->find("incarnation")->as_string();
  agent_.stop(SIGKILL);  // with all of it in the WAL
  const auto before = stored();
  ASSERT_EQ(before.size(), 2U);
  for (const auto& [name, bytes] : before)
    for (const char* text : {"box-1", "temperature", "simulator"}) EXPECT_EQ(bytes.find(text), bytes.npos) << text;

  const auto refuses = [&](const std::string& words) {
    agent_.forget_log();
    agent_.start();
    EXPECT_TRUE(agent_.until([&] { return agent_.exit().has_value(); })) << words;
    EXPECT_TRUE(agent_.exit() && agent_.exit()->code() == 1);
    EXPECT_TRUE(agent_.logged(words)) << agent_.said();
    EXPECT_TRUE(agent_.logged("nothing was changed"));
    EXPECT_TRUE(stored() == before) << words;
    EXPECT_FALSE(agent_.logged(key) || agent_.logged(other));
  };
  write("key", other);
  refuses("the key does not fit");
  write("weir.yaml", plain);
  refuses("it is encrypted, and there is no key");

  // The right one goes on, with an earlier config too: it is kept in there.
  write("key", key);
  write("weir.yaml", encrypted + "drivres: {}\n");
  agent_.forget_log();
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > 10; })) << agent_.said();
  EXPECT_TRUE(agent_.logged("the last good one runs instead"));
  EXPECT_EQ(*agent_.status().find("store")->find("incarnation")->as_string(), incarnation);
}

TEST_F(AgentTest, ADamagedStoreIsSaidOnceAndTheAgentRuns) {
  write("weir.yaml", std::string("version: 1\nsite: hall\n") + kSimulator);
  write("weir.db", std::string(20'000, 'g'));
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > 5; })) << agent_.said();
  const auto times = std::ranges::count_if(
      agent_.log(), [](const std::string& line) { return line.find("THE STORE WAS DAMAGED") != line.npos; });
  EXPECT_EQ(times, 1) << agent_.said();
  EXPECT_NE(to_json(agent_.status()).find("THE STORE WAS DAMAGED"), std::string::npos);
}

TEST_F(AgentTest, AKilledBrokerLosesNothing) {
  write("weir.yaml",
        "version: 1\nsite: hall\n"
        "drivers: {sim: {kind: simulator, options: {signals: {box/n: {wave: counter, type: int, interval: 20ms}}}}}\n"
        "store: {path: weir.db, commit_interval: 100ms}\n");
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > 20; }));
  for (int round = 0; round < 3; ++round) {
    const auto broker = static_cast<pid_t>(*agent_.status().find("bus")->find("pid")->as_int());
    ASSERT_GT(broker, 1);
    ASSERT_EQ(::kill(broker, SIGKILL), 0);
    const auto accepted = agent_.of_driver("accepted");
    ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > accepted + 20; })) << round;
  }
  EXPECT_EQ(agent_.of_driver("dropped"), 0);
  EXPECT_EQ(*agent_.status().find("gaps")->as_int(), 0);
  EXPECT_EQ(*agent_.status().find("drivers")->as_list()->front().find("restarts")->as_int(), 0);
}

TEST_F(AgentTest, ADriverThatAReloadRemovesBringsInItsLast) {
  test::Mosquitto bus;
  const std::string head = "version: 1\nsite: hall\nbus: {url: \"" + bus.url() + "\"}\nstore: {path: weir.db}\n";
  write("weir.yaml", head +
                         "drivers: {sim: {kind: simulator, options: {signals: {box/n: {wave: counter, type: "
                         "int, interval: 20ms}}}}}\n");
  std::uint64_t sent = 0, accepted = 0;
  bool down = false;
  const auto witness = connect(bus.url(), "witness", {"weir/v1/+/sim"}, [&](const mqtt::Message& message) {
    v1::Batch batch;
    v1::Ack ack;
    v1::DriverState state;
    if (message.topic == "weir/v1/data/sim" && batch.ParseFromString(message.payload)) sent = batch.seq();
    if (message.topic == "weir/v1/ack/sim" && ack.ParseFromString(message.payload)) accepted = ack.seq();
    if (message.topic == "weir/v1/state/sim" && state.ParseFromString(message.payload))
      down = state.level() == v1::DOWN;
  });
  agent_.start();
  ASSERT_TRUE(agent_.until([&] { return accepted > 10; }));
  write("weir.yaml", head);
  ASSERT_TRUE(agent_.ask("reload").find("done") != nullptr);
  ASSERT_TRUE(agent_.until([&] { return down; }));
  EXPECT_TRUE(agent_.until([&] { return accepted == sent; })) << accepted << " of " << sent;
  EXPECT_FALSE(agent_.logged("which is no driver of weir.yaml"));
}

// A broker that wants certificates, and a client that has one: lines of mosquitto.conf and of weir.yaml.
struct TlsLines {
  explicit TlsLines(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    test::CertificateAuthority authority(folder);
    const auto server = authority.issue("localhost");
    const auto own = authority.issue("hall");
    broker = "cafile " + authority.ca().string() + "\ncertfile " + server.certificate.string() + "\nkeyfile " +
             server.key.string() + "\nrequire_certificate true\n";
    client = "tls: {ca: \"" + authority.ca().string() + "\", certificate: \"" + own.certificate.string() +
             "\", key: \"" + own.key.string() + "\"}\n";
  }
  std::string broker, client;
};

TEST_F(AgentTest, DriversReachTheBoxsOwnBrokerByItsTlsAndItsAccount) {
  const TlsLines tls(agent_ / "ca");
  write("password", "hunter2\n");
  write("passwords", "hall:hunter2\n");
  const auto hashed = process::run({.executable = process::find_executable("mosquitto_passwd", {"/usr/bin"}),
                                    .arguments = {"-U", path("passwords")}},
                                   10s);
  ASSERT_TRUE(hashed && hashed->exit.ok());
  std::filesystem::permissions(agent_ / "passwords", std::filesystem::perms::all);
  std::filesystem::permissions((agent_ / ""), std::filesystem::perms::all);
  test::Mosquitto bus(tls.broker + "allow_anonymous false\npassword_file " + path("passwords") + "\n");
  write("weir.yaml", "version: 1\nsite: hall\nbus:\n  url: \"mqtts://localhost:" + std::to_string(bus.port()) +
                         "\"\n  username: hall\n  password_file: password\n  " + tls.client + kSimulator);
  agent_.start();
  EXPECT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > 5; }))
      << to_json(agent_.status()) << bus.log();
}

// What a cloud gets of the readings: the record itself, or one of backfill that speaks of it.
class FullStoreTest : public AgentTest {
 protected:
  FullStoreTest() { cloud_.kill(); }

  void write_config(const std::string& load, const std::string& limits) {
    write("weir.yaml", "version: 1\nsite: hall\ndrivers: {sim: {kind: simulator, options: {load: {" + load +
                           "}}}}\nstore: {path: weir.db, commit_interval: 50ms, " + limits +
                           "}\nuplinks: {cloud: {url: \"" + cloud_.url() + "\"}}\n");
  }

  std::int64_t of_raw(std::string_view member) const { return agent_.number({"store", "streams", "raw", member}); }

  // The cloud comes back, and somebody listens there before the agent is.
  void start_cloud() {
    agent_.signal(SIGSTOP);
    cloud_.start();
    witness_ = connect(cloud_.url(), "witness", {"weir/v1/up/hall/raw", "weir/v1/up/hall/backfill"},
                       [this](const mqtt::Message& message) { heard(message); });
    agent_.signal(SIGCONT);
  }

  void heard(const mqtt::Message& message) {
    v1::Record record;
    v1::RawRecord body;
    ASSERT_TRUE(record.ParseFromString(message.payload) && body.ParseFromString(record.body()));
    if (!seen_.insert({record.stream(), record.seq()}).second) return;
    if (record.stream() == v1::RAW) ++told_[record.seq()];
    for (const v1::Gap& gap : body.gaps())
      for (std::uint64_t seq = gap.first(); gap.stream() == v1::RAW && seq <= gap.last(); ++seq) ++told_[seq];
    thinned_ += body.thinned_size();
  }

  // Whether each number of raw from 1 on was heard of, at least up to that one.
  bool heard_all_to(std::uint64_t last) const {
    return !told_.empty() && told_.rbegin()->first >= last && told_.size() == told_.rbegin()->first;
  }

  test::Mosquitto cloud_;
  std::unique_ptr<mqtt::Client> witness_;
  std::set<std::pair<int, std::uint64_t>> seen_;
  std::map<std::uint64_t, int> told_;  // how often, by the number in raw
  int thinned_ = 0;
};

TEST_F(FullStoreTest, ThinsAndTheCloudHearsOfEachNumberOnce) {
  write_config("signals: 5, batch: 10, rate: 2000", "streams: {raw: {quota: 64KiB}}");
  // Two snapshots, one at each stop, before rows may go.
  for (int life = 0; life < 3; ++life) {
    agent_.start();
    ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > 6'000; }));
    EXPECT_TRUE(life == 2 || agent_.stop());
  }
  ASSERT_TRUE(agent_.until([&] { return of_raw("thinned") > 0; })) << to_json(agent_.status());
  const auto last = static_cast<std::uint64_t>(of_raw("last"));
  start_cloud();
  ASSERT_TRUE(agent_.until([&] { return heard_all_to(last); }, 40s)) << told_.size() << " numbers of " << last;
  EXPECT_GT(thinned_, 0);
  for (const auto& [seq, times] : told_) ASSERT_EQ(times, 1) << seq;
}

TEST_F(FullStoreTest, BlocksAndTheCloudGetsEveryReadingOnce) {
  write_config("signals: 10", "quota: 32MiB, when_full: block");
  agent_.start();
  const auto full = [&] {
    const Node now = agent_.status();
    const Node* store = now.find("store");
    return store != nullptr && *store->find("full")->as_bool();
  };
  ASSERT_TRUE(agent_.until(full, 60s)) << to_json(agent_.status());
  EXPECT_TRUE(agent_.logged("store: full, readings stay with the drivers"));
  const auto last = static_cast<std::uint64_t>(of_raw("last"));
  start_cloud();
  ASSERT_TRUE(agent_.until([&] { return heard_all_to(last); }, 40s)) << told_.size() << " numbers of " << last;
  ASSERT_TRUE(agent_.until([&] { return !full(); }, 60s)) << to_json(agent_.status());
  const auto accepted = agent_.of_driver("accepted");
  EXPECT_TRUE(agent_.until([&] { return agent_.of_driver("accepted") > accepted; })) << to_json(agent_.status());
  EXPECT_EQ(of_raw("given_up") + of_raw("thinned"), 0);
  EXPECT_EQ(agent_.of_driver("dropped"), 0);
  EXPECT_EQ(thinned_, 0);
  for (const auto& [seq, times] : told_) ASSERT_EQ(times, 1) << seq;
}

TEST_F(AgentTest, SpeaksToACloudOverTlsWithItsOwnCertificate) {
  const TlsLines tls(agent_ / "ca");
  test::Mosquitto cloud(tls.broker);
  write("weir.yaml", "version: 1\nsite: hall\n" + std::string(kSimulator) +
                         "uplinks:\n  cloud:\n    url: \"mqtts://localhost:" + std::to_string(cloud.port()) +
                         "\"\n    " + tls.client);
  agent_.start();
  const bool sent = agent_.until([&] {
    const Node now = agent_.status();
    const Node* uplinks = now.find("uplinks");
    if (uplinks == nullptr || uplinks->as_list()->empty()) return false;
    const Node* raw = uplinks->as_list()->front().find("streams")->find("raw");
    return raw != nullptr && *raw->find("acknowledged")->as_int() > 3;
  });
  EXPECT_TRUE(sent) << to_json(agent_.status()) << cloud.log();
}

}  // namespace
}  // namespace weir
