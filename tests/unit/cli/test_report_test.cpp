#include "cli/test_report.h"

#include <gmock/gmock.h>

#include "base/text.h"

namespace weir::cli {
namespace {

using rule_test::Row;
using testing::HasSubstr;
using testing::Not;

Row row(int line, Row::Side expected, Row::Side actual, std::vector<Row::Difference> differences = {}) {
  Row out;
  out.position.line = line;
  out.expected = std::move(expected);
  out.actual = std::move(actual);
  out.differences = std::move(differences);
  return out;
}

TestRun failed() {
  TestRun out{"raises", 4, {}, {"no rule reads b/x"}, 120'000};
  out.verdict.rows = {
      row(9, {"1m", "hot raised"}, {"50s", "raised"}, {{"message", "\"it is 95 °C\"", "\"it is 94 °C\""}}),
      row(0, {"", "nothing"}, {"1m30s", "hot cleared"})};
  return out;
}

TEST(TestReport, IsALineForATestThatPassed) {
  EXPECT_EQ(report("a.test.yaml", {"raises", 4, {}, {}, 1'234'567}, 80, Paint()),
            "ok    a.test.yaml:4: raises  1.2 ms\n");
}

TEST(TestReport, ShowsBothSidesBesideEachOther) {
  EXPECT_EQ(report("a.test.yaml", failed(), 80, Paint()),
            "FAIL  a.test.yaml:4: raises  0.1 ms\n"
            "    line  expected                       actual\n"
            "    9     1m     hot raised              50s    raised\n"
            "                 message \"it is 95 °C\"          message \"it is 94 °C\"\n"
            "                                                                ^\n"
            "                 nothing                 1m30s  hot cleared\n"
            "    no rule reads b/x\n");
}

TEST(TestReport, ShowsThemOneBelowTheOtherWhereThereIsNoRoom) {
  EXPECT_EQ(report("a.test.yaml", failed(), 60, Paint()),
            "FAIL  a.test.yaml:4: raises  0.1 ms\n"
            "    9     expected  1m     hot raised\n"
            "          actual    50s    raised\n"
            "          expected         message \"it is 95 °C\"\n"
            "          actual           message \"it is 94 °C\"\n"
            "                                           ^\n"
            "          expected         nothing\n"
            "          actual    1m30s  hot cleared\n"
            "    no rule reads b/x\n");
}

TEST(TestReport, StaysShortAndKeepsTheTerminal) {
  TestRun many{"raises", 4, {}, {}, 0};
  for (int i = 0; i < 100; ++i) many.verdict.rows.push_back(row(i + 1, {"1s", "a/b = \"\x1b[2J\""}, {"", "nothing"}));
  const std::string text = report("a.test.yaml", many, 80, Paint());
  EXPECT_THAT(text, HasSubstr("    and 80 more\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(TestReport, CountsInTheEnd) {
  const TestRun fine{"fine", 2, {}, {}, 1'000'000};
  EXPECT_EQ(summary({{"a", "", {fine, fine}}}), "2 tests in 1 file, all passed, 2.0 ms");
  EXPECT_EQ(summary({{"a", "", {fine}}, {"b", "", {failed()}}}), "2 tests in 2 files, 1 failed, 1.1 ms");
  EXPECT_EQ(summary({{"a", "", {fine}}, {"b", "b:1: error", {}}}),
            "1 test in 2 files, none failed, 1 file with errors, 1.0 ms");
  EXPECT_TRUE(passed({{"a", "", {fine}}}));
  EXPECT_FALSE(passed({{"a", "", {failed()}}}));
  EXPECT_FALSE(passed({{"a", "it has errors", {}}}));
}

TEST(Junit, IsWellFormedWhateverIsInIt) {
  TestRun odd = failed();
  odd.name = "a<b & \"c\" \x01 \xff";
  EXPECT_EQ(
      junit({{"a.test.yaml", "", {{"fine", 2, {}, {}, 1'000'000}, odd}}, {"b.test.yaml", "b:1: error: <x>\n", {}}}),
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites tests=\"3\" failures=\"1\" errors=\"1\" time=\"0.001120\">\n"
      "  <testsuite name=\"a.test.yaml\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"0.001120\">\n"
      "    <testcase name=\"fine\" classname=\"a.test.yaml\" file=\"a.test.yaml\" line=\"2\" time=\"0.001000\"/>\n"
      "    <testcase name=\"a&lt;b &amp; &quot;c&quot; \xEF\xBF\xBD \xEF\xBF\xBD\" classname=\"a.test.yaml\" "
      "file=\"a.test.yaml\" line=\"4\" time=\"0.000120\">\n"
      "      <failure message=\"2 differences\">    line  expected                       actual\n"
      "    9     1m     hot raised              50s    raised\n"
      "                 message &quot;it is 95 °C&quot;          message &quot;it is 94 °C&quot;\n"
      "                                                                ^\n"
      "                 nothing                 1m30s  hot cleared\n"
      "    no rule reads b/x\n"
      "</failure>\n"
      "    </testcase>\n"
      "  </testsuite>\n"
      "  <testsuite name=\"b.test.yaml\" tests=\"1\" failures=\"0\" errors=\"1\" time=\"0.000000\">\n"
      "    <testcase name=\"the file\" classname=\"b.test.yaml\">\n"
      "      <error message=\"it has errors\">b:1: error: &lt;x&gt;\n"
      "</error>\n"
      "    </testcase>\n"
      "  </testsuite>\n"
      "</testsuites>\n");
}

}  // namespace
}  // namespace weir::cli
