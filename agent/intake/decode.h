// Batches as they come from the bus, checked. Pure functions; any bytes are fine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/series.h"
#include "model/signal_table.h"
#include "weir/v1/bus.pb.h"

namespace weir::intake {

// Why a message is not taken; each has a counter. The names are what status and gap records show.
enum class Refusal : std::uint8_t {
  not_protobuf,    // not a message of the contract
  too_large,       // more bytes, series or readings than allowed
  unknown_driver,  // no such driver in weir.yaml
  foreign_epoch,   // of an epoch that is not the driver's
  unknown_signal,  // a reading of a signal that was not announced, or is another driver's
  malformed,       // columns of unequal length, no values, a time out of range, a wrong type
  future,          // stamped beyond the tolerance, and the policy is to refuse
  count_,
};
const char* to_text(Refusal refusal);

struct Refused {
  Refusal why = Refusal::malformed;
  std::string detail;  // for the log: "series 3 (boiler-1/temperature): 10 times, 9 values"
};

struct Limits {
  std::size_t bytes = 4 << 20;
  std::size_t series = 100'000;
  std::size_t readings = 1'000'000;
};

// How often the readings of a batch were stamped too far in the future.
struct FutureGuard {
  Timestamp latest = 0;  // what is beyond is from the future; 0: no guard (the clock is not synced)
  Timestamp now = 0;     // what a clamped reading gets
  bool clamp = true;     // else: left out
};

struct Decoded {
  std::vector<model::Series> series;
  std::uint32_t readings = 0;
  std::uint32_t clamped = 0;      // readings set to now, and marked uncertain
  std::uint32_t removed = 0;      // readings left out, stamped in the future
  Timestamp first = 0, last = 0;  // the earliest and the latest time; of those kept
  Timestamp removed_first = 0, removed_last = 0;
};

// The readings of a parsed batch. `driver`: whose signals they must be.
std::expected<Decoded, Refused> decode(const v1::Batch& batch, std::string_view driver,
                                       const model::SignalTable& signals, const FutureGuard& guard,
                                       const Limits& limits = {});

}  // namespace weir::intake
