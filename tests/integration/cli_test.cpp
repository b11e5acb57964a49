// The command line as its users meet it: the built executables, run.
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/text.h"
#include "mqtt/paho.h"
#include "process/process.h"
#include "test_support/mosquitto.h"
#include "test_support/temp_dir.h"
#include "test_support/wait.h"
#include "weir/v1/uplink.pb.h"

namespace weir {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const std::filesystem::path kWeir = std::filesystem::path(WEIR_BIN) / "weir";

class Cli : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }

  std::vector<std::string> global() const {
    return {"--config", (folder_ / "weir.yaml").string(), "--runtime-dir", (folder_ / "run").string()};
  }

  process::Output weir(std::vector<std::string> arguments) {
    const auto rest = global();
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    auto output = process::run({.executable = kWeir, .arguments = std::move(arguments)}, std::chrono::seconds(30));
    EXPECT_TRUE(output) << output.error().text();
    return output ? *output : process::Output{};
  }

  // Lines with the folder of the test taken out.
  std::vector<std::string> plain(std::vector<std::string> lines) const {
    const std::string folder = folder_.path().string() + "/";
    for (std::string& line : lines)
      for (std::size_t at; (at = line.find(folder)) != line.npos;) line.erase(at, folder.size());
    return lines;
  }

  test::TempDir folder_;
};

TEST_F(Cli, ChecksAllFilesAtOnce) {
  write("weir.yaml",
        "version: 1\n"
        "site: hall\n"
        "stroe:\n"
        "  path: weir.db\n"
        "drivers:\n"
        "  sim:\n"
        "    kind: simulator\n"
        "    options:\n"
        "      signals:\n"
        "        box-1/temperature: {wave: triangle}\n"
        "  plc:\n"
        "    kind: simulatr\n");
  write("rules.d/a.yaml",
        "rules:\n"
        "  - name: hot\n"
        "    from: {t: box-1/temperature}\n"
        "    when: t > 90 and men(t) > 3\n"
        "    alert: {severity: critical}\n");
  const process::Output output = weir({"check"});
  EXPECT_EQ(output.exit.code(), 1);
  EXPECT_THAT(output.error, IsEmpty());
  EXPECT_THAT(
      plain(output.out),
      ElementsAre("weir.yaml:3:1: error: weir.yaml has no key 'stroe'", "  3 | stroe:", "    | ^^^^^",
                  "  did you mean 'store'?", "weir.yaml:10:35: error: driver sim: 'wave' is 'triangle'",
                  "  10 |         box-1/temperature: {wave: triangle}", "     |                                   ^",
                  "  write one of sine, ramp, noise, step, counter, constant",
                  StartsWith("weir.yaml:12:11: error: driver plc: there is no driver of kind 'simulatr' in "),
                  "  12 |     kind: simulatr", "     |           ^",
                  StartsWith("  did you mean 'simulator'? There are: "),
                  "rules.d/a.yaml:4:22: error: there is no function 'men'", "  4 |     when: t > 90 and men(t) > 3",
                  "    |                      ^^^^^^", "  did you mean 'min'?", "4 errors"));

  const process::Output as_json = weir({"check", "--json"});
  EXPECT_EQ(as_json.exit.code(), 1);
  ASSERT_THAT(as_json.out, SizeIs(1));
  const auto list = parse_json(as_json.out.front());
  ASSERT_TRUE(list);
  ASSERT_THAT(*list->as_list(), SizeIs(4));
  const Node& first = list->as_list()->front();
  EXPECT_EQ(*first.find("line")->as_int(), 3);
  EXPECT_EQ(*first.find("column")->as_int(), 1);
  EXPECT_EQ(*first.find("severity")->as_string(), "error");
  EXPECT_EQ(*first.find("hint")->as_string(), "did you mean 'store'?");
}

