// weir replay, and weir explain, as their users meet them.
#include "base/json.h"
#include "weir_test.h"

namespace weir {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr const char* kHot =
    "rules:\n"
    "  - name: hot\n"
    "    from: {t: \"boiler-{n}/temperature\"}\n"
    "    when: t > 90\n"
    "    for: 2s\n"
    "    alert: {severity: critical, message: \"{t:.1f}\"}\n"
    "    write: {\"boiler-{n}/enable\": false}\n";
constexpr const char* kMean =
    "  - name: mean\n"
    "    from: {t: \"boiler-{n}/temperature\"}\n"
    "    window: 5s\n"
    "    emit: {\"boiler-{n}/mean\": mean(t)}\n";

// A reading a second from 2026-01-01 on.
std::string boiler() {
  std::string text = "timestamp,value\n";
  for (int i = 0; i < 12; ++i) text += std::to_string(1'767'225'600 + i) + (i >= 4 && i < 8 ? ",95\n" : ",80\n");
  return text;
}

using Replay = WeirTest;

TEST_F(Replay, SaysWhatRulesMakeOfCsv) {
  write("boiler-1/temperature.csv", boiler());
  write("hot.yaml", std::string(kHot) + kMean);
  const process::Output output = weir({"replay", path("boiler-1/temperature.csv"), "--rules", path("hot.yaml")});
  EXPECT_EQ(output.exit.code(), 0) << join(output.error, "\n");
  EXPECT_THAT(output.out,
              ElementsAre("2026-01-01T00:00:05.000Z  emit   boiler-1/mean             83",
                          "2026-01-01T00:00:06.000Z  alert  hot/1                     raised  critical  95.0",
                          "2026-01-01T00:00:06.000Z  write  boiler-1/enable           false  by hot",
                          "2026-01-01T00:00:08.000Z  alert  hot/1                     cleared  critical  80.0",
                          "2026-01-01T00:00:10.000Z  emit   boiler-1/mean             89"));
  EXPECT_THAT(output.error,
              ElementsAre(MatchesRegex("12 readings from 2026-01-01T00:00:00Z to 2026-01-01T00:00:11Z in .*"),
                          "rules looked at 12; 0 came too late, 0 twice, 0 results were unknown"));
}

TEST_F(Replay, TwoRunsGiveTheSameBytes) {
  write("boiler-1/temperature.csv", boiler());
  write("more.csv",
        "time,path,value,unit,quality\n"
        "2026-01-01T00:00:01Z,boiler-2/temperature,95,Cel,good\n"
        "2026-01-01T00:00:04Z,boiler-2/temperature,96,Cel,uncertain\n"
        "2026-01-01T00:00:03Z,boiler-2/temperature,97,Cel,good\n"
        "2026-01-01T00:00:08Z,boiler-2/temperature,,Cel,bad\n");
  write("rules/hot.yaml", std::string(kHot) + kMean);
  write("rules/hot.test.yaml", "this is for weir test");
  const std::vector<std::string> asked = {
      "replay", path("boiler-1/temperature.csv"), path("more.csv"), "--rules", path("rules"), "--json"};
  const process::Output first = weir(asked), second = weir(asked);
  EXPECT_EQ(first.exit.code(), 0) << join(first.error, "\n");
  EXPECT_THAT(first.out, Contains(HasSubstr("\"alert\":\"hot/2\"")));
  EXPECT_EQ(first.out, second.out);
  for (const std::string& line : first.out) EXPECT_TRUE(parse_json(line)) << line;
}

TEST_F(Replay, ShowsAPartOfIt) {
  write("boiler-1/temperature.csv", boiler());
  write("hot.yaml", std::string(kHot) + kMean);
  std::vector<std::string> asked = {"replay", path("boiler-1/temperature.csv"), "--rules", path("hot.yaml")};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), asked.begin(), asked.end());
    return weir(more).out;
  };
  EXPECT_THAT(with({"--only", "alerts"}), ElementsAre(HasSubstr("raised"), HasSubstr("cleared")));
  EXPECT_THAT(with({"--only", "writes"}), ElementsAre(HasSubstr("boiler-1/enable")));
  EXPECT_THAT(with({"--from", "2026-01-01T00:00:08Z"}), ElementsAre(HasSubstr("cleared"), HasSubstr("89")));
  EXPECT_THAT(with({"--to", "2026-01-01T00:00:07Z"}),
              ElementsAre(HasSubstr("83"), HasSubstr("raised"), HasSubstr("write")));
}

