// What is known of a signal beside its readings.
#pragma once

#include <chrono>
#include <string>

#include "model/series.h"
#include "model/value.h"

namespace weir::model {

struct Signal {
  std::string path;  // device/signal
  ValueType type = ValueType::real;
  std::string unit;                      // UCUM; may be empty
  std::chrono::milliseconds interval{};  // between expected readings; 0: no fixed one
  bool writable = false;
  std::string description;
  friend bool operator==(const Signal&, const Signal&) = default;
};

}  // namespace weir::model