TEST_F(Cli, ChecksWhatIsFine) {
  write("weir.yaml", "version: 1\nsite: hall\n");
  EXPECT_THAT(weir({"check"}).out, ElementsAre("weir.yaml is fine"));
  write("rules.d/a.yaml", "rules: []\n");
  write("rules.d/b.yaml", "rules: []\n");
  const process::Output output = weir({"check"});
  EXPECT_EQ(output.exit.code(), 0);
  EXPECT_THAT(output.out, ElementsAre("weir.yaml and 2 rule files are fine"));
  EXPECT_TRUE(parse_json(join(weir({"check", "--schema"}).out, "\n")));
}

TEST_F(Cli, TestsRules) {
  write("weir.yaml", "version: 1\nsite: hall\n");
  write("rules.d/hot.yaml",
        "rules:\n"
        "  - name: hot\n"
        "    from: {t: \"box-{n}/temperature\"}\n"
        "    when: t > 90\n"
        "    for: 2s\n"
        "    alert: {severity: critical, message: \"box {n}: {t}\"}\n");
  const std::string passes =
      "tests:\n"
      "  - name: raises\n"
      "    input: {box-1/temperature: 80 91+1x6 70}\n"
      "    expect:\n"
      "      - {at: 3s, alert: hot, group: {n: 1}, severity: critical, message: \"box 1: 93\"}\n"
      "      - {at: 8s, alert: hot, change: cleared}\n";
  write("rules.d/hot.test.yaml", passes);
  // The agent takes it for no rules.
  EXPECT_THAT(weir({"check"}).out, ElementsAre("weir.yaml and 1 rule file are fine"));
  const std::string file = (folder_ / "rules.d/hot.test.yaml").string();
  for (const std::string& what : {std::string(), file, (folder_ / "rules.d").string()}) {
    const process::Output output =
        weir(what.empty() ? std::vector<std::string>{"test"} : std::vector<std::string>{"test", what});
    EXPECT_EQ(output.exit.code(), 0);
    EXPECT_THAT(plain(output.out), ElementsAre(MatchesRegex("ok    rules.d/hot.test.yaml:2: raises  [0-9.]+ ms"),
                                               MatchesRegex("1 test in 1 file, all passed, [0-9.]+ ms")));
  }

  write("rules.d/hot.test.yaml", passes +
                                     "  - name: never clears\n"
                                     "    input: {box-1/temperature: 91x6 70, box-1/temprature: 1}\n"
                                     "    expect: [{from: 1s, alert: hot}]\n");
  const process::Output failed = weir({"test", file, "--junit", (folder_ / "out.xml").string()});
  EXPECT_EQ(failed.exit.code(), 1);
  EXPECT_THAT(
      plain(failed.out),
      ElementsAre(StartsWith("ok    "), MatchesRegex("FAIL  rules.d/hot.test.yaml:7: never clears  [0-9.]+ ms"),
                  MatchesRegex(" +line +expected +actual"), MatchesRegex(" +nothing +7s +hot \\{n=1\\} cleared"),
                  "    no rule reads box-1/temprature", MatchesRegex("2 tests in 1 file, 1 failed, [0-9.]+ ms")));
  std::ifstream junit(folder_ / "out.xml");
  const std::string xml{std::istreambuf_iterator<char>(junit), {}};
  EXPECT_THAT(xml, HasSubstr("<testsuites tests=\"2\" failures=\"1\" errors=\"0\""));
  EXPECT_EQ(weir({"test", "--run", "RAISES"}).exit.code(), 0);
  EXPECT_THAT(weir({"test", "--run", "lowers"}).error, Contains("weir: no test has 'lowers' in its name"));

  write("rules.d/hot.test.yaml", "tests:\n  - name: it\n    input: {box-1/temperature: 80 hot}\n    expects: []\n");
  const process::Output wrong = weir({"test"});
  EXPECT_EQ(wrong.exit.code(), 1);
  EXPECT_THAT(plain(wrong.out), Contains(StartsWith("rules.d/hot.test.yaml:3:35: error: 'hot' is no value")));
  EXPECT_THAT(plain(wrong.out), Contains("  did you mean 'expect'?"));
  EXPECT_EQ(weir({"test", "nowhere"}).exit.code(), 1);
  EXPECT_EQ(weir({"test", "--juint"}).exit.code(), 2);
}