TEST_F(Replay, ShowsOnlyWhatOtherRulesDoOtherwise) {
  write("boiler-1/temperature.csv", boiler());
  write("hot.yaml", std::string(kHot) + kMean);
  std::string later = std::string(kHot) + kMean;
  later.replace(later.find("2s"), 2, "3s");
  write("later.yaml", later);
  const std::string input = path("boiler-1/temperature.csv");
  const process::Output same = weir({"replay", input, "--rules", path("hot.yaml"), "--diff", path("hot.yaml")});
  EXPECT_EQ(same.exit.code(), 0) << join(same.error, "\n");
  EXPECT_THAT(same.out, IsEmpty());
  const process::Output other =
      weir({"replay", input, "--rules", path("hot.yaml"), "--diff", path("later.yaml"), "--only", "alerts"});
  EXPECT_EQ(other.exit.code(), 1) << join(other.error, "\n");
  EXPECT_THAT(other.out,
              ElementsAre("- 2026-01-01T00:00:06.000Z  alert  hot/1                     raised  critical  95.0",
                          "+ 2026-01-01T00:00:07.000Z  alert  hot/1                     raised  critical  95.0"));
  EXPECT_EQ(weir({"replay", input, "--rules", path("hot.yaml"), "--diff", path("none.yaml")}).exit.code(), 2);
}

TEST_F(Replay, TakesWhatSpreadsheetsWrite) {
  write("hot.yaml", kHot);
  std::string written = "\xEF\xBB\xBFtimestamp,path,value\r\n";
  for (int i = 0; i < 4; ++i)
    written += "\"2026-01-01T00:00:0" + std::to_string(i) + "Z\",\"boiler-1/temperature\",\"95\"\r\n\r\n";
  write("written.csv", written);
  EXPECT_THAT(weir({"replay", path("written.csv"), "--rules", path("hot.yaml"), "--only", "alerts"}).out,
              ElementsAre(HasSubstr("2026-01-01T00:00:02.000Z  alert  hot/1")));
}

TEST_F(Replay, CountsWhatRulesCannotUse) {
  write("hot.yaml", kHot);
  write("boiler-1/temperature.csv",
        "timestamp,value\n"
        "2026-01-01T00:00:10Z,80\n"
        "2026-01-01T00:00:01Z,95\n"
        "2026-01-01T00:00:10Z,80\n"
        "2026-01-01T00:00:11Z,nan\n"
        "2026-01-01T00:00:12Z,-inf\n");
  const process::Output output = weir({"replay", path("boiler-1/temperature.csv"), "--rules", path("hot.yaml")});
  EXPECT_EQ(output.exit.code(), 0);
  EXPECT_THAT(output.out, IsEmpty());
  EXPECT_THAT(output.error, Contains("rules looked at 5; 1 came too late, 1 twice, 2 results were unknown"));
}

