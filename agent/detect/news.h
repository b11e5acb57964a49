// What is news: a surprise that is large enough, and larger than what was just told.
//
// An alarm raises the bar above its own surprise; the bar falls exponentially, and the slower the longer the series
// has been watched: what a series did lately is no news, and the older it is, the longer "lately" lasts. So one event
// is one alarm, and a series that always surprises does so less and less.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace weir::detect {

class News {
 public:
  // What is left of the surprise above the bar, 0 and more; for each reading. It is an alarm from `limit` on.
  double of(double surprise, double limit);

  void save(std::string& out) const;
  bool restore(ByteReader& in);

 private:
  double bar_ = 0;
  std::uint64_t age_ = 0;  // in readings
};

}  // namespace weir::detect