TEST_F(Cli, KnowsADriversFilesAsTheAgentDoes) {
  write("weir.yaml",
        "version: 1\n"
        "site: hall\n"
        "drivers:\n"
        "  plc:\n"
        "    kind: modbus\n"
        "    options: {devices: {pump-1: {tcp: \"127.0.0.1:502\", profile: profiles/pump.yaml}}}\n");
  EXPECT_EQ(weir({"check"}).exit.code(), 1);
  write("profiles/pump.yaml", "signals:\n  running: {coil: 0}\n");
  EXPECT_THAT(weir({"check"}).out, ElementsAre("weir.yaml is fine"));
}

TEST_F(Cli, SaysThatThereIsNoAgent) {
  write("weir.yaml", "version: 1\nsite: hall\n");
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"status"}, {"drivers"}, {"read", "box-1/temperature"}, {"write", "box-1/setpoint", "-1"}, {"reload"}}) {
    const process::Output output = weir(command);
    EXPECT_EQ(output.exit.code(), 1) << command.front();
    EXPECT_THAT(output.out, IsEmpty()) << command.front();
    ASSERT_THAT(output.error, SizeIs(2)) << command.front();
    EXPECT_THAT(output.error[0], StartsWith("weir: ")) << command.front();
    EXPECT_THAT(output.error[1], HasSubstr("systemctl status weir")) << command.front();
  }
  // Completion wants no words.
  const process::Output paths = weir({"drivers", "--paths"});
  EXPECT_EQ(paths.exit.code(), 1);
  EXPECT_THAT(paths.error, IsEmpty());
}

TEST_F(Cli, ShowsTheLastStatusOfAnAgentThatIsGone) {
  write("weir.yaml", "version: 1\nsite: hall\n");
  write("run/status.json",
        R"({"ok":true,"site":"hall","time":"2026-01-02T03:04:05Z","clock_synced":true,"problems":[]})");
  const process::Output output = weir({"status"});
  EXPECT_EQ(output.exit.code(), 1);
  ASSERT_THAT(output.out, Not(IsEmpty()));
  EXPECT_EQ(output.out.front(), "NOT OK: 1 problem  hall, 2026-01-02T03:04:05Z, clock synced, no data lost");
  EXPECT_THAT(output.out, Contains(StartsWith("! the agent does not answer (for ")));
  EXPECT_THAT(output.out, Contains(HasSubstr("what follows is its last status, ")));
}

TEST_F(Cli, SaysWhatIsWrongWithACommandLine) {
  EXPECT_EQ(weir({"stats"}).exit.code(), 2);
  EXPECT_EQ(weir({"read"}).exit.code(), 2);
  EXPECT_EQ(weir({"tap", "mqtt://127.0.0.1", "--format", "xml"}).exit.code(), 2);
  EXPECT_EQ(weir({"queue", "export", "--since", "yesterday"}).exit.code(), 1);
  const process::Output tap = weir({"tap", "http://127.0.0.1"});
  EXPECT_EQ(tap.exit.code(), 1);
  EXPECT_THAT(tap.error, Contains(HasSubstr("mqtt://HOST:1883")));
}

TEST_F(Cli, TapGivesUpOnABrokerThatIsNotThere) {
  const process::Output tap =
      weir({"tap", "mqtt://127.0.0.1:" + std::to_string(test::free_port()), "--patience", "1"});
  EXPECT_EQ(tap.exit.code(), 1);
  EXPECT_THAT(tap.error, Contains(HasSubstr("no connection to mqtt://127.0.0.1:")));
}

