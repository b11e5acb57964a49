#include "rule_test/notation.h"

#include <cmath>
#include <random>

#include <gmock/gmock.h>

namespace weir::rule_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The samples one by one: "91", "_", "bad", "'on'", "60~".
std::vector<std::string> samples(std::string_view text) {
  std::vector<Item> items;
  Fault fault;
  if (!parse_notation(text, items, fault)) return {fault.message};
  std::vector<std::string> out;
  for (Item& item : items)
    for (std::size_t i = 0, count = std::exchange(item.count, 1); i < count; ++i) {
      Item one = item;
      one.number += one.step * static_cast<double>(i);
      one.step = 0;
      out.push_back(print({one}));
    }
  return out;
}

struct Refused {
  std::string what;
  std::size_t offset = 0, length = 0;
};

Refused refused(std::string_view text) {
  std::vector<Item> items;
  Fault fault;
  if (parse_notation(text, items, fault)) return {"taken"};
  return {fault.message + " (" + fault.hint + ")", fault.offset, fault.length};
}

TEST(Notation, IsThatOfPromtool) {
  EXPECT_THAT(samples("80 85  91.5\t-3 1e3"), ElementsAre("80", "85", "91.5", "-3", "1000"));
  EXPECT_THAT(samples("1+1x3"), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(samples("10-5x3 7"), ElementsAre("10", "5", "0", "-5", "7"));
  EXPECT_THAT(samples("-2+4x3"), ElementsAre("-2", "2", "6", "10"));
  EXPECT_THAT(samples("1x4"), ElementsAre("1", "1", "1", "1", "1"));
  EXPECT_THAT(samples("0x1 0+0.5x2"), ElementsAre("0", "0", "0", "0.5", "1"));
  EXPECT_THAT(samples("1 _x3 2 _"), ElementsAre("1", "_", "_", "_", "2", "_"));
  EXPECT_THAT(samples("1e2-1e1x1"), ElementsAre("100", "90"));
  EXPECT_THAT(samples("1x0"), ElementsAre("1"));
  EXPECT_EQ(samples("20+1x80").size(), 81u);
}

TEST(Notation, TakesStepsFromTheFirstValueSoThatNothingAddsUp) {
  std::vector<Item> items;
  Fault fault;
  ASSERT_TRUE(parse_notation("0+0.1x100", items, fault));
  EXPECT_EQ(items[0].number + items[0].step * 10, 1.0);
}

TEST(Notation, KnowsQualities) {
  EXPECT_THAT(samples("60~ 61!uncertain 62!bad 63!good"), ElementsAre("60~", "61~", "62!bad", "63"));
  EXPECT_THAT(samples("60+1x2~"), ElementsAre("60~", "61~", "62~"));
  EXPECT_THAT(samples("bad badx1"), ElementsAre("bad", "bad", "bad"));
}

TEST(Notation, KnowsTextsAndTruth) {
  EXPECT_THAT(samples("true falsex1 true~"), ElementsAre("true", "false", "false", "true~"));
  EXPECT_THAT(samples(R"("auto" 'hand on'x1 'it\'s' "a\"b\\"~)"),
              ElementsAre("'auto'", "'hand on'", "'hand on'", "'it\\'s'", "'a\"b\\\\'~"));
}

TEST(Notation, KnowsWhatIsNoNumber) {
  EXPECT_THAT(samples("NaN Inf -Infx1"), ElementsAre("NaN", "Inf", "-Inf", "-Inf"));
}

TEST(Notation, SaysWhatIsWrongAndWhere) {
  const auto at = [](std::string_view text, std::size_t offset, std::size_t length, const std::string& what) {
    const Refused found = refused(text);
    EXPECT_THAT(found.what, HasSubstr(what)) << text;
    EXPECT_EQ(found.offset, offset) << text;
    EXPECT_EQ(found.length, length) << text;
  };
  at("80 hot 90", 3, 3, "'hot' is no value");
  at("", 0, 1, "a series without values");
  at("  ", 0, 1, "a series without values");
  at("80 91+1", 3, 4, "'91+1' does not say how many times");
  at("80 91+x6", 5, 1, "no number behind the sign");
  at("91+-1x6", 2, 1, "no number behind the sign");
  at("1x", 1, 1, "no number behind the x");
  at("1xx2", 1, 1, "no number behind the x");
  at("_x0", 1, 2, "nothing, no times");
  at("1x9999999", 2, 7, "more than 1000000 samples");
  at("1x99999999999999999999999", 2, 23, "more than 1000000 samples");
  at("1x600000 1x600000", 9, 8, "more than 1000000 samples");
  at("60!fine", 2, 5, "no such mark");
  at("60~x3", 2, 1, "the mark comes last");
  at("_~", 1, 1, "a mark on what has no value");
  at("bad!uncertain", 3, 10, "a mark on what has no value");
  at("1 'on", 2, 1, "this quote is never closed");
  at("80,85", 0, 5, "'80,85' is not understood");
  at("'a'+1x3", 0, 7, "is not understood");
  at("stale", 0, 5, "has no meaning here");
  at("Infinity", 0, 8, "is no value");
  at("+", 0, 1, "is no value");
  at("1e999", 0, 5, "is no value");
  at("'" + std::string(2000, 'x') + "'", 0, 2002, "a text of more than 1024 bytes");
}

bool alike(const Item& a, const Item& b) {
  const auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  return a.kind == b.kind && same(a.number, b.number) && same(a.step, b.step) && a.truth == b.truth &&
         a.text == b.text && a.quality == b.quality && a.count == b.count;
}

TEST(Notation, ReadsBackWhatItPrints) {
  std::mt19937_64 random(42);
  const auto pick = [&](std::size_t n) { return random() % n; };
  for (int round = 0; round < 2'000; ++round) {
    std::vector<Item> items(1 + pick(5));
    for (Item& item : items) {
      item.kind = static_cast<Item::Kind>(pick(5));
      item.count = 1 + pick(4) * pick(30);
      const bool has_value = item.kind != Item::Kind::gap && item.kind != Item::Kind::unknown;
      if (item.kind == Item::Kind::number) {
        item.number =
            std::ldexp(static_cast<double>(static_cast<std::int64_t>(random())), static_cast<int>(pick(200)) - 100);
        if (pick(3) == 0) item.step = static_cast<double>(static_cast<int>(pick(2'000)) - 1'000) / 7;
      }
      if (item.kind == Item::Kind::truth) item.truth = pick(2) == 0;
      if (item.kind == Item::Kind::text)
        for (std::size_t i = 0; i < pick(9); ++i) item.text += "ab '\"\\x~_!\xC3"[pick(11)];
      if (has_value && pick(3) == 0) item.quality = pick(2) == 0 ? model::kUncertain : model::kBad;
      if (item.kind == Item::Kind::unknown) item.quality = model::kBad;
    }
    const std::string text = print(items);
    std::vector<Item> again;
    Fault fault;
    ASSERT_TRUE(parse_notation(text, again, fault)) << text << ": " << fault.message;
    ASSERT_EQ(again.size(), items.size()) << text;
    for (std::size_t i = 0; i < items.size(); ++i) ASSERT_TRUE(alike(items[i], again[i])) << text;
    ASSERT_EQ(print(again), text);
  }
}

}  // namespace
}  // namespace weir::rule_test
