#include "rule_test/read.h"

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "support.h"

namespace weir::rule_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// "10s boiler-1/t = 85 [uncertain]"; with when it came, if that is later.
std::vector<std::string> arrivals(const Test& test) {
  std::vector<std::string> out;
  for (const Arrival& a : test.arrivals) {
    const auto since = [&](Timestamp time) { return weir::to_text(std::chrono::nanoseconds(time - test.start)); };
    std::string line =
        since(a.reading.time) + " " + test.signals[a.signal].path + " = " + model::to_text(a.reading.value);
    if (!a.reading.quality.good()) line += " [" + model::to_text(a.reading.quality) + "]";
    if (a.at != a.reading.time) line += " at " + since(a.at);
    out.push_back(line);
  }
  return out;
}

Test good(const std::string& keys) {
  const Read found = read_test(keys);
  EXPECT_THAT(found.wrong, IsEmpty());
  return found.suite.tests.empty() ? Test{} : found.suite.tests.front();
}

TEST(Reading, PutsSeriesInTheOrderOfTime) {
  const auto test = good(
      "every: 10s\n"
      "input:\n"
      "  b/t: 80 _ 82\n"
      "  b/on: true false~\n"
      "  b/mode: {values: \"'auto' bad\", from: 5s, every: 1s}\n"
      "expect: []\n");
  EXPECT_THAT(arrivals(test), ElementsAre("0s b/t = 80", "0s b/on = true", "5s b/mode = auto", "6s b/mode =  [bad]",
                                          "10s b/on = false [uncertain]", "20s b/t = 82"));
  EXPECT_EQ(test.start, kUsualStart);
  EXPECT_EQ(to_iso(test.start), "2026-01-01T00:00:00Z");
  EXPECT_EQ(test.end, test.start + 20 * kSecond);
  EXPECT_EQ(test.signals[0].type, model::ValueType::real);
  EXPECT_EQ(test.signals[1].type, model::ValueType::boolean);
  EXPECT_EQ(test.signals[2].type, model::ValueType::string);
}

TEST(Reading, LetsReadingsComeLate) {
  const auto test = good(
      "input:\n"
      "  b/t:\n"
      "    - 1 _ 3\n"
      "    - {values: 2, from: 1s, delay: 5s, unit: Cel}\n"
      "expect: []\n");
  EXPECT_THAT(arrivals(test), ElementsAre("0s b/t = 1", "2s b/t = 3", "1s b/t = 2 at 6s"));
  EXPECT_THAT(test.signals, SizeIs(1));
  EXPECT_EQ(test.signals[0].unit, "Cel");
  EXPECT_EQ(test.end, test.start + 6 * kSecond);
}

TEST(Reading, TakesSingleValuesAndTypes) {
  const auto test = good(
      "input: {b/a: 5, b/b: 1.5, b/c: true, b/d: {values: 0 1, type: bool}, b/e: {values: 3+1x1, type: int}, b/f: "
      "bad}\n"
      "expect: []\n");
  EXPECT_THAT(arrivals(test), ElementsAre("0s b/a = 5", "0s b/b = 1.5", "0s b/c = true", "0s b/d = false",
                                          "0s b/e = 3", "0s b/f = nan [bad]", "1s b/d = true", "1s b/e = 4"));
  EXPECT_TRUE(std::holds_alternative<std::int64_t>(test.arrivals[4].reading.value));
}

TEST(Reading, EndsWithTheLastThatIsSaid) {
  EXPECT_EQ(good("input: {b/t: 1}\nexpect: [{at: 5m, alert: hot}]").end, kUsualStart + 5 * kMinute);
  EXPECT_EQ(good("input: {b/t: 1}\nexpect: [{from: 1m, until: 2m, alert: hot}]").end, kUsualStart + 2 * kMinute);
  EXPECT_EQ(good("input: {b/t: 1}\nexpect: [{from: 1m, alert: hot}, {nothing: true}]").end, kUsualStart + kMinute);
  EXPECT_EQ(good("input: {b/t: 1}\nrun_for: 2h\nexpect: []").end, kUsualStart + 2 * kHour);
  EXPECT_EQ(
      good("input: {b/t: 1}\nstart: 2026-03-29T00:00:00Z\nexpect: [{at: 2026-03-29T01:00:00Z, alert: hot}]").end -
          kUsualStart,
      87 * kDay + kHour);
}

