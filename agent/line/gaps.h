// Gaps that are told together: as few as say the same, and never more than kMostGaps.
#pragma once

#include <cstddef>
#include <vector>

#include "weir/v1/log.pb.h"

namespace weir::line {

inline constexpr std::size_t kMostGaps = 64;

class Gaps {
 public:
  // Joined with the last one of its kind (driver or stream, reason) if its numbers go on where those end. When they
  // become too many, all of a kind are joined, and what then still is too much becomes one for "several" reasons.
  void add(v1::Gap gap);

  void put(v1::RawRecord& out) const;  // replaces its gaps

 private:
  void squeeze();
  std::vector<v1::Gap> gaps_;
};

}  // namespace weir::line
