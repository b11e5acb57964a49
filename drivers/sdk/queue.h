// The batches that the agent has not accepted yet, and what the contract says about them: which seq each
// has, which may go next, what is given up when there is no room, and how that is told.
//
// Pure: no I/O, no clock, no threads. seqs are given at the first sending, so that what was never sent
// can be given up without leaving a hole. What was sent cannot: it becomes an empty batch with the same
// seq, which tells of the loss. In a new life of the store, or under a new epoch, all that is here is
// numbered anew from 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "sdk/body.h"

namespace weir::sdk {

class Queue {
 public:
  // Bounded to about `most_bytes`, what it takes to keep a batch included.
  explicit Queue(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // Never fails: what does not fit pushes out the oldest that was never sent; if there is none, the
  // oldest that was; the new one itself only if nothing else is left.
  void push(Body body);

  enum class Ack {
    stale,      // of an older epoch, or of less than is known to be accepted
    beyond,     // of more than was ever sent
    unchanged,  // nothing more is accepted; the credit may have changed
    progress,
    new_epoch,  // everything here has been numbered anew
  };
  Ack acknowledge(std::string_view incarnation, std::uint64_t epoch, std::uint64_t seq, std::uint32_t credit);

  // Sends what is not accepted once more, from the oldest, or from a seq of the epoch that is now.
  void rewind() { next_ = 0; }
  void rewind_to(std::uint64_t epoch, std::uint64_t seq);
  bool rewinding() const { return next_ < sent_; }

  struct Outgoing {
    std::uint64_t epoch = 0, seq = 0;
    std::string payload;
  };
  // The next to send, if there is an epoch, a batch, and credit for it.
  std::optional<Outgoing> next(std::string_view boot_id, Nanoseconds boottime);

  bool empty() const { return entries_.empty() && pending_.count == 0; }
  std::size_t unaccepted() const { return sent_; }  // sent at least once in this epoch
  std::size_t bytes() const { return bytes_; }
  std::size_t most_bytes() const { return most_bytes_; }
  std::uint64_t epoch() const { return epoch_; }
  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t dropped() const { return dropped_; }  // readings given up so far

 private:
  struct Entry {
    Body body;
    Dropped dropped;  // told with this batch
    std::size_t cost() const;
  };
  void make_room();
  void give_up(Entry& entry, Dropped& into);

  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::deque<Entry> entries_;  // of these the first sent_ have the seqs accepted_ + 1, + 2, …
  std::size_t sent_ = 0;
  std::size_t next_ = 0;  // at most sent_: what is sent next; less: it is sent again
  Dropped pending_;       // for the next batch that is sent for the first time
  std::string incarnation_;
  std::uint64_t epoch_ = 0;  // 0: none yet
  std::uint64_t accepted_ = 0;
  std::uint64_t allowed_ = 0;  // the last seq that there is credit for
  std::uint64_t dropped_ = 0;
};

}  // namespace weir::sdk
