// Readings: one, and many of one signal column by column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "model/quality.h"
#include "model/value.h"

namespace weir::model {

// Stands for a path within an incarnation of the store; dense from 1. 0 is none.
using SignalId = std::uint32_t;

struct Reading {
  Timestamp time = 0;  // event time, at the source
  Value value;
  Quality quality;
  friend bool operator==(const Reading&, const Reading&) = default;
};

// In the order of ValueType. Bools are bytes of 0 or 1: vector<bool> has no data().
using Column = std::variant<std::vector<std::uint8_t>, std::vector<std::int64_t>, std::vector<double>,
                            std::vector<std::string>, std::vector<Bytes>>;

struct Series {
  SignalId signal = 0;
  std::vector<Timestamp> times;          // in the order in which the driver sent them; need not ascend
  Column values;                         // as many as times
  std::vector<std::uint32_t> qualities;  // StatusCodes; none: all good; one: holds for all; else as many as times

  std::size_t size() const { return times.size(); }
  ValueType type() const { return static_cast<ValueType>(values.index() + 1); }
  Quality quality(std::size_t i) const {
    return qualities.empty() ? kGood : Quality{qualities.size() == 1 ? qualities.front() : qualities[i]};
  }
  Value value(std::size_t i) const;
  Reading reading(std::size_t i) const { return {times[i], value(i), quality(i)}; }

  // Adds one; its type must be the column's (an empty series takes the type of the first).
  void append(const Reading& reading);

  friend bool operator==(const Series&, const Series&) = default;
};

Column make_column(ValueType type);

}  // namespace weir::model