TEST(Reading, MakesOneExpectationOfEachValueOfASeries) {
  const auto test =
      good("input: {b/t: 1}\nexpect:\n  - {emit: b/m, values: 90+1x1 _ 'bad', every: 1m, from: 1m, within: 0.1}");
  ASSERT_THAT(test.expectations, SizeIs(4));
  EXPECT_EQ(test.expectations[1].begin, kUsualStart + 2 * kMinute);
  EXPECT_EQ(std::get<double>(test.expectations[1].fields[0].value), 91.0);
  EXPECT_TRUE(test.expectations[2].nothing);
  EXPECT_EQ(std::get<std::string>(test.expectations[3].fields[0].value), "bad");
}

TEST(Reading, NamesTheRulesThatAFileTests) {
  const auto names = [](const std::string& text, const std::string& file) {
    std::vector<std::string> out;
    for (const auto& rules : read(text, file).suite.rules) out.push_back(rules.path.string());
    return out;
  };
  EXPECT_THAT(names("tests: []\n", "/etc/rules.d/hot.test.yaml"), ElementsAre("/etc/rules.d/hot.yaml"));
  EXPECT_THAT(names("rules: [../a.yaml, b]\ntests: []\n", "/etc/x/hot.yaml"), ElementsAre("/etc/a.yaml", "/etc/x/b"));
  EXPECT_THAT(names("rules: a.yaml\ntests: []\n", "hot.test.yaml"), ElementsAre("a.yaml"));
  EXPECT_THAT(read("tests: []\n", "hot.yaml").wrong, ElementsAre("1:1 which rules? (write rules: [overheat.yaml])"));
}

TEST(Reading, SaysAllThatIsWrongAndWhere) {
  EXPECT_THAT(
      read("rules: [a.yaml, 5]\n"
           "test: []\n"
           "tests:\n"
           "  - name: one\n"
           "    evry: 10s\n"
           "    input:\n"
           "      b: 5\n"
           "      b/t: 80 hot 90\n"
           "      b/u: {values: 1, csv: a.csv}\n"
           "      b/v: {unit: Cel}\n"
           "      b/w: {values: 1 1.5, type: int}\n"
           "      b/x: \"1 'a'\"\n"
           "      B/T: 1\n"
           "    expect: []\n"
           "  - name: one\n"
           "    start: yesterday\n"
           "    input: {}\n"
           "    run_for: 5\n"
           "    expect: {at: 1m}\n"
           "  - commands: []\n"
           "    recording: 5\n")
          .wrong,
      ElementsAre("1:17 rules: wants names of files, not a whole number (write rules: [overheat.yaml])",
                  StartsWith("7:7 'b' is not a path"), StartsWith("8:15 'hot' is no value"),
                  StartsWith("9:12 values: and csv: in one series"), StartsWith("10:12 a series without values"),
                  StartsWith("11:23 it is no int"), StartsWith("12:15 it is no double"),
                  "5:5 a test has no key 'evry' (did you mean 'every'?)", StartsWith("16:12 start: wants a time"),
                  StartsWith("19:13 expect: is a list, not a map"), StartsWith("18:14 run_for: wants a duration"),
                  "15:11 another test has this name (it is in line 4)", StartsWith("20:5 a test needs name:"),
                  StartsWith("21:16 recording: wants the name of a CSV file"),
                  StartsWith("20:5 a test needs expect:"),
                  "2:1 a file of tests has no key 'test' (did you mean 'tests'?)"));
}

