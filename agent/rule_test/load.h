// A file of tests from the disk, with the rules that it names, compiled.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/diagnostic.h"
#include "config/config.h"
#include "rule_test/suite.h"
#include "rules/engine.h"

namespace weir::rule_test {

struct Loaded {
  Suite suite;
  std::shared_ptr<const rules::RuleSet> rules;  // null if there are errors
  Diagnostics diagnostics;                      // errors; warnings are `weir check`'s business
  std::vector<config::Source> sources;          // for render()
};

Loaded load(const std::filesystem::path& file);

// What `weir test PATH` means: the file itself; of a folder all *.test.yaml in it and below, by name. An error if
// there is no such file or folder, or no test in it.
Result<std::vector<std::filesystem::path>> find_tests(const std::filesystem::path& path);

}  // namespace weir::rule_test
