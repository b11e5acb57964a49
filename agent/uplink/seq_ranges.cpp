#include "uplink/seq_ranges.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace weir::uplink {

bool SeqRanges::insert(std::uint64_t seq) {
  auto after = ranges_.upper_bound(seq);
  const auto before = after == ranges_.begin() ? ranges_.end() : std::prev(after);
  if (before != ranges_.end() && seq <= before->second) return false;

  const bool joins_before = before != ranges_.end() && before->second + 1 == seq;
  const bool joins_after =
      after != ranges_.end() && seq != std::numeric_limits<std::uint64_t>::max() && seq + 1 == after->first;
  const auto last = joins_after ? after->second : seq;
  if (joins_after) ranges_.erase(after);
  if (joins_before) before->second = last;
  else ranges_.emplace(seq, last);
  return true;
}

void SeqRanges::insert(Range range) {
  auto next = ranges_.upper_bound(range.first);
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (range.first == 0 || before->second >= range.first - 1) {
      range.first = before->first;
      next = before;
    }
  }
  while (next != ranges_.end() && (next->first <= range.last || next->first - 1 == range.last)) {
    range.last = std::max(range.last, next->second);
    next = ranges_.erase(next);
  }
  ranges_.emplace(range.first, range.last);
}

std::vector<SeqRanges::Range> SeqRanges::outside(Range range) const {
  std::vector<Range> out;
  auto next = ranges_.upper_bound(range.first);
  if (next != ranges_.begin()) --next;
  for (; next != ranges_.end() && next->first <= range.last; ++next) {
    if (next->second < range.first) continue;
    if (next->first > range.first) out.push_back({range.first, next->first - 1});
    if (next->second >= range.last) return out;
    range.first = next->second + 1;
  }
  out.push_back(range);
  return out;
}

bool SeqRanges::contains(std::uint64_t seq) const {
  const auto after = ranges_.upper_bound(seq);
  return after != ranges_.begin() && seq <= std::prev(after)->second;
}

std::vector<SeqRanges::Range> SeqRanges::gaps() const {
  std::vector<Range> out;
  for (auto range = ranges_.begin(); range != ranges_.end(); ++range) {
    if (const auto next = std::next(range); next != ranges_.end())
      out.push_back({range->second + 1, next->first - 1});
  }
  return out;
}

std::uint64_t SeqRanges::missing() const {
  std::uint64_t count = 0;
  for (const auto& gap : gaps()) count += gap.last - gap.first + 1;
  return count;
}

void SeqRanges::forget_lowest_gap() {
  if (ranges_.size() < 2) return;
  const auto second = std::next(ranges_.begin());
  ranges_.begin()->second = second->second;
  ranges_.erase(second);
}

}  // namespace weir::uplink