TEST_F(Replay, SaysWhatIsWrong) {
  write("hot.yaml", kHot);
  write("rules-with-errors.yaml",
        "rules:\n  - name: x\n    from: {t: a/b}\n    when: t >\n    alert: {severity: info}\n");
  write("a/b.csv", "timestamp,value\n2026-01-01T00:00:00Z,1\nyesterday,2\n");
  write("c.csv", "timestamp,value\n2026-01-01T00:00:00Z,1\n");
  EXPECT_THAT(refused({"replay", path("a/b.csv")}), HasSubstr("weir: there is no rule to replay"));
  EXPECT_THAT(refused({"replay", path("a/b.csv"), "--rules", path("hot.yaml")}),
              HasSubstr("a/b.csv: line 3: 'yesterday' is no time"));
  EXPECT_THAT(refused({"replay", path("a/b.csv"), "--rules", path("rules-with-errors.yaml")}),
              HasSubstr("rules-with-errors.yaml:4:14: error: "));
  EXPECT_THAT(refused({"replay", path("c.csv"), "--signal", "c", "--rules", path("hot.yaml")}),
              HasSubstr("--signal: 'c' is not a path"));
  write("a/c+.csv", "timestamp,value\n2026-01-01T00:00:00Z,1\n");
  EXPECT_THAT(refused({"replay", path("a/c+.csv"), "--rules", path("hot.yaml")}), HasSubstr("of which signal"));
  EXPECT_THAT(refused({"replay", path("c.csv"), path("hot.yaml")}), HasSubstr("not both"));
  EXPECT_THAT(refused({"replay", path("none.db")}), HasSubstr("has the agent ever run?"));
  const auto with_hot = [&](std::vector<std::string> more, int code = 1) {
    more.insert(more.begin(), {"replay", "--rules", path("hot.yaml")});
    return refused(more, code);
  };
  write("a/nothing.csv", "");
  write("a/header.csv", "timestamp,value\n");
  write("path.csv", "timestamp,path,value\n1,boiler 1//x,95\n");
  write("quality.csv", "timestamp,path,value,quality\n1,a/b,95,excellent\n");
  EXPECT_THAT(with_hot({path("a/none.csv")}), HasSubstr("it cannot be opened: No such file"));
  EXPECT_THAT(with_hot({path("a/nothing.csv")}), HasSubstr("the first line is a header: timestamp,value"));
  EXPECT_THAT(with_hot({path("a/header.csv")}),
              AllOf(HasSubstr("there are no readings"), HasSubstr("a row is a time and a value")));
  write("a/quote.csv", "timestamp,value\n1,\"2\n");
  EXPECT_THAT(with_hot({path("a/quote.csv")}),
              AllOf(HasSubstr("line 2: a quote is opened and not closed"), HasSubstr("close it")));
  write("a/old.csv", "timestamp,value\n1600-01-01T00:00:00Z,2\n");
  EXPECT_THAT(with_hot({path("a/old.csv")}), HasSubstr("from 1677-09-21 to 2262-04-11"));
  EXPECT_THAT(with_hot({path("c.csv"), "--signal", "a/c", "--from", "1600-01-01T00:00:00Z"}),
              HasSubstr("from 1677-09-21 to 2262-04-11"));
  EXPECT_THAT(with_hot({path("path.csv")}), HasSubstr("path.csv: line 2: path 'boiler 1//x': an empty name"));
  EXPECT_THAT(with_hot({path("quality.csv")}), HasSubstr("good, uncertain or bad"));
  EXPECT_THAT(with_hot({path("c.csv"), "--signal", "a/c", "--from", "yesterday"}),
              HasSubstr("write 2026-11-21T01:18:39Z"));
  EXPECT_THAT(with_hot({path("c.csv"), "--signal", "a/c", "--from", "2026-01-02", "--to", "2026-01-01"}),
              HasSubstr("--from is later than --to"));
  EXPECT_THAT(with_hot({path("c.csv"), "--only", "emit"}, 2), HasSubstr("alerts,emits,writes"));
}

