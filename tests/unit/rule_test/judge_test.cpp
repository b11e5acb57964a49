// Tests that pass and tests that fail, driven through the engine.
#include "rule_test/judge.h"

#include <chrono>

#include "support.h"

namespace weir::rule_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kOverheat =
    "rules:\n"
    "  - name: overheat\n"
    "    from: {t: \"boiler-{n}/t\"}\n"
    "    when: t > 90\n"
    "    for: 30s\n"
    "    clear: t < 85\n"
    "    alert: {severity: critical, message: \"boiler {n} is at {t:.1f} °C\"}\n";

constexpr const char* kMean =
    "rules:\n"
    "  - name: mean\n"
    "    from: {t: \"{device}/t\"}\n"
    "    window: 1m\n"
    "    lateness: 10s\n"
    "    emit: {\"{device}/m\": mean(t)}\n";

// "expected | actual", and each difference behind it.
std::vector<std::string> failures(const char* rules, const std::string& keys) {
  const Read found = read_test(keys);
  EXPECT_THAT(found.wrong, IsEmpty());
  if (!found.wrong.empty()) return {"wrong"};
  const auto& test = found.suite.tests.front();
  std::vector<std::string> out;
  for (const Row& row : judge(test, run(rules_of(rules), test).outputs).rows) {
    std::string line = row.expected.time + " " + row.expected.what + " | " + row.actual.time + " " + row.actual.what;
    for (const auto& [key, expected, actual] : row.differences) line += "; " + key + ": " + expected + " | " + actual;
    out.push_back(line);
  }
  return out;
}

const std::string kRise = "every: 10s\ninput: {boiler-1/t: 80 85 91+1x6 70}\n";

TEST(Judge, FindsWhatIsExpected) {
  EXPECT_THAT(
      failures(kOverheat, kRise + "expect:\n"
                                  "  - {at: 50s, alert: overheat, group: {n: 1}, change: raised, severity: critical, "
                                  "message: \"boiler 1 is at 94.0 °C\", uncertain: false}\n"
                                  "  - {at: 90s, alert: overheat, change: cleared}\n"
                                  "  - {until: 50s, nothing: true}\n"
                                  "  - {from: 51s, until: 90s, nothing: true}\n"),
      IsEmpty());
  EXPECT_THAT(failures(kOverheat, kRise + "expect:\n  - {from: 40s, until: 60s, alert: overheat}\n"
                                          "  - {from: 60s, alert: overheat, change: cleared}\n"),
              IsEmpty());
}

TEST(Judge, ShowsBesideItWhatHappenedInstead) {
  EXPECT_THAT(failures(kOverheat, kRise + "expect:\n"
                                          "  - {at: 1m, alert: overheat, group: {n: 1}, severity: warning, "
                                          "message: \"boiler 1 is at 95.0 °C\"}\n"
                                          "  - {at: 90s, alert: overheat, group: {n: 2}, change: cleared}\n"),
              ElementsAre("1m overheat {n=1} raised warning | 50s raised; severity: \"warning\" | \"critical\"; "
                          "message: \"boiler 1 is at 95.0 °C\" | \"boiler 1 is at 94.0 °C\"",
                          "1m30s overheat {n=2} cleared | 1m30s overheat {n=1} cleared"));
  EXPECT_THAT(failures(kOverheat, "input: {boiler-1/t: 80}\nexpect: [{at: 1m, alert: overheat}]\n"),
              ElementsAre("1m overheat raised |  nothing"));
}

TEST(Judge, WantsAllAlertsExpectedUnlessTold) {
  EXPECT_THAT(failures(kOverheat, kRise + "expect: []\n"),
              ElementsAre(" nothing | 50s overheat {n=1} raised", " nothing | 1m30s overheat {n=1} cleared"));
  EXPECT_THAT(failures(kOverheat, kRise + "exact: false\nexpect: []\n"), IsEmpty());
  // What is over when the alert comes says nothing of it: `for` runs out behind the end.
  EXPECT_THAT(failures(kOverheat, "input: {boiler-1/t: 95}\nexpect: []\n"), IsEmpty());
  EXPECT_THAT(failures(kOverheat, "input: {boiler-1/t: 95}\nrun_for: 30s\nexpect: []\n"),
              ElementsAre(" nothing | 30s overheat {n=1} raised"));
}

TEST(Judge, LetsNothingHappenWhereNothingIsTo) {
  EXPECT_THAT(failures(kOverheat, kRise + "exact: false\nexpect: [{until: 51s, nothing: true}]\n"),
              ElementsAre("until 51s nothing | 50s overheat {n=1} raised"));
  EXPECT_THAT(
      failures(kOverheat, kRise + "exact: false\nexpect: [{nothing: true, alert: overheat, group: {n: 2}}]\n"),
      IsEmpty());
  EXPECT_THAT(failures(kMean, "input: {a/t: 1x60}\nexpect: [{nothing: true, emit: a/m}]\n"),
              ElementsAre("ever nothing of a/m | 1m a/m = 1"));
}

