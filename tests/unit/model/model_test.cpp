#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/path.h"
#include "model/quality.h"
#include "model/series.h"
#include "model/signal_table.h"
#include "model/value.h"

namespace weir::model {
namespace {

TEST(Path, NamesAndPaths) {
  EXPECT_TRUE(check_path("boiler-1/temperature"));
  EXPECT_TRUE(check_path("plant/boiler 1/température"));
  for (const char* wrong : {"", "boiler", "boiler/", "/t", "a//b", "a/+", "a/#", "a/{n}", "a/b\n"})
    EXPECT_FALSE(check_path(wrong)) << wrong;
  EXPECT_FALSE(check_path("a/" + std::string(129, 'x')));
  EXPECT_EQ(device_of("boiler-1/temperature"), "boiler-1");
}

TEST(Pattern, ACaptureTakesALevelOrAPartOfOne) {
  const auto pattern = PathPattern::parse("pump-{n}/{signal}");
  ASSERT_TRUE(pattern);
  EXPECT_EQ(pattern->captures(), (std::vector<std::string>{"n", "signal"}));
  EXPECT_EQ(pattern->match("pump-12/vibration"), (std::vector<std::string>{"12", "vibration"}));
  EXPECT_FALSE(pattern->match("pump-/vibration"));
  EXPECT_FALSE(pattern->match("pump-1"));
  EXPECT_FALSE(pattern->match("pump-1/a/b"));
  EXPECT_FALSE(pattern->match("xpump-1/a"));
  EXPECT_EQ(pattern->fill({"7", "suction"}), "pump-7/suction");
  const auto around = PathPattern::parse("a-{x}-z/t");
  ASSERT_TRUE(around);
  EXPECT_FALSE(around->match("a--z/t"));
  EXPECT_FALSE(around->match("a-z/t"));  // before and after do not share a character
  EXPECT_TRUE(around->match("a-1-z/t"));
  const auto literal = PathPattern::parse("tank/level");
  EXPECT_TRUE(literal->is_literal());
  EXPECT_TRUE(literal->match("tank/level"));
}

TEST(Pattern, WhatIsNoneIsAnError) {
  for (const char* wrong : {"", "tank", "a/{n", "a/{n}{m}", "{n}/{n}", "a/{n m}", "a/+", "#/b", "a//b", "a/}n{"})
    EXPECT_FALSE(PathPattern::parse(wrong)) << wrong;
  EXPECT_TRUE(PathPattern::parse("{}/{}"));  // without names: they group
}

TEST(QualityTest, TheTopTwoBitsDecide) {
  EXPECT_TRUE(kGood.good());
  EXPECT_TRUE(kUncertain.uncertain());
  EXPECT_TRUE(kBadTimeout.bad());
  EXPECT_TRUE(Quality{0xC0000000}.bad());
  EXPECT_EQ(worst(kGood, kBadTimeout), kBadTimeout);
  EXPECT_EQ(worst(kBadTimeout, kUncertain), kBadTimeout);
  EXPECT_EQ(worst(kUncertainLastUsable, kUncertain), kUncertainLastUsable);
  EXPECT_EQ(to_text(kBadTimeout), "bad: timed out");
  EXPECT_EQ(to_text(Quality{0x800A0400}), "bad: timed out");  // info bits do not matter
  EXPECT_EQ(to_text(Quality{0x80FF0000}), "bad: 0x80FF0000");
}

TEST(ValueTest, TextAndBack) {
  const Value values[] = {true, std::int64_t{-42}, 3.25, std::string("on"), Bytes{"\x01\xff"}};
  for (const Value& value : values) {
    const auto back = parse_value(to_text(value), type_of(value));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(*back, value);
  }
  EXPECT_EQ(to_text(Value(0.1)), "0.1");
  EXPECT_EQ(to_text(Value(std::nan(""))), "nan");
  EXPECT_FALSE(parse_value("yes", ValueType::boolean));
  EXPECT_FALSE(parse_value("", ValueType::integer));
  EXPECT_FALSE(parse_value("1x", ValueType::integer));
  EXPECT_FALSE(parse_value("99999999999999999999", ValueType::integer));
  EXPECT_FALSE(parse_value("abc", ValueType::bytes));
  for (const ValueType type :
       {ValueType::boolean, ValueType::integer, ValueType::real, ValueType::string, ValueType::bytes}) {
    ValueType back{};
    EXPECT_TRUE(parse_type(to_text(type), back));
    EXPECT_EQ(back, type);
  }
}

TEST(SeriesTest, AppendKeepsQualitiesShort) {
  Series series;
  series.append({1, 1.0, kGood});
  series.append({2, 2.0, kGood});
  EXPECT_TRUE(series.qualities.empty());
  series.append({3, 3.0, kBadTimeout});
  EXPECT_EQ(series.qualities.size(), 3U);
  EXPECT_EQ(series.quality(0), kGood);
  EXPECT_EQ(series.quality(2), kBadTimeout);
  EXPECT_EQ(series.reading(2), (Reading{3, 3.0, kBadTimeout}));

  Series bad;
  bad.append({1, true, kBadTimeout});
  bad.append({2, false, kBadTimeout});
  EXPECT_EQ(bad.qualities.size(), 1U);
  bad.append({3, true, kGood});
  EXPECT_EQ(bad.quality(1), kBadTimeout);
  EXPECT_EQ(bad.quality(2), kGood);
  EXPECT_EQ(bad.value(1), Value(false));
}

TEST(SignalTableTest, IdsAreDenseAndStay) {
  SignalTable table;
  EXPECT_EQ(*table.define({"a/x", ValueType::real, {}, {}, false, {}}, "plc"), 1U);
  EXPECT_EQ(*table.define({"a/y", ValueType::real, {}, {}, false, {}}, "plc"), 2U);
  EXPECT_EQ(*table.define({"a/x", ValueType::integer, "bar", {}, true, {}}, "plc"), 1U);
  EXPECT_EQ(table.at(1).signal.unit, "bar");
  EXPECT_EQ(table.find("a/y"), 2U);
  EXPECT_EQ(table.find("a/z"), 0U);
  EXPECT_TRUE(table.knows({"a/x", ValueType::integer, "bar", {}, true, {}}, "plc"));
  EXPECT_FALSE(table.knows({"a/x", ValueType::integer, "bar", {}, true, {}}, "host"));
}

TEST(SignalTableTest, PathsAreUniqueIgnoringCaseAndHaveOneOwner) {
  SignalTable table;
  ASSERT_TRUE(table.define({"Boiler/T", ValueType::real, {}, {}, false, {}}, "plc"));
  EXPECT_FALSE(table.define({"boiler/t", ValueType::real, {}, {}, false, {}}, "plc"));
  EXPECT_FALSE(table.define({"BOILER/T", ValueType::real, {}, {}, false, {}}, "plc"));
  ASSERT_TRUE(table.define({"tank/l", ValueType::real, {}, {}, false, {}}, "plc"));
  EXPECT_FALSE(table.define({"Tank/L", ValueType::real, {}, {}, false, {}}, "plc"));
  const auto foreign = table.define({"tank/l", ValueType::real, {}, {}, false, {}}, "host");
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().what, testing::HasSubstr("driver plc"));
  EXPECT_EQ(*table.define({"tank/l", ValueType::real, {}, {}, false, {}}, "host", true), 2U);
  EXPECT_EQ(table.at(2).driver, "host");
  EXPECT_EQ(table.size(), 2U);
}

}  // namespace
}  // namespace weir::model
