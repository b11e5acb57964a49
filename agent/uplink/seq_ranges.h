// Which numbers of a stream have been seen, as ranges: how a receiver finds repeats and gaps in a few
// bytes, however long the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace weir::uplink {

class SeqRanges {
 public:
  struct Range {
    std::uint64_t first = 0, last = 0;
    friend bool operator==(const Range&, const Range&) = default;
  };

  bool insert(std::uint64_t seq);  // false: it was in already
  void insert(Range range);        // what of it was in stays in
  bool contains(std::uint64_t seq) const;
  std::vector<Range> outside(Range range) const;  // the parts of it that are not in

  bool empty() const { return ranges_.empty(); }
  std::uint64_t first() const { return ranges_.begin()->first; }   // not of an empty one
  std::uint64_t last() const { return ranges_.rbegin()->second; }  // not of an empty one
  std::size_t size() const { return ranges_.size(); }              // ranges

  // What is missing between the first and the last.
  std::vector<Range> gaps() const;
  std::uint64_t missing() const;

  // Takes the lowest gap as if it were filled: for whoever bounds how many ranges there may be.
  void forget_lowest_gap();

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  // first to last; disjoint, never touching
};

}  // namespace weir::uplink
