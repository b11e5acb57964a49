#include "store/seal.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"

namespace weir::store {
namespace {

constexpr std::uint64_t kThrough = 3;

std::string hex(std::string_view text) {
  std::string out;
  EXPECT_TRUE(from_hex(text, out));
  return out;
}

Key key(char first = 0) {
  std::string bytes;
  for (char c = 0; c < 32; ++c) bytes += static_cast<char>(first + c);
  return Key(bytes);
}

std::string salt() { return hex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"); }

Seal sealed(std::uint64_t plain_through = kThrough) { return {key(), salt(), plain_through}; }

std::vector<Place> places() {
  return {{Role::commit, 7, 5, 1'763'726'400'000'000'000},
          {Role::raw, 7, 5, 1'763'726'400'000'000'000},
          {Role::output, std::uint64_t{1} << 56 | 9, 7, 0},
          {Role::snapshot, 7},
          {Role::kept, 0xdeadbeef}};
}

class SealTest : public testing::TestWithParam<bool> {
 protected:
  const Seal seal_ = GetParam() ? sealed() : Seal();
};

INSTANTIATE_TEST_SUITE_P(Both, SealTest, testing::Bool(),
                         [](const auto& both) { return both.param ? "WithKey" : "WithoutKey"; });

TEST_P(SealTest, GivesBackWhatItClosed) {
  const std::string contents[] = {"", "x", "some readings", std::string(100'000, '\0')};
  for (const Place& place : places())
    for (const std::string& content : contents) {
      const auto opened = seal_.open(place, seal_.close(place, content));
      ASSERT_TRUE(opened) << static_cast<int>(place.role);
      EXPECT_TRUE(*opened == content) << static_cast<int>(place.role);
    }
}

TEST_P(SealTest, AnotherPlaceFails) {
  for (const Place& place : places()) {
    const std::string closed = seal_.close(place, "some readings");
    for (Place other : places()) {
      if (other.role == place.role) ++other.id;
      EXPECT_FALSE(seal_.open(other, closed))
          << static_cast<int>(place.role) << " as " << static_cast<int>(other.role);
    }
    for (std::uint64_t Place::* column : {&Place::id, &Place::first, &Place::second}) {
      Place other = place;
      other.*column += 1;
      EXPECT_FALSE(seal_.open(other, closed)) << static_cast<int>(place.role);
    }
  }
}

TEST_P(SealTest, EachFlippedBitAndEachMissingByteFails) {
  for (const Place& place : places()) {
    const std::string closed = seal_.close(place, "readings");
    for (std::size_t bit = 0; bit < closed.size() * 8; ++bit) {
      std::string changed = closed;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
      EXPECT_FALSE(seal_.open(place, changed)) << static_cast<int>(place.role) << ", bit " << bit;
    }
    for (std::size_t size = 0; size < closed.size(); ++size) EXPECT_FALSE(seal_.open(place, closed.substr(0, size)));
    EXPECT_FALSE(seal_.open(place, closed + '\0'));
  }
}

// Made with the Python package cryptography from docs/formats.md alone: what is stored is opened for good.
TEST(SealFormatTest, IsWhatTheDocumentSays) {
  const Seal seal = sealed();
  EXPECT_EQ(seal.open({Role::raw, 7, 5, 1'763'726'400'000'000'000},
                      hex("101112131415161718191a1b3c644030e7ed4b7def0b0041273dd261c6cc4d4d34c0e7c6")),
            "readings");
  EXPECT_EQ(seal.open({Role::snapshot, 9}, hex("101112131415161718191a1b3d754020ebbc3f1fda20f3cbec94bbb170e8587138a0"
                                               "a1a2a3a4a5a6a7a8a9aaabacadaeaf0300000000000000")),
            "state");
  const auto fits =
      Seal::fit(key(), salt(), hex("101112131415161718191a1b4d0121548e832c0eb9c3cbe61c9776f49b6241e9193ac1ce"));
  ASSERT_TRUE(fits);
  EXPECT_EQ(fits->plain_through(), 3U);
}

TEST(SealFormatTest, CostsTwentyEightBytesAndHidesTheRest) {
  const Seal seal = sealed();
  for (const Place& place : places()) {
    const std::string text = "temperature of boiler 1";
    const std::string closed = seal.close(place, text), again = seal.close(place, text);
    EXPECT_EQ(closed.size(), text.size() + 28 + (place.role == Role::snapshot ? 24 : 0));
    EXPECT_EQ(closed.find("temper"), std::string::npos);
    EXPECT_NE(closed.substr(0, 12), again.substr(0, 12)) << "a nonce twice";
    EXPECT_NE(closed.substr(12, text.size()), again.substr(12, text.size()));
  }
}

TEST(SealKeyTest, AnotherKeyOrAnotherSaltOpensNothing) {
  const Seal seal = sealed();
  const Seal others[] = {{key(1), salt(), kThrough}, {key(), salt().replace(0, 1, "b"), kThrough}};
  for (const Seal& other : others)
    for (const Place& place : places()) EXPECT_FALSE(other.open(place, seal.close(place, "readings")));
}

TEST(SealKeyTest, OnlyTheRightKeyFits) {
  const Seal seal = sealed();
  const std::string check = seal.check(), snapshot = seal.close({Role::snapshot, 12}, "state");
  ASSERT_TRUE(Seal::fit(key(), salt(), check));
  EXPECT_EQ(Seal::fit(key(), salt(), check)->plain_through(), kThrough);
  EXPECT_FALSE(Seal::fit(key(1), salt(), check));
  EXPECT_FALSE(Seal::fit(key(), salt(), check.substr(1)));
  EXPECT_FALSE(Seal::fit(key(), salt(), ""));

  const auto from_snapshot = Seal::fit_snapshot(key(), 12, snapshot);
  ASSERT_TRUE(from_snapshot);
  EXPECT_EQ(from_snapshot->plain_through(), kThrough);
  EXPECT_EQ(from_snapshot->open(places()[1], seal.close(places()[1], "readings")), "readings");
  EXPECT_FALSE(Seal::fit_snapshot(key(1), 12, snapshot));
  EXPECT_FALSE(Seal::fit_snapshot(key(), 13, snapshot));
  EXPECT_FALSE(Seal::fit_snapshot(key(), 12, "short"));
  std::string more_plain = snapshot;
  more_plain[more_plain.size() - 8] = 4;
  EXPECT_FALSE(Seal::fit_snapshot(key(), 12, more_plain));
}

TEST(SealKeyTest, AChecksumIsEnoughForRowsOfBeforeTheKeyOnly) {
  const Seal plain, seal = sealed();
  for (const Place& old : {Place{Role::commit, kThrough, 9, 9}, Place{Role::raw, kThrough, 9, 9},
                           Place{Role::output, 99, kThrough}, Place{Role::snapshot, kThrough}}) {
    std::string closed = plain.close(old, "readings");
    EXPECT_EQ(seal.open(old, closed), "readings") << static_cast<int>(old.role);
    EXPECT_EQ(seal.open(old, seal.close(old, "readings")), "readings") << static_cast<int>(old.role);
    closed[0] ^= 1;
    EXPECT_FALSE(seal.open(old, closed)) << static_cast<int>(old.role);
  }
  for (const Place& later :
       {Place{Role::commit, kThrough + 1}, Place{Role::raw, kThrough + 1}, Place{Role::output, 1, kThrough + 1},
        Place{Role::snapshot, kThrough + 1}, Place{Role::kept, 1}})
    EXPECT_FALSE(seal.open(later, plain.close(later, "readings"))) << static_cast<int>(later.role);
}

}  // namespace
}  // namespace weir::store