TEST_F(Replay, SaysThatThereIsNoRule) {
  write("boiler-1/temperature.csv", boiler());
  write("none.yaml", "");
  write("weir.yaml", "version: 1\nsite: hall\n");
  const std::string csv = path("boiler-1/temperature.csv");
  EXPECT_THAT(refused({"replay", csv}), AllOf(HasSubstr("there is no rule to replay"), HasSubstr("--rules")));
  EXPECT_THAT(refused({"replay", csv, "--rules", path("none.yaml")}), HasSubstr("there is no rule to replay"));
  // What would be without any rule is a question, too.
  write("hot.yaml", kHot);
  EXPECT_THAT(weir({"replay", csv, "--rules", path("none.yaml"), "--diff", path("hot.yaml"), "--only", "alerts"}).out,
              ElementsAre(HasSubstr("+ "), HasSubstr("+ ")));
}

TEST_F(Replay, SaysWhatMadeASignalOfNumbersOneOfTexts) {
  write("hot.yaml", kHot);
  write("boiler-1/temperature.csv", "timestamp,value\n1,95\n2,hot\n3,cold\n4,95\n");
  write("boiler-2/temperature.csv", "timestamp,value\n1,hot\n2,cold\n");
  write("boiler-3/temperature.csv", "timestamp,value\n1,\n2,95\n3,nan\n");
  const process::Output output = weir({"replay", path("boiler-1/temperature.csv"), path("boiler-2/temperature.csv"),
                                       path("boiler-3/temperature.csv"), "--rules", path("hot.yaml")});
  EXPECT_EQ(output.exit.code(), 0);
  const std::string said = join(plain(output.error), "\n");
  EXPECT_THAT(said,
              HasSubstr("boiler-1/temperature.csv:3: 'hot' is no number: all values of boiler-1/temperature are "
                        "taken for texts"));
  EXPECT_THAT(said, Not(HasSubstr("cold")));
  EXPECT_THAT(said, Not(HasSubstr("boiler-2")));
  EXPECT_THAT(said, Not(HasSubstr("boiler-3")));
}

TEST_F(Replay, AnOptionThatSaysNothingIsRefused) {
  write("hot.yaml", kHot);
  write("c.csv", "timestamp,value\n1,1\n");
  write("paths.csv", "timestamp,path,value\n1,a/b,95\n");
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"replay", "--rules", path("hot.yaml")});
    return refused(more);
  };
  for (const char* signal : {"a b", "boiler-1"})
    EXPECT_THAT(with({path("c.csv"), "--signal", signal}),
                AllOf(HasSubstr("--signal: "), HasSubstr(signal), HasSubstr("DEVICE/SIGNAL")));
  EXPECT_THAT(with({path("paths.csv"), "--signal", "a/b"}), AllOf(HasSubstr("--signal"), HasSubstr("column path")));
  EXPECT_THAT(with({path("paths.csv"), "--key-file", path("key")}), HasSubstr("--key-file"));
  // Where another file needs it, it does.
  EXPECT_EQ(
      weir({"replay", "--rules", path("hot.yaml"), path("paths.csv"), path("c.csv"), "--signal", "a/c"}).exit.code(),
      0);

  std::filesystem::create_directory(agent_ / "weir.yaml");
  EXPECT_THAT(with({path("paths.csv")}), HasSubstr("weir check --config"));
}

TEST_F(LiveTest, AReplayOfALogWithoutRulesSaysSo) {
  write("weir.yaml",
        "version: 1\n"
        "site: hall\n"
        "store: {path: weir.db, commit_interval: 100ms}\n"
        "drivers: {sim: {kind: simulator, options: {signals: {boiler-1/temperature: {interval: 50ms}}}}}\n");
  start();
  ASSERT_TRUE(agent_.until([&] { return agent_.of_driver("readings") > 0; })) << agent_.said();
  stop();
  const process::Output output = weir({"replay"});
  EXPECT_EQ(output.exit.code(), 0);
  EXPECT_THAT(join(output.error, "\n"), AllOf(HasSubstr("the log has no rules"), HasSubstr("--rules")));
}

