// The picture of a judged series, as SVG: the values with the alarms marked, below them the score. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace weir::cli {

// Takes any number of readings in the order of their times, and thins itself: of each column of the picture it keeps
// the smallest and the largest value, the highest score and the first alarm. What it takes is that of the picture.
class Chart {
 public:
  Chart();

  void add(Timestamp time, double value, double score);
  // An alarm at the reading that was added last.
  void mark(std::string_view reason);

  // `threshold` is on the score. Colours follow the viewer's light or dark mode.
  std::string svg(std::string_view title, double threshold) const;

 private:
  struct Column {
    double min = 0, max = 0, first = 0, last = 0, score = 0;
    bool used = false;
    bool marked = false;
    Timestamp mark_time = 0;
    double mark_value = 0;
    std::string reason;
  };
  struct Frame;

  std::size_t column_of(Timestamp time);
  void halve();
  Frame frame() const;

  std::vector<Column> columns_;
  Timestamp begin_ = 0, last_time_ = 0;
  double last_value_ = 0;
  std::uint64_t width_ = 0;  // of a column, in nanoseconds; 0: there are not two readings yet
  std::size_t at_ = 0;       // the column of the last reading
  bool any_ = false;
};

}  // namespace weir::cli
