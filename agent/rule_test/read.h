// Reads a file of tests: docs/testing-rules.md says what stands in it.
#pragma once

#include <filesystem>

#include "base/diagnostic.h"
#include "base/document.h"
#include "rule_test/suite.h"

namespace weir::rule_test {

inline constexpr std::size_t kMostTests = 1'000;  // of one file

// What could be read; not to be run if there are errors. `file` is where the document stands: what it names is
// relative to its folder.
Suite read_suite(const Node& document, const std::filesystem::path& file, Diagnostics& diagnostics);

}  // namespace weir::rule_test
