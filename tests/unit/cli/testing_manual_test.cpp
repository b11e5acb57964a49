// Every example of docs/testing-rules.md and docs/rules.md runs, and says what stands there.
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/test_report.h"
#include "rule_test/load.h"
#include "rule_test/run.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

class TestingManual : public testing::Test {
 protected:
  TestingManual()
      : folder_(fs::path(testing::TempDir()) / ("testing-manual-" + std::to_string(::getpid()))),
        before_(fs::current_path()) {
    fs::create_directories(folder_);
    fs::current_path(folder_);
  }
  ~TestingManual() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }

  static std::string said(const std::string& file) {
    const rule_test::Loaded loaded = rule_test::load(file);
    for (const Diagnostic& diagnostic : loaded.diagnostics) ADD_FAILURE() << render(diagnostic);
    if (!loaded.rules) return {};
    FileRun run{file, "", {}};
    std::string out;
    for (const rule_test::Test& test : loaded.suite.tests) {
      run.tests.push_back(
          {test.name, test.position.line, rule_test::judge(test, rule_test::run(loaded.rules, test).outputs), {}, 0});
      out += report(file, run.tests.back(), 100, Paint());
    }
    return out + summary({run}) + "\n";
  }

  fs::path folder_, before_;
};

// The blocks of the page that a fence begins with `info`, and whose first line begins with `first`: what follows that
// in the line, and the block.
std::vector<std::pair<std::string, std::string>> blocks(const std::string& page, const std::string& info,
                                                        const std::string& first) {
  std::vector<std::pair<std::string, std::string>> out;
  const std::string fence = "\n```" + info + "\n" + first;
  for (std::size_t at = page.find(fence); at != page.npos; at = page.find(fence, at)) {
    at += fence.size();
    const std::size_t line = page.find('\n', at);
    out.emplace_back(page.substr(at, line - at), page.substr(line + 1, page.find("```\n", line) - line - 1));
  }
  return out;
}

TEST_F(TestingManual, ItsExamplesRun) {
  const auto page = read_file(before_ / fs::path(__FILE__).parent_path() / "../../../docs/testing-rules.md");
  ASSERT_TRUE(page) << page.error().text();
  const auto files = blocks(*page, "yaml", "# ");
  ASSERT_EQ(files.size(), 5U);
  for (const auto& [name, text] : files) std::ofstream(name) << "# " << name << "\n" << text;
  EXPECT_THAT(said("pump.test.yaml"), testing::EndsWith("3 tests in 1 file, all passed, 0.0 ms\n"));
  const auto runs = blocks(*page, "", "$ weir test ");
  ASSERT_EQ(runs.size(), 2U);
  for (const auto& [file, output] : runs)
    EXPECT_EQ(said(file), std::regex_replace(output, std::regex("[0-9.]+ ms"), "0.0 ms"));
}

// A test as it stands below an example: what belongs to the whole file first.
std::string as_file(const std::string& test) {
  std::istringstream lines(test);
  std::string whole, one;
  for (std::string line; std::getline(lines, line);)
    line.starts_with("site:") ? whole += line + "\n" : one += "    " + line + "\n";
  return whole + "tests:\n  - name: example\n" + one;
}

TEST_F(TestingManual, ExamplesOfRulesRun) {
  const auto page = read_file(before_ / fs::path(__FILE__).parent_path() / "../../../docs/rules.md");
  ASSERT_TRUE(page) << page.error().text();
  const std::string begin = "\n```yaml\n", test = "```yaml test\n", end = "```\n";
  int examples = 0, tests = 0;
  for (std::size_t at = page->find(begin); at != page->npos; at = page->find(begin, at)) {
    at += begin.size();
    const std::size_t stop = page->find(end, at);
    std::ofstream("example.yaml") << page->substr(at, stop - at);
    std::string what = "tests: []\n";
    if (page->compare(stop + end.size(), test.size(), test) == 0) {
      const std::size_t from = stop + end.size() + test.size();
      what = as_file(page->substr(from, page->find(end, from) - from));
      ++tests;
    }
    std::ofstream("example.test.yaml") << what;
    ++examples;
    if (what == "tests: []\n") {
      const rule_test::Loaded loaded = rule_test::load("example.test.yaml");
      EXPECT_TRUE(loaded.rules) << page->substr(at, stop - at);
      continue;
    }
    EXPECT_THAT(said("example.test.yaml"), testing::EndsWith("1 test in 1 file, all passed, 0.0 ms\n"))
        << page->substr(at, stop - at) << what;
  }
  EXPECT_GE(examples, 14);
  EXPECT_GE(tests, examples - 1) << "an example without a test is a promise without a proof";
}

}  // namespace
}  // namespace weir::cli
