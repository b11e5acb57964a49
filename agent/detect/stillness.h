// A series that stands still though it never did: how long runs without any change are.
//
// A frozen sensor repeats its last value to the last digit. Said once for each run, at three times the longest run
// before and ten readings at least, and only of a series that changes with nearly every reading.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "detect/moving.h"

namespace weir::detect {

class Stillness {
 public:
  // Whether the series must be taken for frozen from this reading on.
  bool frozen(Timestamp time, bool changed);

  Nanoseconds still() const { return still_; }      // how long it has not changed
  Nanoseconds longest() const { return longest_; }  // before

  void save(std::string& out) const;
  bool restore(ByteReader& in);

 private:
  Moving run_{300};  // the length of a run, in readings: 0 for a series that changes with each
  std::uint64_t readings_ = 0, length_ = 0, longest_length_ = 0;
  Timestamp since_ = 0;
  Nanoseconds still_ = 0, longest_ = 0;
};

}  // namespace weir::detect
