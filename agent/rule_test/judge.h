// Compares what a test expects with what happened.
#pragma once

#include <string>
#include <vector>

#include "rule_test/suite.h"
#include "rules/engine.h"

namespace weir::rule_test {

// An expectation beside what happened instead, or one of the two alone. Times are since the start of the test.
struct Row {
  struct Side {
    std::string time, what;  // "1m30s", "overheat {n=1} raised critical"
  };
  struct Difference {
    std::string key, expected, actual;
  };
  Timestamp time = 0;
  Position position;  // of the expectation; none for what was not expected
  Side expected, actual;
  std::vector<Difference> differences;
};

struct Verdict {
  std::vector<Row> rows;  // what is wrong, by time
  std::size_t met = 0;    // expectations
  bool passed() const { return rows.empty(); }
};

Verdict judge(const Test& test, const rules::Outputs& outputs);

}  // namespace weir::rule_test
