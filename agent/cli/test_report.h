// How `weir test` tells what came of the tests: for people, and as JUnit's XML for build servers.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/table.h"
#include "rule_test/judge.h"

namespace weir::cli {

struct TestRun {
  std::string name;
  int line = 0;
  rule_test::Verdict verdict;
  std::vector<std::string> notes;  // what may be the reason
  Nanoseconds took = 0;
};

struct FileRun {
  std::string file;
  std::string errors;          // rendered; empty: it could be read
  std::vector<TestRun> tests;  // that were run
};

// A line, and of a test that failed what was expected and what happened, side by side where `columns` are enough.
std::string report(const std::string& file, const TestRun& run, std::size_t columns, const Paint& paint);

// "12 tests in 3 files, 1 failed, 8.2 ms"
std::string summary(const std::vector<FileRun>& files);

bool passed(const std::vector<FileRun>& files);

// One testsuite a file, as the Ant task, Jenkins and GitLab read it.
std::string junit(const std::vector<FileRun>& files);

}  // namespace weir::cli
