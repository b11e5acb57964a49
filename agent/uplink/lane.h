// One stream on its way to one cloud: what was fetched and not yet acknowledged, in order.
//
// Pure bookkeeping. Records may be answered in any order; what may be forgotten is only the part at the
// front of which every record was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "uplink/source.h"

namespace weir::uplink {

class Lane {
 public:
  Lane(Stream stream, std::uint64_t acknowledged) : stream_(stream), acknowledged_(acknowledged) {}

  Stream stream() const { return stream_; }
  std::uint64_t acknowledged() const { return acknowledged_; }  // up to here it may be forgotten
  std::uint64_t last() const { return records_.empty() ? acknowledged_ : records_.back().record.seq; }
  std::size_t waiting() const { return waiting_; }

  // Fetched: what is not after last() is left out. Numbers may be missing (given up in the store). Returns up to
  // where everything can be acknowledged, if what is not ours moved that.
  std::optional<std::uint64_t> add(std::vector<Record> records);

  // The next to send, which then is under way; null if none waits. Valid until the lane changes.
  const Record* take();

  // The cloud has it. Returns up to where everything can be acknowledged, if that moved.
  std::optional<std::uint64_t> succeeded(std::uint64_t seq);

  void failed(std::uint64_t seq);  // it waits again
  void all_failed();               // all that is under way waits again

 private:
  enum class State : std::uint8_t { waiting, under_way, done };
  struct Entry {
    Record record;
    State state = State::waiting;
  };
  Entry* find(std::uint64_t seq);
  std::optional<std::uint64_t> drop_done();

  Stream stream_;
  std::uint64_t acknowledged_;
  std::deque<Entry> records_;
  std::size_t waiting_ = 0;
};

}  // namespace weir::uplink
