// Recorded readings out of CSV, as `weir history` and `weir queue export` write them, or other programs.
//
// Columns: timestamp (or time) and value; path, unit and quality if they are there. Others are left alone.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/series.h"

namespace weir::rule_test {

struct Recorded {
  std::string path;  // empty: there is no such column
  std::string unit;
  model::ValueType type = model::ValueType::real;  // bool if all are true or false, double if all are numbers
  std::vector<model::Reading> readings;            // in the order of the file
};

// Series in the order of their first reading. The first fault ends it: a test of half a recording would prove
// nothing.
Result<std::vector<Recorded>> read_recording(std::istream& in);

}  // namespace weir::rule_test
