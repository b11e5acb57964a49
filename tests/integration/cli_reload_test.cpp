// weir reload, where the files are good and what is announced does not fit them.
#include "live_cli.h"

namespace weir {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string hot(const std::string& unit, const std::string& hold) {
  return "rules:\n  - name: hot\n    from: {t: {path: \"box-{n}/temperature\", unit: " + unit +
         "}}\n    when: t > 0\n    for: " + hold + "\n    alert: {severity: info}\n";
}

TEST_F(LiveCli, AReloadNamesWhatBeginsAnewAndWhatDoesNotFitTheSignals) {
  ASSERT_EQ(tap({"--count", "1"}).exit.code(), 0);
  write("rules.d/hot.yaml", hot("Cel", "1s"));
  EXPECT_EQ(done({"reload"}), "reloaded");

  write("rules.d/hot.yaml", hot("Cel", "2s"));
  EXPECT_EQ(done({"reload"}), "reloaded; these rules compute something else or are gone, with the alerts and leases that they held: hot");

  write("rules.d/hot.yaml", hot("kPa", "2s"));
  EXPECT_EQ(weir({"check"}).exit.code(), 1);
  EXPECT_THAT(
      done({"reload"}),
      AllOf(HasSubstr("with the signals as they are announced now:"),
            HasSubstr("hot.yaml:3:23: error: box-1/temperature is in Cel, which cannot be converted to kPa")));
  EXPECT_TRUE(agent_.until([&] {
    const std::vector<std::string> all = problems();
    return std::ranges::find(all, "readings come in a unit that a rule cannot use") != all.end();
  }));
}

}  // namespace
}  // namespace weir
