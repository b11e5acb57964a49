#include "base/clock.h"

#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/random.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

std::string text(Nanoseconds duration) { return to_text(std::chrono::nanoseconds(duration)); }

TEST(Duration, TextReadsBack) {
  for (const Nanoseconds value : {Nanoseconds{0}, Nanoseconds{1}, 90 * kMinute, 250 * kMillisecond,
                                  3 * kDay + kSecond, std::numeric_limits<Nanoseconds>::max()}) {
    Nanoseconds read = -1;
    EXPECT_TRUE(parse_duration(text(value), read)) << text(value);
    EXPECT_EQ(read, value);
  }
  EXPECT_EQ(text(90 * kMinute), "1h30m");
  EXPECT_EQ(text(-kSecond), "-1s");
  EXPECT_EQ(text(std::numeric_limits<Nanoseconds>::min()).front(), '-');
}

TEST(Duration, WhatIsNoneIsRefused) {
  Nanoseconds out = 42;
  for (const char* wrong :
       {"", "5", "s", "5 s", "-5s", "-0s", "1.5h", "5S", "5x", "1h30", "99999999999999999999s", "300000w"})
    EXPECT_FALSE(parse_duration(wrong, out)) << wrong;
  EXPECT_EQ(out, 42);
  EXPECT_TRUE(parse_duration("2w", out));
  EXPECT_EQ(out, 14 * kDay);
}

TEST(Iso, TextReadsBack) {
  for (const Timestamp time :
       {Timestamp{0}, Timestamp{-1}, Timestamp{1'795'224'919'123'000'000}, std::numeric_limits<Timestamp>::max(),
        std::numeric_limits<Timestamp>::min() + kSecond}) {
    Timestamp read = 7;
    EXPECT_TRUE(parse_iso(to_iso(time), read)) << to_iso(time);
    EXPECT_EQ(read, time) << to_iso(time);
  }
  EXPECT_EQ(to_iso(1'795'224'919'120'000'000), "2026-11-21T01:35:19.12Z");
}

TEST(Iso, ReadsOffsets) {
  Timestamp out = 0;
  ASSERT_TRUE(parse_iso("1970-01-01T01:00:00+01:00", out));
  EXPECT_EQ(out, 0);
  ASSERT_TRUE(parse_iso("1970-01-01T00:00:00.5-00:30", out));
  EXPECT_EQ(out, 30 * kMinute + kSecond / 2);
}

TEST(Iso, WhatIsNoneIsRefused) {
  Timestamp out = 42;
  for (const char* wrong : {"", "2026-11-21", "2026-11-21T01:18:39", "2026-02-30T00:00:00Z", "2026-11-21T24:00:00Z",
                            "2026-11-21T01:18:39.Z", "2026-11-21T01:18:39+1:00", "2026-11-21T01:18:39+25:00",
                            "2026-11-21T01:18:39+01:60", "2026-11-21T01:18:39Zx", "9999-01-01T00:00:00Z"})
    EXPECT_FALSE(parse_iso(wrong, out)) << wrong;
  EXPECT_EQ(out, 42);
}

TEST(Backoff, GrowsUpToItsMost) {
  Backoff backoff(milliseconds(100), milliseconds(1'000), 1);
  std::int64_t longest = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto wait = backoff.next().count();
    EXPECT_GE(wait, 0);
    EXPECT_LE(wait, i == 0 ? 100 : 1'000);
    longest = std::max(longest, wait);
  }
  EXPECT_GT(longest, 900);
  EXPECT_EQ(backoff.failures(), 10'000U);
  backoff.reset();
  EXPECT_LE(backoff.next().count(), 100);
}

TEST(Random, IsNeverTheSameTwice) {
  EXPECT_NE(random_bytes(16), random_bytes(16));
  EXPECT_EQ(random_bytes(1'000).size(), 1'000U);
  std::uint64_t state = 1234567;  // the published test vector of SplitMix64
  EXPECT_EQ(split_mix(state), 6457827717110365317U);
  EXPECT_EQ(split_mix(state), 3203168211198807973U);
}

TEST(BurstLog, SaysTheFirstAndCountsTheRest) {
  ManualClock clock;
  log::BurstLog bursts(clock, 10 * kSecond);
  std::uint64_t repeats = 99;
  EXPECT_TRUE(bursts.first("a", repeats));
  EXPECT_EQ(repeats, 0U);
  for (int i = 0; i < 5; ++i) {
    clock.advance(kSecond);
    EXPECT_FALSE(bursts.first("a", repeats));
  }
  EXPECT_TRUE(bursts.first("b", repeats)) << "another key is another burst";
  clock.advance(11 * kSecond);
  EXPECT_TRUE(bursts.first("a", repeats));
  EXPECT_EQ(repeats, 5U);
}

TEST(BurstLog, IsBounded) {
  ManualClock clock;
  log::BurstLog bursts(clock, 10 * kSecond);
  std::uint64_t repeats = 0;
  int said = 0;
  for (int i = 0; i < 5'000; ++i) said += bursts.first(std::to_string(i), repeats) ? 1 : 0;
  EXPECT_EQ(said, 1'024);
  clock.advance(11 * kSecond);
  EXPECT_TRUE(bursts.first("new", repeats));
}

}  // namespace
}  // namespace weir
