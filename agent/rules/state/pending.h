// Readings that wait for their order, or are kept in it: by time, input and member, one of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"

namespace weir::rules {

struct Pending {
  Timestamp time;
  double number;
  std::uint32_t quality;
  std::uint32_t member;
  std::uint16_t slot;
  std::unique_ptr<std::string> text;
  auto place() const { return std::tuple(time, slot, member); }
};

// In chunks: what comes in order goes to the end, and what does not moves only its neighbours, even if all of it
// comes backwards.
class PendingReadings {
 public:
  bool add(Pending reading);  // false: there is one at its place already, which stays
  const Pending& first() const { return chunks_.front()[gone_]; }
  void drop_first();

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::size_t heap_bytes() const;

  template <class Visit>
  void each(Visit&& visit) const {
    for (std::size_t c = 0; c < chunks_.size(); ++c)
      for (std::size_t i = c == 0 ? gone_ : 0; i < chunks_[c].size(); ++i) visit(chunks_[c][i]);
  }

 private:
  using Chunk = std::vector<Pending>;
  void append(Pending reading);
  void make_room(std::size_t chunk);
  void drop_gone();

  std::vector<Chunk> chunks_;  // ascending; only the first may be empty, if there is nothing at all
  std::uint32_t gone_ = 0;     // of the first chunk
  std::uint32_t size_ = 0;
};

}  // namespace weir::rules
