#include "rules/memory/value_counts.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace weir::rules {
namespace {

std::string saved(const ValueCounts& counts) {
  std::string out;
  counts.save(out);
  return out;
}

bool restore(ValueCounts& counts, const std::string& bytes) {
  ByteReader in(bytes);
  return counts.restore(in);
}

double exact(std::vector<double> values, double q) {
  std::ranges::sort(values);
  const double rank = q * static_cast<double>(values.size() - 1);
  const auto i = static_cast<std::size_t>(rank);
  return i + 1 < values.size() ? values[i] + (rank - std::floor(rank)) * (values[i + 1] - values[i]) : values[i];
}

constexpr double kQuantiles[] = {0, 0.01, 0.25, 0.5, 0.75, 0.99, 1};

TEST(ValueCounts, QuantilesOfFewDifferentValuesAreExact) {
  std::mt19937 random(1);
  ValueCounts counts;
  std::vector<double> values;
  for (int i = 0; i < 5'000; ++i) {
    values.push_back(static_cast<double>(random() % kExactValues) * 0.1 - 3);
    counts.add(values.back());
  }
  for (const double q : kQuantiles) EXPECT_DOUBLE_EQ(counts.quantile(q), exact(values, q)) << q;
}

// Values over six decades and of both signs, a few of them zero.
TEST(ValueCounts, QuantilesOfManyAreWithinTheErrorThatIsStated) {
  std::mt19937 random(2);
  std::lognormal_distribution<double> magnitude(0, 2);
  for (const bool both_signs : {false, true}) {
    ValueCounts counts;
    std::vector<double> values;
    for (int i = 0; i < 20'000; ++i) {
      const double value = random() % 50 == 0 ? 0 : magnitude(random) * (both_signs && random() % 3 == 0 ? -1 : 1);
      values.push_back(value);
      counts.add(value);
    }
    for (const double q : kQuantiles) {
      const double expected = exact(values, q);
      EXPECT_NEAR(counts.quantile(q), expected, kQuantileError * 1.001 * std::abs(expected)) << q;
    }
    EXPECT_LE(counts.bytes(), 2 * kMostBuckets * 12);
  }
}

// Air pressure, a grid's frequency, a Unix time: what matters is small beside the value.
TEST(ValueCounts, SmallChangesBesideALargeOffsetAreTold) {
  std::mt19937 random(4);
  for (const auto& [offset, spread] : {std::pair{1013.25, 4.0}, {50.0, 0.02}, {-50.0, 0.02}, {1.7e9, 30.0}}) {
    std::normal_distribution<double> around(offset, spread);
    ValueCounts one, sum;
    std::vector<double> values;
    for (int part = 0; part < 10; ++part) {
      ValueCounts some;
      for (int i = 0; i < 1'000; ++i) {
        values.push_back(around(random));
        one.add(values.back());
        some.add(values.back());
      }
      sum.add(some);
    }
    for (const double q : kQuantiles) {
      const double distance = std::abs(exact(values, q) - offset) + spread;
      EXPECT_NEAR(one.quantile(q), exact(values, q), kQuantileError * distance) << offset << " " << q;
      EXPECT_NEAR(sum.quantile(q), exact(values, q), 2 * kQuantileError * distance) << offset << " " << q;
    }
    EXPECT_LE(sum.bytes(), 2 * kMostBuckets * 12);
  }
}

TEST(ValueCounts, OfTooManyMagnitudesTheLargeOnesStayRight) {
  ValueCounts counts;
  std::vector<double> values;
  for (double value = 1e-300; value < 1e300; value *= 1.01) {
    values.push_back(value);
    counts.add(value);
  }
  EXPECT_LE(counts.bytes(), 2 * kMostBuckets * 12);
  for (const double q : {0.9875, 0.99, 0.999, 1.0})
    EXPECT_NEAR(counts.quantile(q) / exact(values, q), 1, kQuantileError * 1.001);
  for (const double extreme : {5e-324, std::numeric_limits<double>::max(), -std::numeric_limits<double>::max()})
    counts.add(extreme);
  EXPECT_NEAR(counts.quantile(1) / std::numeric_limits<double>::max(), 1, kQuantileError * 1.001);
}

TEST(ValueCounts, WhatWasAddedCanBeTakenAway) {
  std::mt19937 random(3);
  for (const double spread : {30.0, 1e4, 1e9}) {
    const double offset = spread == 1e4 ? 1e6 : 0;  // of buckets that are not around zero
    ValueCounts total;
    std::vector<ValueCounts> parts;
    std::vector<std::vector<double>> values;
    const auto draw = [&] {
      return offset + std::floor(std::exp(std::log(spread) * static_cast<double>(random() % 10'000) / 1e4)) -
             spread / 100;
    };
    for (int i = 0; i < 100; ++i) {
      ValueCounts part;
      values.emplace_back();
      for (int k = 0; k < 40; ++k) {
        values.back().push_back(draw());
        part.add(values.back().back());
      }
      total.add(part);
      parts.push_back(std::move(part));
      if (parts.size() <= 20) continue;
      if (random() % 2 == 0) total.remove(parts.front());
      else
        for (const double value : values.front()) total.remove(value);
      parts.erase(parts.begin());
      values.erase(values.begin());
      std::vector<double> all;
      for (const auto& some : values) all.insert(all.end(), some.begin(), some.end());
      ASSERT_EQ(total.count(), all.size());
      for (const double q : {0.1, 0.5, 0.9}) {
        const double rank = q * static_cast<double>(all.size() - 1);
        const double low = exact(all, std::floor(rank) / static_cast<double>(all.size() - 1));
        const double high = exact(all, std::ceil(rank) / static_cast<double>(all.size() - 1));
        ASSERT_GE(total.quantile(q), low - 1.001 * kQuantileError * std::abs(low)) << spread;
        ASSERT_LE(total.quantile(q), high + 1.001 * kQuantileError * std::abs(high)) << spread;
      }
    }
    for (const ValueCounts& part : parts) total.remove(part);
    EXPECT_TRUE(total.empty());
    EXPECT_EQ(total.bytes(), 0U);
  }
}

// What was added one by one may go as a part that had to put more of its least magnitudes together.
TEST(ValueCounts, APartInCoarserBucketsCanBeTakenAway) {
  ValueCounts total, part;
  for (int i = 0; i < 20; ++i) total.add(std::ldexp(1, -i));
  for (int i = 0; i < 2'500; ++i) {  // each in a bucket of its own
    const double value = 10 * std::exp(i * std::log((1 + kQuantileError) / (1 - kQuantileError)));
    total.add(value);
    part.add(value);
  }
  total.remove(part);
  EXPECT_EQ(total.count(), 20U);
  EXPECT_EQ(total.distinct(), 1U);
}

TEST(ValueCounts, ModeIsTheLeastOfThoseSeenMostOften) {
  ValueCounts counts;
  for (const double value : {3.0, 1.0, 2.0, 3.0, -0.0, 1.0, 0.0}) counts.add_exact(value);
  EXPECT_EQ(counts.mode(), std::pair(0.0, std::uint64_t{2}));
  EXPECT_EQ(counts.distinct(), 4U);
  counts.add_exact(3);
  EXPECT_EQ(counts.mode(), std::pair(3.0, std::uint64_t{3}));
  counts.remove_exact(3, 3);
  EXPECT_EQ(counts.distinct(), 3U);
}

TEST(ValueCounts, ModeOfTexts) {
  ValueCounts counts;
  EXPECT_EQ(counts.text_mode(), nullptr);
  for (const char* text : {"run", "idle", "run", "idle", "fault"}) counts.add_text(text);
  EXPECT_EQ(*counts.text_mode(), "idle");
  counts.remove_text("idle");
  EXPECT_EQ(*counts.text_mode(), "run");
  EXPECT_EQ(counts.distinct(), 3U);
}

TEST(ValueCounts, SaysWhenThereWereMoreThanItTellsApart) {
  ValueCounts counts;
  for (std::size_t i = 0; i < kMostValues; ++i) counts.add_exact(static_cast<double>(i));
  EXPECT_FALSE(counts.overflowed());
  counts.add_exact(0);
  EXPECT_FALSE(counts.overflowed());
  counts.add_exact(1e6);
  EXPECT_TRUE(counts.overflowed());
  EXPECT_EQ(counts.distinct(), kMostValues + 1);
  EXPECT_EQ(counts.count(), kMostValues + 2);
  counts.remove_exact(1e6);
  EXPECT_FALSE(counts.overflowed());

  ValueCounts texts;
  for (int i = 0; i < 10; ++i) texts.add_text(std::string(20'000, static_cast<char>('a' + i)));
  EXPECT_TRUE(texts.overflowed());
  EXPECT_LT(texts.bytes(), kMostTextBytes + 1'000);
}

TEST(ValueCounts, IgnoresWhatIsNotFinite) {
  ValueCounts counts;
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    counts.add(value);
    counts.add_exact(value);
  }
  EXPECT_TRUE(counts.empty());
}

TEST(ValueCounts, IsTheSameAfterRestoring) {
  std::mt19937 random(4);
  for (const unsigned different : {100U, 1'000'000U}) {
    ValueCounts counts, again, others;
    for (int i = 0; i < 20'000; ++i) counts.add(static_cast<double>(random() % different) - 50);
    ASSERT_TRUE(restore(again, saved(counts)));
    EXPECT_TRUE(saved(again) == saved(counts));
    for (int i = 0; i < 100; ++i) others.add(static_cast<double>(random()));
    counts.add(others);
    again.add(others);
    EXPECT_TRUE(saved(again) == saved(counts));
  }
  ValueCounts texts, again;
  for (const char* text : {"run", "idle", ""}) texts.add_text(text);
  ASSERT_TRUE(restore(again, saved(texts)));
  EXPECT_TRUE(saved(again) == saved(texts));
  ASSERT_TRUE(restore(again, saved(ValueCounts())));
  EXPECT_TRUE(again.empty());
}

TEST(ValueCounts, StateThatCannotBeIsRefused) {
  const auto comes_back = [](char use, const std::vector<double>& values) {
    std::string bytes(1, use);
    put_varint(bytes, values.size());
    put_varint(bytes, 0);
    put_varint(bytes, values.size());
    for (const double value : values) {
      put_double(bytes, value);
      put_varint(bytes, 1);
    }
    ValueCounts counts;
    return restore(counts, bytes);
  };
  EXPECT_TRUE(comes_back(2, {1, 2}));
  EXPECT_FALSE(comes_back(2, {2, 1}));
  EXPECT_FALSE(comes_back(2, {1, 1}));
  EXPECT_FALSE(comes_back(2, {1, std::numeric_limits<double>::infinity()}));
  std::vector<double> many(kExactValues);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<double>(i);
  EXPECT_TRUE(comes_back(1, many));
  many.push_back(1e6);
  EXPECT_FALSE(comes_back(1, many));
}

TEST(ValueCounts, DamagedStateIsRefusedOrHarmless) {
  std::mt19937 random(5);
  ValueCounts few, many, exactly, texts;
  for (int i = 0; i < 100; ++i) few.add(static_cast<double>(i % 40));
  for (int i = 0; i < 1'000; ++i) many.add(static_cast<double>(random()) / 1e5);
  for (int i = 0; i < 2'000; ++i) exactly.add_exact(i);
  for (int i = 0; i < 50; ++i) texts.add_text(std::to_string(i * i));
  for (const ValueCounts* counts : {&few, &many, &exactly, &texts}) {
    const std::string good = saved(*counts);
    for (std::size_t size = 0; size < good.size(); size += 1 + good.size() / 200) {
      ValueCounts again;
      ASSERT_FALSE(restore(again, good.substr(0, size))) << size;
    }
    for (int i = 0; i < 500; ++i) {
      std::string bytes = good;
      for (unsigned flips = random() % 3 + 1; flips > 0; --flips)
        bytes[random() % (random() % 2 == 0 ? 16 : bytes.size())] = static_cast<char>(random());
      ValueCounts again;
      if (!restore(again, bytes)) continue;
      again.add(*counts);
      again.remove(*counts);
      for (int k = 0; k < 10; ++k) again.add(std::ldexp(1, static_cast<int>(random() % 2000) - 1000));
      EXPECT_LE(again.bytes(), 4 * kMostBuckets * 12 + kMostTextBytes + kMostValues * 128);
      again.quantile(0.5);
      again.mode();
      again.text_mode();
    }
  }
}

}  // namespace
}  // namespace weir::rules
