// weir test.
#include "weir_test.h"

namespace weir {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

using RuleTests = WeirTest;

TEST_F(RuleTests, SayWhatPassedAndWhatFailed) {
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
  const std::string file = path("rules.d/hot.test.yaml");
  for (const std::string& what : {std::string(), file, path("rules.d")}) {
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
  const process::Output failed = weir({"test", file, "--junit", path("out.xml")});
  EXPECT_EQ(failed.exit.code(), 1);
  EXPECT_THAT(
      plain(failed.out),
      ElementsAre(StartsWith("ok    "), MatchesRegex("FAIL  rules.d/hot.test.yaml:7: never clears  [0-9.]+ ms"),
                  MatchesRegex(" +line +expected +actual"), MatchesRegex(" +nothing +7s +hot \\{n=1\\} cleared"),
                  "    no rule reads box-1/temprature", MatchesRegex("2 tests in 1 file, 1 failed, [0-9.]+ ms")));
  EXPECT_THAT(read("out.xml"), HasSubstr("<testsuites tests=\"2\" failures=\"1\" errors=\"0\""));
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

TEST_F(RuleTests, RefuseWhatIsNoTest) {
  write("hot.yaml", "rules: []\n");
  write("nothing.test.yaml", "");
  EXPECT_THAT(refused({"test"}), HasSubstr("name a file of tests, or a folder"));
  EXPECT_THAT(refused({"test", path("none.test.yaml")}), HasSubstr("there is no "));
  std::filesystem::create_directory(agent_ / "folder");
  EXPECT_THAT(refused({"test", path("folder")}), HasSubstr("tests are in files NAME.test.yaml"));
  const process::Output nothing = weir({"test", path("nothing.test.yaml")});
  EXPECT_EQ(nothing.exit.code(), 1);
  EXPECT_THAT(plain(nothing.out), Contains("nothing.test.yaml:1:1: error: a file of tests is a map, not nothing"));
  const process::Output rules = weir({"test", path("hot.yaml")});
  EXPECT_EQ(rules.exit.code(), 1);
  EXPECT_THAT(plain(rules.out), Contains("hot.yaml:1:1: error: a file of tests needs tests:"));
}

// A build server that finds no report must not take it for a success.
TEST_F(RuleTests, FailWithoutTheReportThatWasAskedFor) {
  write("a.yaml", "rules: []\n");
  write("a.test.yaml", "tests: [{name: quiet, input: {box-1/t: 1}, expect: []}]\n");
  ASSERT_EQ(weir({"test", path("a.test.yaml")}).exit.code(), 0);
  const process::Output output = weir({"test", path("a.test.yaml"), "--junit", path("none/out.xml")});
  EXPECT_EQ(output.exit.code(), 1);
  EXPECT_THAT(output.out, Contains(StartsWith("ok    ")));
  EXPECT_THAT(join(output.error, "\n"), HasSubstr(path("none/out.xml")));
  EXPECT_FALSE(std::filesystem::exists(agent_ / "none"));
}

}  // namespace
}  // namespace weir
