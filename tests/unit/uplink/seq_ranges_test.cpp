#include "uplink/seq_ranges.h"

#include <algorithm>
#include <limits>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace weir::uplink {
namespace {

using Range = SeqRanges::Range;

TEST(SeqRanges, JoinsNeighboursAndFindsGaps) {
  SeqRanges seen;
  EXPECT_TRUE(seen.empty());
  for (const std::uint64_t seq : {5, 6, 9, 12, 11}) EXPECT_TRUE(seen.insert(seq));
  EXPECT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen.gaps(), (std::vector<Range>{{7, 8}, {10, 10}}));
  EXPECT_EQ(seen.missing(), 3U);
  EXPECT_EQ(seen.first(), 5U);
  EXPECT_EQ(seen.last(), 12U);
  EXPECT_TRUE(seen.insert(10));
  EXPECT_EQ(seen.gaps(), (std::vector<Range>{{7, 8}}));
  EXPECT_FALSE(seen.insert(10));
  EXPECT_FALSE(seen.insert(9));
}

TEST(SeqRanges, TheLargestNumberIsANumber) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  SeqRanges seen;
  EXPECT_TRUE(seen.insert(kMost));
  EXPECT_TRUE(seen.insert(kMost - 1));
  EXPECT_TRUE(seen.insert(0));
  EXPECT_FALSE(seen.insert(kMost));
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen.missing(), kMost - 2);
}

TEST(SeqRanges, ForgetsTheLowestGap) {
  SeqRanges seen;
  for (const std::uint64_t seq : {1, 3, 5}) seen.insert(seq);
  seen.forget_lowest_gap();
  EXPECT_TRUE(seen.contains(2));
  EXPECT_EQ(seen.gaps(), (std::vector<Range>{{4, 4}}));
}

TEST(SeqRanges, TakesWholeRangesAndTellsWhatIsOutside) {
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
  SeqRanges ranges;
  ranges.insert({kLast - 1, kLast});
  ranges.insert({0, 0});
  EXPECT_EQ(ranges.outside({0, kLast}), (std::vector<Range>{{1, kLast - 2}}));
  ranges.insert({1, kLast - 2});
  EXPECT_EQ(ranges.size(), 1U);
  EXPECT_TRUE(ranges.outside({0, kLast}).empty());

  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    SeqRanges some;
    std::set<std::uint64_t> set;
    for (int i = 0; i < 30; ++i) {
      const std::uint64_t first = 1 + random() % 150, last = first + random() % 9;
      some.insert({first, last});
      for (std::uint64_t seq = first; seq <= last; ++seq) set.insert(seq);
      ASSERT_EQ(some.missing(), *set.rbegin() - *set.begin() + 1 - set.size());
      const std::uint64_t from = random() % 150, to = from + random() % 60;
      std::set<std::uint64_t> outside;
      for (const Range& range : some.outside({from, to}))
        for (std::uint64_t seq = range.first; seq <= range.last; ++seq) ASSERT_TRUE(outside.insert(seq).second);
      for (std::uint64_t seq = from; seq <= to; ++seq) ASSERT_EQ(outside.contains(seq), !set.contains(seq));
      for (const std::uint64_t seq : outside) ASSERT_TRUE(from <= seq && seq <= to);
    }
  }
}

TEST(SeqRanges, IsASet) {
  std::mt19937 random(7);
  for (int round = 0; round < 10; ++round) {
    SeqRanges ranges;
    std::set<std::uint64_t> set;
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t seq = 1 + random() % 150;
      ASSERT_EQ(ranges.insert(seq), set.insert(seq).second);
      ASSERT_EQ(ranges.missing(), *set.rbegin() - *set.begin() + 1 - set.size());
      for (std::uint64_t probe = 0; probe < 152; ++probe) ASSERT_EQ(ranges.contains(probe), set.contains(probe));
    }
  }
}

}  // namespace
}  // namespace weir::uplink
