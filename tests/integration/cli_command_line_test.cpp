// What holds for all commands.
#include <algorithm>

#include "weir_test.h"

namespace weir {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
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

  // weir with these arguments, and what a shell does with it.
  process::Output shell(const std::string& arguments, const std::string& rest) const {
    auto output = process::run(
        {.executable = "/bin/sh",
         .arguments = {"-c", "cd " + path("") + " && " + std::string(WEIR_BIN) + "/weir " + arguments + rest}},
        std::chrono::seconds(30));
    EXPECT_TRUE(output) << output.error().text();
    return output ? *output : process::Output{};
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
}

TEST_F(Shell, ADiskThatIsFullIsSaid) {
  for (const char* command : {kDetect, kReplay}) {
    const process::Output output = shell(command, " > /dev/full");
    EXPECT_EQ(output.exit.code(), 1) << command;
    EXPECT_THAT(output.error, Contains(HasSubstr("cannot write to standard output"))) << command;
  }
}

}  // namespace
}  // namespace weir