TEST(Judge, TakesEachHappeningOnce) {
  EXPECT_THAT(failures(kOverheat,
                       "every: 10s\ninput: {boiler-1/t: 95x3, boiler-2/t: 95x3}\n"
                       "expect:\n  - {at: 30s, alert: overheat}\n  - {at: 30s, alert: overheat, group: {n: 1}}\n"),
              IsEmpty());
  EXPECT_THAT(failures(kOverheat,
                       "every: 10s\ninput: {boiler-1/t: 95x3}\n"
                       "expect:\n  - {at: 30s, alert: overheat}\n  - {at: 30s, alert: overheat}\n"),
              ElementsAre("30s overheat raised |  nothing; at 30s raised"));
}

TEST(Judge, ComparesValues) {
  const std::string input = "every: 10s\ninput: {a/t: 1+1x11}\n";  // 1 to 6: 3.5; 7 to 12: 9.5
  EXPECT_THAT(failures(kMean, input + "expect:\n  - {at: 1m, emit: a/m, value: 3.5}\n"), IsEmpty());
  EXPECT_THAT(failures(kMean, input + "expect:\n  - {at: 1m, emit: a/m, value: 3.4, within: 0.1}\n"), IsEmpty());
  EXPECT_THAT(failures(kMean, input + "expect:\n  - {at: 1m, emit: a/m, value: 3.3, within: 0.1}\n"),
              ElementsAre("1m a/m = 3.3 ±0.1 | 1m = 3.5"));
  EXPECT_THAT(failures(kMean, input + "expect:\n  - {at: 1m, emit: a/m, value: 3.500001}\n"),
              ElementsAre("1m a/m = 3.500001 | 1m = 3.5"));
  EXPECT_THAT(failures(kMean, input + "expect:\n  - {at: 1m, emit: a/m, value: true}\n"),
              ElementsAre("1m a/m = true | 1m = 3.5"));
  EXPECT_THAT(failures(kMean, input + "expect:\n  - {at: 1m, emit: a/m, value: 3.5, unit: Cel}\n"),
              ElementsAre("1m a/m = 3.5 | 1m = 3.5; unit: \"Cel\" | \"\""));
  EXPECT_THAT(failures(kMean, input + "expect:\n  - {at: 80s, emit: a/m, value: 9.5}\n"),
              ElementsAre("1m20s a/m = 9.5 |  nothing; at 1m = 3.5"));
  EXPECT_THAT(failures(kMean, input + "expect:\n  - {at: 2m, emit: b/m}\n"), ElementsAre("2m b/m |  nothing"));
  EXPECT_THAT(failures(kMean, input + "expect:\n  - {emit: a/m, values: 3.5 9.5, every: 1m, from: 1m}\n"), IsEmpty());
  EXPECT_THAT(failures(kMean, input + "expect:\n  - {emit: a/m, values: _ 9.5 0, every: 1m, from: 1m}\n"),
              ElementsAre("1m nothing of a/m | 1m a/m = 3.5", "3m a/m = 0 |  nothing; at 2m = 9.5"));
}

TEST(Judge, WantsGoodQualityUnlessTold) {
  const std::string input = "every: 10s\ninput: {a/t: 1 2 bad 3x2, b/t: bad}\n";
  EXPECT_THAT(failures(kMean, input + "expect: [{at: 1m, emit: a/m, value: 2.4}]\n"),
              ElementsAre("1m a/m = 2.4 | 1m = 2.4 uncertain"));
  EXPECT_THAT(
      failures(
          kMean,
          input +
              "expect: [{at: 1m, emit: a/m, value: 2.4, quality: uncertain}, {at: 1m, emit: b/m, quality: bad}]\n"),
      IsEmpty());
  EXPECT_THAT(failures(kMean, input + "expect: [{at: 1m, emit: b/m, quality: good}]\n"),
              ElementsAre("1m b/m | 1m = unknown bad"));
}

TEST(Run, HoldsToTheOrderOfArrival) {
  const std::string late = "input:\n  a/t:\n    - 1x5 _ 1x52\n    - {values: 59, from: 6s, delay: ";
  EXPECT_THAT(failures(kMean, late + "9s}\nexpect: [{at: 1m, emit: a/m, value: 1.96666667}]\n"), IsEmpty());
  EXPECT_THAT(failures(kMean, late + "11s}\nexpect: [{at: 1m, emit: a/m, value: 1}]\n"), IsEmpty());
}

TEST(Run, SaysWhichSignalsNobodyReads) {
  const auto test = read_test("input: {boiler-1/t: 1, boiler-1/tt: 1 2}\nexpect: []").suite.tests.front();
  EXPECT_THAT(run(rules_of(kOverheat), test).notes, ElementsAre("no rule reads boiler-1/tt"));
}

TEST(Run, PassesADayInNoTime) {
  // The raised alert waits for its input all day; the window ends, and nothing waits.
  const char* waits =
      "rules:\n  - name: hot\n    from: {t: a/t, u: b/t}\n    within: 1d\n    when: t > 1 and u > 1\n"
      "    for: 23h\n    alert: {severity: info}\n";
  const auto test =
      read_test("input: {a/t: 2, b/t: 2}\nrun_for: 24h\nexpect:\n  - {at: 23h, alert: hot}\n").suite.tests.front();
  const auto rules = rules_of(waits);
  const auto begin = std::chrono::steady_clock::now();
  const Ran ran = run(rules, test);
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_TRUE(judge(test, ran.outputs).passed());
  EXPECT_LT(ms, 500);  // 1 ms; but there are sanitizers and busy machines
  RecordProperty("milliseconds", std::to_string(ms));
}

}  // namespace
}  // namespace weir::rule_test
