// weir read, weir write and weir drivers.
#include "live_cli.h"

namespace weir {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

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

  EXPECT_THAT(refused({"write", "box-1/temperature", "3"}),
              AllOf(StartsWith("weir: 'box-1/temperature' is not writable\n"), HasSubstr("writable: true")));
  EXPECT_EQ(refused({"write", "box-1/setpoint", "warm"}), "weir: 'warm' is not a number");
  EXPECT_EQ(refused({"read", "box-1/setpont"}),
            "weir: there is no signal 'box-1/setpont'\n      did you mean 'box-1/setpoint'?");

  EXPECT_THAT(weir({"drivers", "--paths"}).out, ElementsAre("box-1/temperature", "box-1/setpoint"));
  EXPECT_THAT(weir({"drivers", "sim"}).out, Contains(MatchesRegex("sim +simulator +running +up .*")));
  EXPECT_THAT(weir({"drivers", "--signals"}).out,
              Contains(MatchesRegex("box-1/setpoint +double +Cel +100ms +yes +sim")));
  EXPECT_THAT(weir({"drivers", "--kinds"}).out, Contains("simulator"));
  EXPECT_EQ(refused({"drivers", "sym"}), "weir: there is no driver 'sym'\n      did you mean 'sim'?");
}

}  // namespace
}  // namespace weir