// An agent with a simulated boiler.
class ReplayStore : public LiveTest {
 protected:
  void SetUp() override {
    LiveTest::SetUp();
    if (IsSkipped()) return;
    write("weir.yaml",
          "version: 1\n"
          "site: hall\n"
          "store: {path: weir.db, commit_interval: 100ms}\n"
          "drivers:\n"
          "  sim:\n"
          "    kind: simulator\n"
          "    options:\n"
          "      signals:\n"
          "        boiler-1/temperature: {interval: 50ms, offset: 95, unit: Cel}\n");
    write("rules.d/hot.yaml", kHot);
    start();
    ASSERT_TRUE(agent_.until([&] { return agent_.number({"rules", "alerts", "critical"}) > 0; })) << agent_.said();
  }
};

TEST_F(ReplayStore, SaysAgainWhatTheAgentSaid) {
  const process::Output explained = weir({"explain", "hot"});
  EXPECT_EQ(explained.exit.code(), 0) << join(explained.error, "\n");
  EXPECT_THAT(explained.out, Contains(MatchesRegex("reads +t: boiler-\\{n\\}/temperature")));
  EXPECT_THAT(explained.out, Contains(MatchesRegex("writes +.*boiler-\\{n\\}/enable.*")));
  EXPECT_THAT(explained.out, Contains(StartsWith("n = 1: active since 20")));
  EXPECT_THAT(refused({"explain", "hott"}), HasSubstr("did you mean 'hot'?"));
  EXPECT_THAT(refused({"explain", "hot", "--groups", "-1"}, 2), HasSubstr("0 to 1000"));
  EXPECT_EQ(weir({"explain", "hot", "--groups", "0"}).out.back(), "1 more group; --groups shows more");
  shell("explain $'a\\e[31m'", " > said 2>&1");
  EXPECT_THAT(read("said"), AllOf(HasSubstr("a\\x1b[31m"), Not(HasSubstr("\x1b"))));
  for (const char* command : {"explain hot", "alerts", "status", "drivers", "read boiler-1/temperature"})
    EXPECT_THAT(shell(command, " > /dev/full").error, Contains(HasSubstr("cannot write to standard output")))
        << command;

  ASSERT_EQ(weir({"alerts", "acknowledge", "hot/1", "--why", "seen"}).exit.code(), 0);
  const auto alerts = parse_json(done({"alerts", "--json"}));
  ASSERT_TRUE(alerts) << alerts.error().text();
  const std::string id = *alerts->as_list()->front().find("id")->as_string();
  EXPECT_EQ(weir({"replay"}).exit.code(), 0) << "beside the agent";
  stop();

  const std::string store = path("weir.db");
  const process::Output first = weir({"replay", store, "--json"}), second = weir({"replay", store, "--json"});
  EXPECT_EQ(first.exit.code(), 0) << join(first.error, "\n");
  EXPECT_EQ(first.out, second.out);
  EXPECT_THAT(first.out, Contains(HasSubstr("\"id\":\"" + id + "\",\"change\":\"raised\"")));
  EXPECT_THAT(first.out, Contains(HasSubstr("\"change\":\"acknowledged\"")));
  EXPECT_THAT(first.out, Contains(HasSubstr("\"write\":\"boiler-1/enable\"")));

  // The same rules, given, do the same; others wait for time where the log has no ticks for them.
  const process::Output same = weir({"replay", store, "--diff", path("rules.d")});
  EXPECT_EQ(same.exit.code(), 0) << join(same.out, "\n") << join(same.error, "\n");
  write("new.yaml", std::string("rules:\n") + kMean);
  const process::Output other = weir({"replay", store, "--diff", path("new.yaml")});
  EXPECT_EQ(other.exit.code(), 1) << join(other.error, "\n");
  EXPECT_THAT(other.out, Contains(MatchesRegex("- 20.*alert +hot/1 +raised .*")));
  EXPECT_THAT(other.out, Not(Contains(MatchesRegex("\\+ .*alert.*"))));
}

}  // namespace
}  // namespace weir
