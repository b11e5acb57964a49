#include "codec/codec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/bytes.h"
#include "samples.h"

namespace weir::codec {
namespace {

using samples::Generator;
using samples::identical;

std::string encoded(const std::vector<model::Series>& series) {
  std::string out;
  encode(series, out);
  return out;
}

template <class T>
model::Series series_of(std::vector<T> values, model::SignalId signal = 1) {
  model::Series out;
  out.signal = signal;
  for (std::size_t i = 0; i < values.size(); ++i)
    out.times.push_back(1'763'683'200'000'000'000 + static_cast<Timestamp>(i) * kSecond);
  out.values = std::move(values);
  return out;
}

void expect_round_trip(const std::vector<model::Series>& series) {
  const std::string block = encoded(series);
  const auto decoded = decode(block);
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_TRUE(identical(*decoded, series)) << to_hex(block).substr(0, 400);
}

TEST(Codec, RoundTripsAnything) {
  Generator random(1);
  for (int round = 0; round < 1500 && !HasFailure(); ++round)
    expect_round_trip(random.block(round % 16 == 0 ? 300 : 5, round % 3 == 0 ? 400 : 4));
}

TEST(Codec, RoundTripsEveryKindOfDouble) {
  Generator random(2);
  std::vector<double> values;
  for (int i = 0; i < 20'000; ++i) values.push_back(random.nasty_double());
  expect_round_trip({series_of(values)});
  for (int exponent = 0; exponent < 2048; ++exponent)
    values.push_back(std::bit_cast<double>(static_cast<std::uint64_t>(exponent) << 52 | random.any() >> 12));
  expect_round_trip({series_of(values)});
  for (int i = 0; i < 300; ++i) expect_round_trip({series_of<double>({random.nasty_double()})});
}

TEST(Codec, RoundTripsExtremeTimesAndIntegers) {
  const std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                     most = std::numeric_limits<std::int64_t>::max();
  model::Series series = series_of<std::int64_t>({least, most, 0, -1, least, most, most, least});
  series.times = {most, least, least, most, 0, 1, -1, least};
  expect_round_trip({series});
  expect_round_trip({series_of<std::int64_t>({least, least + 1, least + 2})});
  expect_round_trip({series_of<std::int64_t>({least, 0, most})});
}

TEST(Codec, KeepsHowQualitiesAreGiven) {
  model::Series none = series_of<std::int64_t>({1, 2, 3}), one = none, each = none;
  one.qualities = {0};
  each.qualities = {0, 0, 0};
  expect_round_trip({none, one, each, series_of<double>({}), none});
}

TEST(Codec, IsAFunctionOfItsInput) {
  Generator random(3);
  const std::vector<model::Series> first = random.block(20, 100), other = random.block(20, 100);
  const std::string once = encoded(first);
  encoded(other);
  EXPECT_EQ(encoded(first), once);
  EXPECT_EQ(encoded(*decode(once)), once);
}

TEST(Codec, AppendsToWhatIsThere) {
  std::string out = "before";
  encode(std::vector{series_of<std::int64_t>({1, 2})}, out);
  EXPECT_EQ(out.substr(0, 6), "before");
  EXPECT_TRUE(decode(std::string_view(out).substr(6)));
}

TEST(Codec, RegularTimesAndDecimalsTakeNextToNothing) {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(21.5 + 0.1 * (i % 2));
  EXPECT_LT(encoded({series_of(values)}).size(), 80u);
  EXPECT_LT(encoded({series_of(std::vector<double>(1000, 45.0))}).size(), 40u);
}

TEST(Codec, WhatArithmeticLeavesOfADecimalStaysSmall) {
  Generator random(4);
  std::vector<double> clean, noisy;
  for (int i = 0; i < 1000; ++i) {
    clean.push_back(static_cast<double>(random.below(10'000)) / 100);
    noisy.push_back(std::nextafter(clean.back(), random.one_in(2) ? 200.0 : 0.0));
  }
  EXPECT_LT(encoded({series_of(clean)}).size(), 2'000u);
  EXPECT_LT(encoded({series_of(noisy)}).size(), 2'300u);
}

TEST(Codec, ACommitOfManySignalsIsSmall) {
  Generator random(5);
  std::vector<model::Series> commit;
  for (model::SignalId id = 1; id <= 200; ++id) {
    model::Series one = id % 5 == 0
                            ? series_of(std::vector<std::uint8_t>{1}, id)
                            : series_of(std::vector<double>{static_cast<double>(random.below(50'000)) / 100}, id);
    one.times.front() += static_cast<Timestamp>(random.below(1000)) * kMillisecond;
    commit.push_back(one);
  }
  expect_round_trip(commit);
  EXPECT_LT(encoded(commit).size(), 200u * 6);
}

TEST(Codec, NeverCrashesOnADamagedBlock) {
  Generator random(6);
  for (int round = 0; round < 8; ++round) {
    const std::string block = encoded(random.block(6, round % 2 == 0 ? 60 : 4));
    for (std::size_t size = 0; size < block.size(); ++size)
      EXPECT_FALSE(decode(std::string_view(block).substr(0, size)));
    EXPECT_FALSE(decode(block + '\0'));
    for (std::size_t bit = 0; bit < block.size() * 8; ++bit) {
      std::string damaged = block;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      if (const auto decoded = decode(damaged, {.bytes = 1 << 16, .readings = 10'000, .series = 1'000})) {
        for (const model::Series& one : *decoded)
          EXPECT_EQ(std::visit([](const auto& column) { return column.size(); }, one.values), one.size());
        EXPECT_TRUE(identical(*decode(encoded(*decoded)), *decoded));
      } else {
        EXPECT_FALSE(decoded.error().what.empty());
      }
    }
  }
}

TEST(Codec, RefusesMoreThanItsLimits) {
  const model::Series constant = series_of(std::vector<std::int64_t>(5'000, 7));
  const std::string block = encoded({constant, constant, constant});
  EXPECT_TRUE(decode(block, {.readings = 15'000}));
  EXPECT_FALSE(decode(block, {.readings = 14'999}));
  EXPECT_TRUE(decode(block, {.series = 3}));
  EXPECT_FALSE(decode(block, {.series = 2}));
  EXPECT_FALSE(decode(block, {.bytes = block.size() - 1}));
}

TEST(Codec, RefusesADictionaryThatMakesTooMuchOfLittle) {
  const std::string block = encoded({series_of(std::vector<std::string>(1'000, std::string(10'000, 'x')))});
  EXPECT_LT(block.size(), 1'000u);
  EXPECT_FALSE(decode(block, {.bytes = 9'999'999}));
  EXPECT_TRUE(decode(block, {.bytes = 10'000'000}));
}

TEST(Codec, RefusesAFrameThatClaimsTooMuch) {
  std::string block;
  ASSERT_TRUE(from_hex("01010d28b52ffde0ffffffffffffff00", block));  // a content size of 2^56 bytes
  const auto decoded = decode(block);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().what.find("larger than allowed"), std::string::npos) << decoded.error().what;
  ASSERT_TRUE(from_hex("0101", block));
  EXPECT_FALSE(decode(block));
}

// Blocks that were written once must be readable for ever.
std::vector<model::Series> golden(int which) {
  if (which == 0) {  // the example of docs/formats.md
    model::Series a = series_of(std::vector<double>{21.5, 21.7, 0.1 + 0.2}, 7),
                  b = series_of(std::vector<std::uint8_t>{1}, 9);
    b.times = {1'763'683'202'500'000'000};
    b.qualities = {0x40000000};
    return {a, b};
  }
  std::vector<model::Series> out;
  for (model::SignalId id = 1; id <= 6; ++id) {  // every kind, long enough for zstd
    std::vector<double> decimals, reals;
    std::vector<std::int64_t> integers;
    std::vector<std::string> strings;
    std::vector<model::Bytes> bytes;
    std::vector<std::uint8_t> bools;
    for (int i = 0; i < 40; ++i) {
      decimals.push_back((i * i % 37) / 10.0);
      reals.push_back(std::sqrt(i + 0.5));
      integers.push_back(std::int64_t{i} * i * i - 7);
      strings.push_back(i % 3 == 0 ? "open" : "closed");
      bytes.push_back({std::string(static_cast<std::size_t>(i % 4), '\0')});
      bools.push_back(i % 7 == 0);
    }
    model::Series one = id == 1   ? series_of(bools, id)
                        : id == 2 ? series_of(integers, id)
                        : id == 3 ? series_of(decimals, id)
                        : id == 4 ? series_of(reals, id)
                        : id == 5 ? series_of(strings, id)
                                  : series_of(bytes, id);
    if (id == 4)
      for (std::size_t i = 0; i < one.size(); ++i) one.qualities.push_back(i < 30 ? 0 : 0x80050000);
    if (id == 5)
      for (std::size_t i = 0; i < one.size(); ++i) one.times[i] += static_cast<Timestamp>(i % 5) * kMillisecond;
    out.push_back(one);
  }
  return out;
}

TEST(Codec, ReadsBlocksOfEarlierReleases) {
  constexpr std::string_view kBlocks[] = {
      "01004002010002010e04010603010002010080808080080002020180809885d5a1eef93080a8d6b9070002020602151500020001000001"
      "00"
      "0080e4afd5e7a1eef930016a01",
      "0101f30128b52ffd60a1004d0700120d2f32606dd218908700a0f7c76040659802dcb0c49b322d91925e237e6c9346747a611c04"
      "efc1eb7cad693782b6df5787492b650aff8fdf0511bf2d79118d3448171618a30c5262ee1b3123f027ecd03192b9baabbbaa9a49"
      "75555537b3abfa2d60a7e3f154555555966559d6e7735d1708140a45484c5054883ece470a4909c74a223c3d63992c3333f13bf1"
      "e9c0a08080a228c6369b6935f80de46294f3b0112072526a0c2a2821261e20addd0a0da7add4da877f3f8e10231e7e0001120076"
      "f2105adda72b0b6aa0a9d178e60c0810cc1ba03501d1dc5d9bc6ca1c04180ac68162e064b0801920604401c304c4a134c06024cc"
      "232820168e08e5a2e900068604e3218b2baeb8e24a71c515575c81a52e3743f11710d683545dda413611a1fca4e32964950c70b6"
      "b574a5a003c862bf2ee0e1fdb750fb9cc9910ee8ebff30c1bd63e2043ae45a71598ab37aac42923f24e01668ac43ae1a2853ae3e"
      "44c1df33de4bde16c06bbb7cff7ac26fd2ca808dd39158aa45d887e69eb5e987f84a491beaa2fb31a9393a0ca04ca1664efff6cc"
      "80d543312561983b67b3c85297b85dd12faab94819d9bbf30edfd4e8d99e1fa0e9c05f28c67619f226d6706d2302ce74a3fa4b2b"
      "e15029be9066fbe507604a449b7ad9e13022271d",
  };
  for (int i = 0; const std::string_view hex : kBlocks) {
    std::string block;
    ASSERT_TRUE(from_hex(hex, block));
    const auto decoded = decode(block);
    ASSERT_TRUE(decoded) << decoded.error().text();
    EXPECT_TRUE(identical(*decoded, golden(i++)));
  }
}

TEST(Codec, SaysThatABlockIsNewer) {
  std::string block = encoded({});
  block[0] = 2;
  const auto decoded = decode(block);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().what.find("version 2"), std::string::npos);
}

}  // namespace
}  // namespace weir::codec
