// A curve in a terminal: readings over time, as characters. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace weir::cli {

struct PlotLook {
  std::size_t width = 80;  // columns of the terminal, the axis included
  std::size_t height = 8;  // lines of the curve
  bool unicode = true;     // braille, with 2 × 4 dots a character; else plain ASCII
};

// Takes any number of readings in any order and keeps, of each column of dots, the smallest and the largest: a
// spike of one reading stays visible, and the memory is that of the picture.
class Plot {
 public:
  // Of readings from `from` to `to`, both included.
  Plot(Timestamp from, Timestamp to, const PlotLook& look);

  void add(Timestamp time, double value) { add(time, value, value, value); }  // what is not finite is left out
  void add(Timestamp time, double min, double value, double max);             // of an interval that begins then

  bool empty() const { return count_ == 0; }
  double min() const { return min_; }
  double max() const { return max_; }
  double last() const { return last_; }  // of the latest time
  std::uint64_t count() const { return count_; }

  // The curve with its axes, `height` + 2 lines.
  std::string text() const;

 private:
  struct Column {
    double min = 0, max = 0;
    double last = 0;  // by time
    Timestamp last_time = 0;
    bool used = false;
  };
  struct Cells;

  std::size_t cells() const { return columns_.size() / (look_.unicode ? 2 : 1); }
  Cells draw(double low, double high) const;
  std::string time_axis() const;

  Timestamp from_, to_;
  PlotLook look_;
  std::vector<Column> columns_;  // of dots
  double min_ = 0, max_ = 0, last_ = 0;
  Timestamp last_time_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace weir::cli
