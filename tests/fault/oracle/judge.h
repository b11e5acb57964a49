// The oracle: from what the driver made, what the store holds and what the receiver took, whether the
// promises were kept. Called when all has come to rest: the driver drained, the streams empty, the agent
// stopped. The store must still have its whole log.
//
// Where the edges of a gap lie. The numbering driver's times are all different and ascend over its lives,
// and the agent takes its batches in order, so what a kill takes away are the readings after the last
// accepted one and before the first of the next life: a gap of a restart covers from < time < to, and must
// not cover a reading that was accepted. Gaps of other reasons name the first and the last reading
// themselves: they cover from <= time <= to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace weir::oracle {

struct Evidence {
  std::filesystem::path journal, arrivals, store;
  std::string driver;
  // Of each epoch, up to which batch the driver was told that it is accepted; what was overheard of it.
  std::map<std::uint64_t, std::uint64_t> told;
};

enum class Breach : std::uint8_t {
  unreadable,     // a record, a row or a block that cannot be decoded
  not_arrived,    // in the log, and the receiver has no such record, or another one
  not_kept,       // the driver was told that it was accepted, and it is not in the log
  foreign,        // nobody made it
  twice,          // one reading accepted twice
  other_repeat,   // one identity, different bytes
  hole,           // a number of a stream is missing
  other_life,     // another incarnation, or a batch of an epoch and seq that were taken already
  other_outputs,  // than a replay of the log gives
  uncovered,      // made, not accepted, and no gap says so
  false_gap,      // a gap says that what was accepted may be missing
};
const char* to_text(Breach breach);

struct Violation {
  Breach breach = Breach::unreadable;
  std::string text;
  std::size_t times = 1;
};

struct Figures {
  std::size_t made = 0, accepted = 0, arrived = 0, covered = 0;  // readings
  std::size_t rows = 0, batches = 0, epochs = 0, gaps = 0;
  std::size_t records = 0, repeats = 0;  // at the receiver
  std::size_t alerts = 0, derived = 0;
};

struct Verdict {
  Figures figures;
  std::vector<Violation> violations;  // the first of each kind
  bool found(Breach breach) const;
};

Verdict judge(const Evidence& evidence);

}  // namespace weir::oracle
