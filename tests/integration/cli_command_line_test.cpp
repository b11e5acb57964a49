// What holds for all commands.
#include <algorithm>

#include "weir_test.h"

namespace weir {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

using CommandLine = WeirTest;

TEST_F(CommandLine, SaysThatThereIsNoAgent) {
  write("weir.yaml", "version: 1\nsite: hall\n");
  for (const auto& command : std::vector<std::vector<std::string>>{{"status"},
                                                                   {"alerts"},
                                                                   {"alerts", "acknowledge", "hot"},
                                                                   {"explain", "hot"},
                                                                   {"drivers"},
                                                                   {"read", "box-1/temperature"},
                                                                   {"write", "box-1/setpoint", "-1"},
                                                                   {"reload"}}) {
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

TEST_F(CommandLine, SaysWhatIsWrongWithACommandLine) {
  EXPECT_EQ(weir({"stats"}).exit.code(), 2);
  EXPECT_EQ(weir({"read"}).exit.code(), 2);
  EXPECT_EQ(weir({"tap", "mqtt://127.0.0.1", "--format", "xml"}).exit.code(), 2);
  EXPECT_EQ(weir({"queue", "export", "--since", "yesterday"}).exit.code(), 1);
  const process::Output tap = weir({"tap", "http://127.0.0.1"});
  EXPECT_EQ(tap.exit.code(), 1);
  EXPECT_THAT(tap.error, Contains(HasSubstr("mqtt://HOST:1883")));
}

TEST_F(CommandLine, SaysWhatWasMeantPerhaps) {
  EXPECT_THAT(refused({"stats"}, 2),
              AllOf(StartsWith("weir: 'stats' is not expected"), HasSubstr("did you mean 'status'?")));
  EXPECT_THAT(
      refused({"alerts", "acknowlege", "hot"}, 2),
      AllOf(StartsWith("weir: alerts: 'acknowlege' is not expected"), HasSubstr("did you mean 'acknowledge'?")));
  EXPECT_THAT(refused({"alerts", "nonsense", "hot"}, 2),
              AllOf(HasSubstr("'nonsense'"), HasSubstr("there are: acknowledge, shelve, unshelve, reset")));
  EXPECT_THAT(refused({"test", "--juint", "a.xml"}, 2), HasSubstr("did you mean '--junit'?"));
  EXPECT_THAT(refused({"queue", "ls", "--confg", "a"}, 2), HasSubstr("did you mean '--config'?"));
  EXPECT_THAT(refused({"history", "a/b", "c/d"}, 2), HasSubstr("weir history --help"));
}

// "$UNSET" is not the same as nothing.
TEST_F(CommandLine, WhatIsGivenAndEmptyIsRefused) {
  for (const auto& command :
       std::vector<std::vector<std::string>>{{"test", "--junit", ""},
                                             {"test", ""},
                                             {"replay", ""},
                                             {"replay", "a.csv", "--signal", ""},
                                             {"queue", "--store", "", "ls"},
                                             {"tap", "mqtt://127.0.0.1", "--password-file", ""}})
    EXPECT_THAT(refused(command, 2), HasSubstr("empty")) << join(command, " ");
}

TEST_F(CommandLine, WhatAnAgentIsAskedIsUtf8) {
  for (const auto& command :
       std::vector<std::vector<std::string>>{{"explain", "\xff"},
                                             {"read", "\xff/a"},
                                             {"alerts", "shelve", "hot/1", "--for", "1h", "--why", "\xff\xfe"}})
    EXPECT_THAT(refused(command), AllOf(HasSubstr("is not UTF-8"), HasSubstr("terminal"))) << command.front();
}

TEST_F(CommandLine, SaysThatItsFolderIsGone) {
  std::filesystem::create_directory(agent_ / "gone");
  const process::Output output =
      process::run({.executable = "/bin/sh",
                    .arguments = {"-c", "cd " + path("gone") +
                                            " && rmdir ../gone && " WEIR_BIN "/weir check -c ../weir.yaml"}},
                   std::chrono::seconds(30))
          .value();
  EXPECT_EQ(output.exit.code(), 1);
  EXPECT_THAT(output.error, Contains(HasSubstr("is gone")));
}

// Whoever wrote a file, a name or an argument does not get to steer the terminal.
TEST_F(CommandLine, NothingFromOutsideSteersTheTerminal) {
  write("weir.yaml", "version: 1\nsite: hall\n\"ho\\e[31mt\": 1\n");
  write("e.csv", "timestamp,\x1b[31mred\n1,2\n");
  write("e.yaml", "rules: [{name: \"ho\\e[31mt\"}]\n");
  write("e.test.yaml", "tests: [{\"ho\\e[31mt\": 1}]\n");
  for (const char* arguments :
       {"detect e.csv", "replay e.csv --signal a/b --rules e.yaml", "replay $'\\e[31m.csv'", "check",
        "test e.test.yaml", "test $'\\e[31m'", "$'\\e[31m'", "detect e.csv --format $'\\e[31m'",
        "queue ls --store $'\\e[31m'", "tap $'\\e[31m'", "drivers --kinds --drivers $'\\e[31m'"}) {
    shell(arguments, " > said 2>&1");
    EXPECT_THAT(read("said"), Not(HasSubstr("\x1b"))) << arguments;
    EXPECT_THAT(read("said"), Not(HasSubstr("terminate"))) << arguments;
  }
}

TEST_F(CommandLine, EverySubcommandHasAnExampleInItsHelp) {
  std::vector<std::vector<std::string>> commands = {{}};
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const std::vector<std::string> command = commands[i];
    auto asked = command;
    asked.push_back("--help");
    const process::Output output = weir(asked);
    EXPECT_EQ(output.exit.code(), 0);
    if (!command.empty()) {
      EXPECT_THAT(output.out, Contains(StartsWith("Example: weir " + join(command, " "))));
    }
    const auto below = std::ranges::find(output.out, "Subcommands:");
    for (auto line = below; line != output.out.end(); ++line)
      if (line->starts_with("  ") && (*line)[2] != ' ') {
        commands.push_back(command);
        commands.back().emplace_back(*line, 2, line->find(' ', 2) - 2);
      }
  }
  EXPECT_THAT(commands, Contains(ElementsAre("queue", "export")));
}

// More than a pipe holds.
std::string many_readings() {
  std::string out = "timestamp,value\n";
  for (int i = 0; i < 20'000; ++i) out += std::to_string(1'400'000'000 + i) + (i % 2 == 0 ? ",95\n" : ",20\n");
  return out;
}

constexpr const char* kHot =
    "rules: [{name: hot, from: {t: box-1/temperature}, when: t > 90, alert: {severity: critical}}]\n";

class Shell : public WeirTest {
 protected:
  void SetUp() override {
    write("box-1/temperature.csv", many_readings());
    write("hot.yaml", kHot);
  }

  static constexpr const char* kDetect = "detect box-1/temperature.csv";
  static constexpr const char* kReplay = "replay box-1/temperature.csv --rules hot.yaml";
};

TEST_F(Shell, WhoHasReadEnoughIsNotToldOfErrors) {
  const process::Output detect = shell(kDetect, " | head -n 1");
  EXPECT_THAT(detect.out, ElementsAre("timestamp,value,anomaly_score,is_anomaly,reason"));
  EXPECT_THAT(detect.error, IsEmpty());
  const process::Output replay = shell(kReplay, " | head -n 1");
  EXPECT_THAT(replay.out, ElementsAre(HasSubstr("raised")));
  EXPECT_THAT(replay.error, IsEmpty());
  // Where SIGPIPE is ignored, as under many a program that starts others, it is met all the same.
  for (const char* command : {kDetect, kReplay, "check --schema"})
    EXPECT_THAT(shell(command, " | true", "trap '' PIPE; ").error, Not(Contains(HasSubstr("standard output"))));
}

TEST_F(Shell, ADiskThatIsFullIsSaid) {
  write("weir.yaml", "version: 1\nsite: hall\n");
  write("hot.test.yaml", "tests: [{name: quiet, input: {box-1/temperature: 1}, expect: []}]\n");
  for (const char* command : {kDetect, kReplay, "check", "check --schema", "test hot.test.yaml", "drivers --kinds",
                              "--help", "queue --help", "--version"}) {
    const process::Output output = shell(command, " > /dev/full");
    EXPECT_EQ(output.exit.code(), 1) << command;
    EXPECT_THAT(output.error, Contains(HasSubstr("cannot write to standard output"))) << command;
  }
  write("cold.yaml",
        "rules: [{name: cold, from: {t: box-1/temperature}, when: t < 90, alert: {severity: critical}}]\n");
  EXPECT_EQ(shell(kReplay, " --diff cold.yaml > /dev/full").exit.code(), 2);
}

}  // namespace
}  // namespace weir
