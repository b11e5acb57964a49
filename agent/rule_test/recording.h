// Recorded readings out of CSV, as `weir history` and `weir queue export` write them, or other programs.
//
// Columns: timestamp (or time) and value; path, unit and quality if they are there. Others are left alone.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "csv/reader.h"
#include "model/series.h"

namespace weir::rule_test {

// Row after row, in the same memory however long the file.
class RecordingReader {
 public:
  struct Row {  // views live until the next one
    Timestamp time = 0;
    std::string_view path;  // empty: there is no such column
    std::string_view value, unit;
    model::Quality quality;  // bad if there is no value
  };

  explicit RecordingReader(std::istream& in) : reader_(in) {}  // borrowed

  Result<void> begin();                                  // comes first: reads the header
  Result<bool> next(Row& row);                           // false at the end
  std::uint64_t line() const { return reader_.line(); }  // of the last row
  bool has_paths() const { return path_at_.has_value(); }

  // With the line of the last row before it.
  std::unexpected<Error> fault(const std::string& what, std::string hint = {}) const;

 private:
  csv::Reader reader_;
  std::size_t time_at_ = 0, value_at_ = 0;
  std::optional<std::size_t> path_at_, unit_at_, quality_at_;
};

// What all values of a series can be read as.
class TypeGuess {
 public:
  void see(std::string_view value);
  model::ValueType type() const;  // bool if all are true or false, double if all are numbers, or if there are none

 private:
  bool seen_ = false, truths_ = true, numbers_ = true;
};

// A value of that type as it stands in the file; what is no number is NaN.
model::Value value_of(std::string_view text, model::ValueType type);

struct Recorded {
  std::string path;  // empty: there is no such column
  std::string unit;
  model::ValueType type = model::ValueType::real;  // as TypeGuess has it
  std::vector<model::Reading> readings;            // in the order of the file
};

// Series in the order of their first reading. The first fault ends it: a test of half a recording would prove
// nothing.
Result<std::vector<Recorded>> read_recording(std::istream& in);

}  // namespace weir::rule_test
