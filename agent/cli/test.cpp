// weir test: unit tests of rules.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/test_report.h"
#include "rule_test/load.h"
#include "rule_test/run.h"

namespace weir::cli {
namespace {

constexpr std::string_view kXml = "<?xml";  // that a report begins with

std::string render_all(const rule_test::Loaded& loaded) {
  std::string out;
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    std::string_view source;
    for (const config::Source& candidate : loaded.sources)
      if (diagnostic.position.file && *diagnostic.position.file == candidate.name) source = candidate.text;
    out += render(diagnostic, source);
  }
  return out;
}

TestRun run_one(const rule_test::Loaded& loaded, const rule_test::Test& test) {
  const auto begin = std::chrono::steady_clock::now();
  const rule_test::Ran ran = rule_test::run(loaded.rules, test);
  TestRun out{test.name, test.position.line, rule_test::judge(test, ran.outputs), ran.notes, 0};
  out.took = (std::chrono::steady_clock::now() - begin) / std::chrono::nanoseconds(1);
  return out;
}

FileRun run_file(const std::filesystem::path& file, const std::string& wanted) {
  const rule_test::Loaded loaded = rule_test::load(file);
  FileRun out{file.string(), render_all(loaded), {}};
  std::fputs(printable(out.errors, kLines).c_str(), stdout);
  if (!loaded.rules) return out;
  const Paint paint(stdout);
  for (const rule_test::Test& test : loaded.suite.tests) {
    if (lower(test.name).find(lower(wanted)) == std::string::npos) continue;
    out.tests.push_back(run_one(loaded, test));
    std::fputs(report(out.file, out.tests.back(), terminal_width(stdout), paint).c_str(), stdout);
  }
  return out;
}

// What somebody wrote is not lost to a slip of the hand.
Result<void> check_report(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored))
    return fail("--junit: " + file.string() + " is a folder", "name a file in it");
  if (!std::filesystem::is_regular_file(file, ignored) || std::filesystem::is_empty(file, ignored)) return {};
  std::string beginning(kXml.size(), '\0');
  std::ifstream(file, std::ios::binary).read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  if (beginning != kXml)
    return fail("--junit: " + file.string() + " is there, and is no report of tests",
                "name another file, or remove that one");
  return {};
}

}  // namespace

void add_test(CLI::App& app, Context& context) {
  struct Given {
    std::vector<std::filesystem::path> files;
    std::filesystem::path junit;
    std::string run;
  };
  auto given = std::make_shared<Given>();
  CLI::App* test = app.add_subcommand("test", "Run unit tests of rules: input in, alerts and values out");
  test->footer(
      "Example: weir test rules.d/overheat.test.yaml\n"
      "Needs no agent and no devices. Exits with 1 if a test fails.");
  test->add_option("FILE", given->files, "NAME.test.yaml, or folders of them; rules.d beside weir.yaml if left out");
  test->add_option("--run", given->run, "Only tests with this in their name");
  test->add_option("--junit", given->junit, "Also write the results to this file, as JUnit's XML");
  test->callback([given, &context] {
    if (const auto fine = check_report(given->junit); !fine) return failed(context, fine.error());
    if (given->files.empty()) given->files.push_back(context.config.parent_path() / "rules.d");
    std::vector<FileRun> files;
    for (const std::filesystem::path& path : given->files) {
      const auto found = rule_test::find_tests(path);
      if (!found) return failed(context, found.error());
      for (const std::filesystem::path& file : *found) files.push_back(run_file(file, given->run));
    }
    std::erase_if(files, [](const FileRun& file) { return file.errors.empty() && file.tests.empty(); });
    if (files.empty())
      return failed(context, {"no test has '" + given->run + "' in its name", "leave out --run to see all"});
    std::puts(summary(files).c_str());
    if (!passed(files)) context.exit_code = 1;
    if (given->junit.empty()) return;
    if (const auto written = write_file(given->junit, junit(files)); !written) failed(context, written.error());
  });
}

}  // namespace weir::cli
