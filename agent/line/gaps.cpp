#include "line/gaps.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace weir::line {
namespace {

bool same_kind(const v1::Gap& a, const v1::Gap& b) {
  return a.stream() == b.stream() && a.reason() == b.reason() && a.driver() == b.driver() &&
         a.incarnation() == b.incarnation();
}

bool adjoin(const v1::Gap& before, const v1::Gap& after) {
  return before.stream() != v1::STREAM_UNSPECIFIED && before.last() + 1 == after.first();
}

std::uint64_t added(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

bool timed(const v1::Gap& gap) { return gap.from() != 0 || gap.to() != 0; }

void join(v1::Gap& gap, const v1::Gap& other) {
  if (timed(other)) {
    gap.set_from(timed(gap) ? std::min(gap.from(), other.from()) : other.from());
    gap.set_to(timed(gap) ? std::max(gap.to(), other.to()) : other.to());
  }
  gap.set_epoch(std::max(gap.epoch(), other.epoch()));
  gap.set_count(added(gap.count(), other.count()));
  gap.set_first(std::min(gap.first(), other.first()));
  gap.set_last(std::max(gap.last(), other.last()));
  gap.set_records(added(gap.records(), other.records()));
}

}  // namespace

void Gaps::add(v1::Gap gap) {
  for (auto before = gaps_.rbegin(); before != gaps_.rend(); ++before) {
    if (!same_kind(*before, gap)) continue;
    if (adjoin(*before, gap)) return join(*before, gap);
    break;
  }
  gaps_.push_back(std::move(gap));
  if (gaps_.size() > kMostGaps) squeeze();
}

void Gaps::squeeze() {
  std::vector<v1::Gap> kinds;
  for (v1::Gap& gap : gaps_) {
    const auto kind = std::ranges::find_if(kinds, [&](const v1::Gap& one) { return same_kind(one, gap); });
    if (kind != kinds.end()) join(*kind, gap);
    else kinds.push_back(std::move(gap));
  }
  // Half at once, so that this is not done with every gap. Numbers that are not told look lost, as they are.
  if (kinds.size() > kMostGaps) {
    v1::Gap several;
    several.set_reason("several");
    for (auto gap = kinds.begin() + kMostGaps / 2; gap != kinds.end(); ++gap) {
      gap->clear_first();
      gap->clear_last();
      join(several, *gap);
    }
    kinds.resize(kMostGaps / 2);
    kinds.push_back(std::move(several));
  }
  gaps_ = std::move(kinds);
}

void Gaps::put(v1::RawRecord& out) const {
  out.clear_gaps();
  for (const v1::Gap& gap : gaps_) *out.add_gaps() = gap;
}

}  // namespace weir::line
