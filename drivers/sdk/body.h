// Batches as bytes. A batch is kept as its body, the series in protobuf's encoding; what changes from
// sending to sending (epoch, seq, boottime) is put in front, since protobuf messages merge when they
// are put one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/series.h"

namespace weir::sdk {

struct Body {
  std::string bytes;  // repeated Batch.series
  std::uint64_t readings = 0;
  Timestamp from = 0, to = 0;  // the earliest and the latest time
};

// Readings that were given up.
struct Dropped {
  std::uint64_t count = 0;
  Timestamp from = 0, to = 0;
  std::string reason;

  void add(std::uint64_t readings, Timestamp first, Timestamp last, std::string_view why);
};

// Adds the readings [begin, end) of one signal. Strings are made valid UTF-8. The qualities are sent
// as few as they can be.
void append_series(Body& body, std::string_view path, const model::Series& series, std::size_t begin,
                   std::size_t end);

// About how many bytes the readings [begin, end) take.
std::size_t estimate_bytes(const model::Series& series, std::size_t begin, std::size_t end);

// A whole Batch message.
std::string encode_batch(std::uint64_t epoch, std::uint64_t seq, std::string_view boot_id, Nanoseconds boottime,
                         const Body& body, const Dropped& dropped);

}  // namespace weir::sdk
