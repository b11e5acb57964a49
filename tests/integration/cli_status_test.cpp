// weir status.
#include "live_cli.h"

namespace weir {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

using Status = WeirTest;

TEST_F(Status, ShowsTheLastStatusOfAnAgentThatIsGone) {
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

TEST_F(LiveCli, ShowsHowItGoes) {
  ASSERT_EQ(tap({"--count", "1"}).exit.code(), 0);
  EXPECT_THAT(problems(), IsEmpty());
  const process::Output shown = weir({"status"});
  ASSERT_THAT(shown.out, Not(IsEmpty()));
  EXPECT_THAT(shown.out.front(), MatchesRegex("OK  hall, .*Z, clock (not )?synced, no data lost"));
  EXPECT_THAT(shown.out, Contains(MatchesRegex("sim +simulator +up .*")));
  EXPECT_THAT(shown.out, Contains(MatchesRegex("  box-1 +up .*")));
  EXPECT_THAT(shown.out, Contains(MatchesRegex("raw +[0-9]+ +[0-9]+ +[0-9.]+ [a-zA-Z]+ .*0 +0")));
  EXPECT_THAT(shown.out, Contains(MatchesRegex("cloud +connected .*")));

  // The log tells when; status says so from then on.
  const std::size_t before = agent_.said().size();
  cloud_->kill();
  ASSERT_TRUE(agent_.until([&] { return agent_.said().find("uplink cloud", before) != agent_.said().npos; }))
      << agent_.said();
  EXPECT_THAT(weir({"status"}).out, Contains(MatchesRegex("cloud +not connected .*")));

  stop();
  const process::Output gone = weir({"status"});
  EXPECT_EQ(gone.exit.code(), 1);
  EXPECT_THAT(gone.out, Contains(StartsWith("! the agent does not answer (for ")));
}

}  // namespace
}  // namespace weir