TEST(Reading, HoldsASignalToOneNameTypeAndUnit) {
  EXPECT_THAT(
      read_test(
          "input: {b/t: 1, B/t: 1, b/u: [1, true], b/v: [{values: 1, unit: m}, {values: 1, unit: s}]}\nexpect: []")
          .wrong,
      ElementsAre(HasSubstr("'B/t' and 'b/t' differ only in case"), HasSubstr("b/u is double above, and bool here"),
                  HasSubstr("b/v is in m above, and in s here")));
}

TEST(Reading, HasBounds) {
  EXPECT_THAT(read_test("every: 366d\ninput: {b/t: 1x2}\nexpect: []").wrong,
              ElementsAre(HasSubstr("later than a test may last")));
  EXPECT_THAT(read_test("every: 1ms\ninput: {b/t: 1x900000, b/u: 1x900000}\nexpect: []").wrong,
              ElementsAre(HasSubstr("more than 1000000 readings")));
  EXPECT_THAT(read_test("input: {b/t: 1x60}\nrun_for: 30s\nexpect: []").wrong,
              ElementsAre(HasSubstr("run_for: ends before")));
  std::string many = "tests:\n";
  for (int i = 0; i < 1'001; ++i) many += "  - {name: n" + std::to_string(i) + ", input: {}, expect: []}\n";
  EXPECT_THAT(read(many).wrong, ElementsAre(HasSubstr("more than 1000 tests")));
}

TEST(Reading, SaysWhatIsWrongWithExpectations) {
  EXPECT_THAT(read_test("input: {b/t: 1}\n"
                        "expect:\n"
                        "  - {alert: hot}\n"
                        "  - {at: 60, alert: hot}\n"
                        "  - {at: 1m, alert: hot, chang: raised}\n"
                        "  - {at: 1m, alert: hot, change: rased}\n"
                        "  - {at: 1m, alert: hot, emit: b/m}\n"
                        "  - {at: 1m, emit: b}\n"
                        "  - {at: 1m}\n"
                        "  - {at: 1m, until: 2m, alert: hot}\n"
                        "  - {from: 3m, until: 2m, alert: hot}\n"
                        "  - {at: 2020-01-01T00:00:00Z, alert: hot}\n"
                        "  - {at: 1m, emit: b/m, within: -1}\n"
                        "  - {emit: b/m, values: 1 2}\n"
                        "  - {emit: b/m, values: 1 two, every: 1m}\n"
                        "  - {at: 1m, alert: hot, group: 1}\n"
                        "  - {nothing: false}\n"
                        "  - {at: 500d, alert: hot}\n"
                        "  - {at: , alert: hot}\n"
                        "  - 5\n")
                  .wrong,
              ElementsAre(StartsWith("5:7 an expectation needs a time"), StartsWith("6:12 at: wants a time"),
                          "7:28 an expectation has no key 'chang' (did you mean 'change'?)",
                          "8:36 change: 'rased' is no choice (did you mean 'raised'?)",
                          StartsWith("9:34 two kinds in one expectation"), StartsWith("10:22 'b' is not a path"),
                          StartsWith("11:7 an expectation of what?"), StartsWith("12:12 at: beside from: or until:"),
                          StartsWith("13:7 until: is before from:"), StartsWith("14:12 at: is before the start"),
                          StartsWith("15:35 within: is out of range"), StartsWith("16:7 values: needs every:"),
                          StartsWith("17:27 'two' is no value"), StartsWith("18:35 group: is a map"),
                          StartsWith("19:17 nothing: false says nothing"), StartsWith("19:7 an expectation of what?"),
                          StartsWith("19:7 an expectation needs a time"), StartsWith("20:12 at: is before the start"),
                          StartsWith("21:8 at: has no value"), StartsWith("22:7 an expectation is a map")));
}

}  // namespace
}  // namespace weir::rule_test
