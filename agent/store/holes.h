// What is missing in the middle: numbers between the oldest row and the newest of which nothing is left, because
// they were thinned or given up behind records that an uplink had in its hands, or lost in a file that was mended.
//
// Values only; meta `holes` remembers them. Few: a hole goes when the rows in front of it have gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace weir::store {

struct Hole {
  std::uint64_t first = 0, last = 0;
  std::uint64_t bytes = 0;  // that the cumulative sizes of the rows behind it still count
  friend bool operator==(const Hole&, const Hole&) = default;
};

// Of one sequence of numbers.
class Holes {
 public:
  const std::vector<Hole>& all() const { return holes_; }  // in order, never adjacent

  void add(const Hole& hole);                                  // around others, which it counts too, or disjoint
  bool prune(std::uint64_t first);                             // those in front of the oldest row; true if one went
  bool covers(std::uint64_t first, std::uint64_t last) const;  // in one hole
  std::uint64_t count_after(std::uint64_t number) const;
  std::uint64_t bytes_after(std::uint64_t number) const;  // of those that begin behind it

  void encode(std::string& out) const;

 private:
  std::vector<Hole> holes_;
};

// Those of the log's ids, and of each stream's numbers.
struct AllHoles {
  Holes log;
  std::array<Holes, 5> streams;  // by Stream

  Holes& of(Stream stream) { return streams[static_cast<std::size_t>(stream)]; }
  const Holes& of(Stream stream) const { return streams[static_cast<std::size_t>(stream)]; }

  std::string encode() const;
  static AllHoles decode(std::string_view bytes);  // throws sqlite::Failure
};

}  // namespace weir::store