TEST_F(Cli, TapSaysWhatIsMissing) {
  if (!test::Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed";
  test::Mosquitto cloud;
  boost::asio::io_context io;
  mqtt::Options options;
  options.url = cloud.url();
  options.client_id = "agent";
  auto agent = mqtt::make_paho_client(io.get_executor(), options);
  const auto publish = [&](const std::string& topic, const google::protobuf::MessageLite& message, bool retained) {
    bool taken = false;
    agent->publish({"weir/v1/up/hall/" + topic, message.SerializeAsString(), 1, retained},
                   [&](Result<void> done) { taken = done.has_value(); });
    EXPECT_TRUE(test::wait_until(io, [&] { return taken; }));
  };
  bool connected = false;
  agent->start({.connected = [&] { connected = true; }, .disconnected = [](const Error&) {}, .message = {}});
  ASSERT_TRUE(test::wait_until(io, [&] { return connected; }));
  v1::Birth birth;
  birth.set_site("somewhere");
  publish("birth", birth, true);

  std::string said;
  std::optional<process::Exit> exit;
  auto tap = process::Process::start(io.get_executor(), {.executable = kWeir, .arguments = {"tap", cloud.url()}},
                                     {.error = [&](std::string_view line) { said += std::string(line) + "\n"; },
                                      .exited = [&](process::Exit ended) { exit = ended; }});
  ASSERT_TRUE(tap) << tap.error().text();
  const auto hear = [&](const std::string& what) {
    return test::wait_until(io, [&] { return said.find(what) != said.npos || exit; }) && !exit;
  };
  ASSERT_TRUE(hear("site somewhere")) << said;
  for (const std::uint64_t seq : {1, 2, 5, 5}) {
    v1::Record record;
    record.set_incarnation(std::string(16, 'i'));
    record.set_stream(v1::RAW);
    record.set_seq(seq);
    publish("raw", record, false);
  }
  EXPECT_TRUE(hear("tap: GAP: hall raw 3 to 4\n")) << said;
  EXPECT_TRUE(hear("tap: repeat: hall raw 5\n")) << said;
  (*tap)->signal(SIGINT);
  ASSERT_TRUE(test::wait_until(io, [&] { return exit.has_value(); })) << said;
  EXPECT_EQ(exit->code(), 1);
  EXPECT_THAT(said, testing::ContainsRegex("hall +69696969 +raw +3 +1 +5 +2 +1 +0\n"));
  EXPECT_THAT(said, HasSubstr("RECORDS ARE MISSING"));
}

TEST_F(Cli, EverySubcommandHasAnExampleInItsHelp) {
  for (const auto& command : std::vector<std::vector<std::string>>{{"run"},
                                                                   {"check"},
                                                                   {"test"},
                                                                   {"replay"},
                                                                   {"status"},
                                                                   {"tap"},
                                                                   {"queue"},
                                                                   {"queue", "ls"},
                                                                   {"queue", "verify"},
                                                                   {"queue", "export"},
                                                                   {"queue", "repair"},
                                                                   {"queue", "vacuum"},
                                                                   {"history"},
                                                                   {"drivers"},
                                                                   {"read"},
                                                                   {"write"},
                                                                   {"reload"}}) {
    auto asked = command;
    asked.push_back("--help");
    const auto output = process::run({.executable = kWeir, .arguments = asked}, std::chrono::seconds(10));
    ASSERT_TRUE(output);
    EXPECT_EQ(output->exit.code(), 0);
    EXPECT_THAT(output->out, Contains(StartsWith("Example: weir " + join(command, " "))));
  }
}

// An agent with a simulated device, and a cloud.
class LiveCli : public Cli {
 protected:
  static constexpr const char* kRule =
      "rules:\n"
      "  - name: mean\n"
      "    from: {t: \"box-{n}/temperature\"}\n"
      "    window: 1s\n"
      "    emit: {\"box-{n}/temperature_mean\": mean(t)}\n";

  void SetUp() override {
    if (!test::Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed";
    cloud_.emplace();
    write("weir.yaml", config());
    write("rules.d/mean.yaml", kRule);
    std::vector<std::string> arguments = {"run"};
    for (const std::string& argument : global()) arguments.push_back(argument);
    ready_ = false;
    auto agent = process::Process::start(io_.get_executor(), {.executable = kWeir, .arguments = arguments},
                                         {.error =
                                              [this](std::string_view line) {
                                                said_ += std::string(line) + "\n";
                                                ready_ = ready_ || line.find("ready: ") != line.npos;
                                              },
                                          .exited = [this](process::Exit exit) { exit_ = exit; }});
    ASSERT_TRUE(agent) << agent.error().text();
    agent_ = std::move(*agent);
    ASSERT_TRUE(test::wait_until(io_, [&] { return ready_ || exit_; })) << said_;
    ASSERT_TRUE(ready_) << said_;
  }

  std::string config(const std::string& more = {}) const {
    return "version: 1\n"
           "site: hall\n"
           "store: {path: weir.db, commit_interval: 100ms}\n"
           "drivers:\n"
           "  sim:\n"
           "    kind: simulator\n"
           "    writes: [box-1/setpoint]\n"
           "    options:\n"
           "      signals:\n"
           "        box-1/temperature: {interval: 50ms, offset: 20, unit: Cel}\n"
           "        box-1/setpoint: {wave: constant, interval: 100ms, offset: 40, unit: Cel, writable: true}\n"
           "uplinks:\n"
           "  cloud: {url: \"" +
           cloud_->url() + "\"}\n" + more;
  }

  process::Output tap(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"tap", cloud_->url()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return weir(std::move(arguments));
  }

  // The problems of `weir status --json`.
  std::vector<std::string> problems(process::Output& output) {
    output = weir({"status", "--json"});
    std::vector<std::string> out;
    const auto status = output.out.empty() ? Result<Node>(fail("nothing")) : parse_json(output.out.front());
    if (!status || status->find("problems") == nullptr) return {"no status"};
    for (const Node& problem : *status->find("problems")->as_list())
      out.push_back(*problem.find("what")->as_string());
    return out;
  }

  void stop() {
    agent_->terminate(std::chrono::seconds(20));
    ASSERT_TRUE(test::wait_until(io_, [&] { return exit_.has_value(); }));
    EXPECT_TRUE(exit_->ok()) << exit_->text() << "\n" << said_;
  }

  std::optional<test::Mosquitto> cloud_;
  boost::asio::io_context io_;
  std::unique_ptr<process::Process> agent_;
  std::optional<process::Exit> exit_;
  bool ready_ = false;
  std::string said_;
};

TEST_F(LiveCli, FollowsReadingsToTheCloud) {
  const process::Output csv = tap({"--count", "20", "--format", "csv"});
  EXPECT_EQ(csv.exit.code(), 0);
  ASSERT_THAT(csv.out, SizeIs(21));
  EXPECT_EQ(csv.out.front(), "time,agent,path,value,unit,quality,interval,min,max,count,revision");
  for (std::size_t i = 1; i < csv.out.size(); ++i)
    EXPECT_THAT(csv.out[i],
                MatchesRegex("20[-0-9T:.]+Z,hall,box-1/(temperature(_mean)?|setpoint),[-0-9.]+,Cel,good,,,,,"));
  EXPECT_THAT(csv.error, Contains(MatchesRegex("hall +[0-9a-f]+ +raw +[0-9]+ +[0-9]+ +[0-9]+ +0 +0 +0")));
  EXPECT_THAT(csv.error.back(), HasSubstr(" 0 malformed: no gaps"));

  const process::Output jsonl = tap({"--count", "1", "--format", "jsonl", "--agent", "hall"});
  ASSERT_THAT(jsonl.out, SizeIs(1));
  const auto reading = parse_json(jsonl.out.front());
  ASSERT_TRUE(reading);
  EXPECT_EQ(*reading->find("agent")->as_string(), "hall");
  double value = 0;
  EXPECT_TRUE(reading->find("value")->as_number(value));

  EXPECT_THAT(tap({"--for", "300ms", "--agent", "nobody", "--format", "csv"}).out, SizeIs(1));

  process::Output status;
  EXPECT_THAT(problems(status), IsEmpty());
  const process::Output shown = weir({"status"});
  ASSERT_THAT(shown.out, Not(IsEmpty()));
  EXPECT_THAT(shown.out.front(), MatchesRegex("OK  hall, .*Z, clock (not )?synced, no data lost"));
  EXPECT_THAT(shown.out, Contains(MatchesRegex("sim +simulator +up .*")));
  EXPECT_THAT(shown.out, Contains(MatchesRegex("  box-1 +up .*")));
  EXPECT_THAT(shown.out, Contains(MatchesRegex("raw +[0-9]+ +[0-9]+ +[0-9.]+ [a-zA-Z]+ .*0 +0")));
  EXPECT_THAT(shown.out, Contains(MatchesRegex("cloud +connected .*")));

  // The log tells when; status says so from then on.
  const std::size_t before = said_.size();
  cloud_->kill();
  ASSERT_TRUE(test::wait_until(io_, [&] { return said_.find("uplink cloud", before) != said_.npos; })) << said_;
  EXPECT_THAT(weir({"status"}).out, Contains(MatchesRegex("cloud +not connected .*")));
}

TEST_F(LiveCli, ReadsAndWrites) {
  // The first reading has come when the signals are known.
  ASSERT_EQ(tap({"--count", "1"}).exit.code(), 0);
  EXPECT_THAT(weir({"read", "box-1/setpoint"}).out,
              ElementsAre(MatchesRegex("box-1/setpoint = 40 Cel  good  20.*Z"), StartsWith("raw: ")));
  const process::Output written = weir({"write", "box-1/setpoint", "-65.5"});
  EXPECT_EQ(written.exit.code(), 0);
  EXPECT_THAT(written.out,
              ElementsAre(MatchesRegex("box-1/setpoint = -65.5 Cel  written  20.*Z"), StartsWith("raw: ")));
  EXPECT_THAT(weir({"read", "box-1/setpoint"}).out, Contains(HasSubstr("= -65.5 Cel")));

  const auto refused = [&](std::vector<std::string> command) {
    const process::Output output = weir(std::move(command));
    EXPECT_EQ(output.exit.code(), 1);
    EXPECT_THAT(output.out, IsEmpty());
    return output.error;
  };
  EXPECT_THAT(refused({"write", "box-1/temperature", "3"}),
              ElementsAre("weir: 'box-1/temperature' is not writable", HasSubstr("writable: true")));
  EXPECT_THAT(refused({"write", "box-1/setpoint", "warm"}), ElementsAre("weir: 'warm' is not a number"));
  EXPECT_THAT(refused({"read", "box-1/setpont"}),
              ElementsAre("weir: there is no signal 'box-1/setpont'", "      did you mean 'box-1/setpoint'?"));

  EXPECT_THAT(weir({"drivers", "--paths"}).out, ElementsAre("box-1/temperature", "box-1/setpoint"));
  EXPECT_THAT(weir({"drivers", "sim"}).out, Contains(MatchesRegex("sim +simulator +running +up .*")));
  EXPECT_THAT(weir({"drivers", "--signals"}).out,
              Contains(MatchesRegex("box-1/setpoint +double +Cel +100ms +yes +sim")));
  EXPECT_THAT(weir({"drivers", "--kinds"}).out, Contains("simulator"));
  EXPECT_THAT(refused({"drivers", "sym"}),
              ElementsAre("weir: there is no driver 'sym'", "      did you mean 'sim'?"));
}

TEST_F(LiveCli, LooksIntoTheStore) {
  ASSERT_EQ(tap({"--count", "20"}).exit.code(), 0);
  EXPECT_THAT(weir({"queue", "ls"}).out, Contains(MatchesRegex("raw +1 +[0-9]+ +[0-9]+ +[0-9]+")));
  const process::Output verified = weir({"queue", "verify"});
  EXPECT_EQ(verified.exit.code(), 0);
  EXPECT_THAT(verified.out,
              ElementsAre(MatchesRegex("all is well: rows 1 to [0-9]+ of the log, every checksum holds")));
  const process::Output all = weir({"queue", "export", "--path", "{device}/setpoint"});
  EXPECT_EQ(all.exit.code(), 0);
  ASSERT_GE(all.out.size(), 2u);
  EXPECT_EQ(all.out[0], "time,path,value,unit,quality");
  EXPECT_THAT(all.out[1], MatchesRegex("20[-0-9T:.]+Z,box-1/setpoint,40,Cel,good"));
  EXPECT_THAT(weir({"queue", "export", "--since", "2100-01-01T00:00:00Z", "--format", "jsonl"}).out, IsEmpty());

  // The same of an agent that is stopped, by the file alone.
  stop();
  const std::string store = (folder_ / "weir.db").string();
  std::filesystem::remove(folder_ / "weir.yaml");
  EXPECT_EQ(weir({"queue", "verify", "--store", store}).exit.code(), 0);
  const process::Output ls = weir({"queue", "ls", "--store", store, "--json"});
  ASSERT_THAT(ls.out, SizeIs(1));
  const auto node = parse_json(ls.out.front());
  ASSERT_TRUE(node);
  EXPECT_THAT(*node->find("streams")->as_list(), Not(IsEmpty()));
  const process::Output later = weir({"queue", "export", "--store", store, "--path", "{device}/setpoint"});
  EXPECT_GE(later.out.size(), all.out.size());
  EXPECT_EQ(later.out[1], all.out[1]);

  const process::Output status = weir({"status"});
  EXPECT_EQ(status.exit.code(), 1);
  EXPECT_THAT(status.out, Contains(StartsWith("! the agent does not answer (for ")));

  // One bit, in the middle of the readings.
  std::fstream file(store, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const std::size_t at = bytes.find("box-1/setpoint", 4096);
  ASSERT_NE(at, bytes.npos);
  file.seekp(static_cast<std::streamoff>(at));
  file.put('c');
  file.close();
  const process::Output damaged = weir({"queue", "verify", "--store", store});
  EXPECT_EQ(damaged.exit.code(), 1);
}

TEST_F(LiveCli, ShowsWhatWasHistory) {
  ASSERT_EQ(tap({"--count", "60"}).exit.code(), 0);
  const std::string row = "20[-0-9T:.]+Z  box-1/temperature +[0-9.]+ Cel +good";
  const process::Output table = weir({"history", "*/temperature", "--limit", "3"});
  EXPECT_EQ(table.exit.code(), 0);
  EXPECT_THAT(table.out, ElementsAre(MatchesRegex("TIME +PATH +VALUE +QUALITY"), MatchesRegex(row), MatchesRegex(row),
                                     MatchesRegex(row)));
  EXPECT_LT(table.out[1], table.out[3]) << "newest last";
  EXPECT_THAT(table.error, ElementsAre(MatchesRegex("weir: the newest 3 of [0-9]+ readings; more with --limit.*")));

  const process::Output csv = weir({"history", "box-1/setpoint", "--format", "csv", "--since", "1h"});
  ASSERT_GE(csv.out.size(), 2u);
  EXPECT_EQ(csv.out[0], "time,path,value,unit,quality,min,max,count,interval");
  EXPECT_THAT(csv.out[1], MatchesRegex("20[-0-9T:.]+Z,box-1/setpoint,40,Cel,good,,,,"));
  const auto json =
      parse_json(join(weir({"history", "box-1/setpoint", "--format", "json", "--limit", "2"}).out, "\n"));
  ASSERT_TRUE(json) << json.error().text();
  ASSERT_THAT(*json->as_list(), SizeIs(2));
  EXPECT_EQ(*json->as_list()->front().find("path")->as_string(), "box-1/setpoint");

  const process::Output plot = weir({"history", "box-{n}/setpoint", "--plot"});
  EXPECT_EQ(plot.exit.code(), 0);
  ASSERT_THAT(plot.out, SizeIs(11));
  EXPECT_THAT(plot.out[0], MatchesRegex("box-1/setpoint  min 40, max 40, last 40 Cel, of [0-9]+ readings"));

  const auto refused = [&](std::vector<std::string> more) {
    more.insert(more.begin(), "history");
    const process::Output output = weir(std::move(more));
    EXPECT_EQ(output.exit.code(), 1);
    EXPECT_THAT(output.out, IsEmpty());
    return output.error.empty() ? std::string() : output.error[0];
  };
  EXPECT_EQ(refused({"box-1/setpont"}), "weir: no signal that the store knows matches 'box-1/setpont'");
  EXPECT_THAT(refused({"box-1/setpoint", "--since", "2001-01-01T00:00:00Z", "--until", "2001-01-02T00:00:00Z"}),
              StartsWith("weir: no readings of box-1/setpoint since 2001-01-01T00:00:00"));
  EXPECT_THAT(refused({"box-1/setpoint", "--since", "1h", "--until", "2h"}), HasSubstr("is later than --until"));
  EXPECT_EQ(refused({"box-1/setpoint", "--since", "yesterday"}), "weir: --since yesterday is no time");
  EXPECT_EQ(refused({"setpoint"}), "weir: PATH: 'setpoint' is not a path");

  // What changes a store is not done to one that an agent has.
  EXPECT_THAT(weir({"queue", "repair", "--force"}).error, Not(IsEmpty()));
  EXPECT_THAT(weir({"queue", "vacuum"}).error, Not(IsEmpty()));
  stop();
  EXPECT_EQ(weir({"history", "box-1/setpoint", "--store", (folder_ / "weir.db").string()}).exit.code(), 0);
  EXPECT_THAT(weir({"queue", "repair"}).out, ElementsAre("all is well: every checksum holds, and nothing was done"));
  EXPECT_THAT(weir({"queue", "vacuum"}).out, ElementsAre(MatchesRegex(".*/weir.db: .*, it was .*")));
  const process::Output repaired = weir({"queue", "repair", "--force"});
  EXPECT_EQ(repaired.exit.code(), 0) << join(repaired.error, "\n");
  EXPECT_THAT(repaired.out, Contains(MatchesRegex("rows of the log +[0-9]+ .*none")));
  EXPECT_THAT(weir({"queue", "verify"}).exit.code(), 0);
  EXPECT_EQ(weir({"history", "box-1/setpoint", "--since", "1h"}).exit.code(), 0);

  // Without its first page it is no database any more.
  std::fstream file(folder_ / "weir.db", std::ios::in | std::ios::out | std::ios::binary);
  file << std::string(4096, 'x');
  file.close();
  EXPECT_THAT(weir({"queue", "verify"}).error, Contains(HasSubstr("weir queue repair")));
  const process::Output mended = weir({"queue", "repair"});
  EXPECT_EQ(mended.exit.code(), 0) << join(mended.error, "\n");
  EXPECT_THAT(mended.out,
              Contains(MatchesRegex(".*weir.db is repaired, incarnation .* file is .*weir.db.damaged-.*")));
  EXPECT_EQ(weir({"queue", "verify"}).exit.code(), 0);
  EXPECT_EQ(weir({"history", "box-1/setpoint", "--since", "1h"}).exit.code(), 0);
}

TEST_F(LiveCli, ReloadsAllOrNothing) {
  ASSERT_EQ(tap({"--count", "1"}).exit.code(), 0);
  write("rules.d/mean.yaml", std::string(kRule) +
                                 "  - name: hot\n    from: {t: \"oven-{n}/temperature\"}\n"
                                 "    when: t > 90\n    alert: {severity: critical}\n");
  // Only beside a running agent: it knows the signals.
  const process::Output checked = weir({"check"});
  EXPECT_EQ(checked.exit.code(), 0);
  EXPECT_THAT(checked.out,
              Contains(HasSubstr("warning: rule 'hot': no signal that is known matches oven-{n}/temperature")));
  EXPECT_EQ(checked.out.back(), "weir.yaml and 1 rule file are fine, with 1 warning");
  const process::Output good = weir({"reload"});
  EXPECT_EQ(good.exit.code(), 0);
  EXPECT_THAT(good.out, ElementsAre("reloaded"));

  write("weir.yaml", config("uplnks: {}\n"));
  const process::Output bad = weir({"reload"});
  EXPECT_EQ(bad.exit.code(), 1);
  EXPECT_THAT(bad.error, Contains("weir: the new configuration has errors; what ran before goes on:"));
  EXPECT_THAT(plain(bad.error), Contains("weir.yaml:14:1: error: weir.yaml has no key 'uplnks'"));
  process::Output status;
  EXPECT_THAT(problems(status), ElementsAre("the configuration has errors"));
  EXPECT_EQ(status.exit.code(), 1);
  EXPECT_EQ(tap({"--count", "1"}).exit.code(), 0);

  write("weir.yaml", config());
  EXPECT_EQ(weir({"reload"}).exit.code(), 0);
  EXPECT_THAT(problems(status), IsEmpty());
}

}  // namespace
}  // namespace weir
