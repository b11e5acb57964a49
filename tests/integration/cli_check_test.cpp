// weir check, and weir reload, which does the same to a running agent.
#include "base/json.h"
#include "live_cli.h"

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

using Check = WeirTest;

TEST_F(Check, ChecksAllFilesAtOnce) {
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

TEST_F(Check, ChecksWhatIsFine) {
  write("weir.yaml", "version: 1\nsite: hall\n");
  EXPECT_THAT(weir({"check"}).out, ElementsAre("weir.yaml is fine"));
  write("rules.d/a.yaml", "rules: []\n");
  write("rules.d/b.yaml", "rules: []\n");
  const process::Output output = weir({"check"});
  EXPECT_EQ(output.exit.code(), 0);
  EXPECT_THAT(output.out, ElementsAre("weir.yaml and 2 rule files are fine"));
  EXPECT_TRUE(parse_json(join(weir({"check", "--schema"}).out, "\n")));
}

TEST_F(Check, KnowsADriversFilesAsTheAgentDoes) {
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
  EXPECT_THAT(done({"reload"}), AllOf(StartsWith("reloaded"), Not(HasSubstr("\\x0a"))));

  write("weir.yaml", config("uplnks: {}\n"));
  const process::Output bad = weir({"reload"});
  EXPECT_EQ(bad.exit.code(), 1);
  EXPECT_THAT(bad.error, Contains("weir: the new configuration has errors; what ran before goes on:"));
  EXPECT_THAT(plain(bad.error), Contains("weir.yaml:14:1: error: weir.yaml has no key 'uplnks'"));
  EXPECT_THAT(problems(), ElementsAre("the configuration has errors"));
  EXPECT_EQ(weir({"status"}).exit.code(), 1);
  EXPECT_EQ(tap({"--count", "1"}).exit.code(), 0);

  write("weir.yaml", config());
  done({"reload"});
  EXPECT_THAT(problems(), IsEmpty());
}

}  // namespace
}  // namespace weir
