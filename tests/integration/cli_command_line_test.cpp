// What holds for all commands.
#include "weir_test.h"

namespace weir {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

using CommandLine = WeirTest;

TEST_F(CommandLine, SaysThatThereIsNoAgent) {
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
    const process::Output output = weir(asked);
    EXPECT_EQ(output.exit.code(), 0);
    EXPECT_THAT(output.out, Contains(StartsWith("Example: weir " + join(command, " "))));
  }
}

}  // namespace
}  // namespace weir
