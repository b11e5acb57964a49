#include "model/series.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Series, KeepsQualitiesAsShortAsTheyAre) {
  Series good;
  good.append({1, 1.0, kGood});
  good.append({2, 2.0, kGood});
  EXPECT_THAT(good.qualities, IsEmpty());
  good.append({3, 3.0, kBad});
  EXPECT_THAT(good.qualities, ElementsAre(kGood.code, kGood.code, kBad.code));
  good.append({4, 4.0, kGood});
  EXPECT_EQ(good.quality(2), kBad);
  EXPECT_EQ(good.quality(3), kGood);

  Series bad;
  bad.append({1, true, kBadTimeout});
  bad.append({2, false, kBadTimeout});
  EXPECT_THAT(bad.qualities, ElementsAre(kBadTimeout.code));
  bad.append({3, true, kGood});
  EXPECT_THAT(bad.qualities, ElementsAre(kBadTimeout.code, kBadTimeout.code, kGood.code));
}

TEST(Series, GivesBackWhatWasAppended) {
  for (const Value& value :
       {Value(true), Value(std::int64_t{-7}), Value(2.5), Value(std::string("x")), Value(Bytes{"\0y"})}) {
    Series series;
    series.append({5, value, kUncertain});
    EXPECT_EQ(series.type(), type_of(value));
    EXPECT_EQ(series.reading(0), (Reading{5, value, kUncertain}));
  }
}

TEST(Value, TextReadsBack) {
  for (const Value& value : {Value(true), Value(std::numeric_limits<std::int64_t>::min()), Value(0.1), Value(-0.0),
                             Value(5e-324), Value(std::numeric_limits<double>::infinity()), Value(std::string("a b")),
                             Value(Bytes{std::string("\0\xFF", 2)})}) {
    const auto read = parse_value(to_text(value), type_of(value));
    ASSERT_TRUE(read) << to_text(value);
    EXPECT_EQ(*read, value);
  }
}

TEST(Value, RefusesWhatIsOfAnotherType) {
  EXPECT_FALSE(parse_value("yes", ValueType::boolean));
  EXPECT_FALSE(parse_value("1.5", ValueType::integer));
  EXPECT_FALSE(parse_value("", ValueType::integer));
  EXPECT_FALSE(parse_value("1,5", ValueType::real));
  EXPECT_FALSE(parse_value("abc", ValueType::bytes));
  EXPECT_EQ(parse_value("9223372036854775808", ValueType::integer).error().what,
            "'9223372036854775808' is too large for a whole number");
}

TEST(Value, TypesHaveNames) {
  for (const auto type :
       {ValueType::boolean, ValueType::integer, ValueType::real, ValueType::string, ValueType::bytes}) {
    ValueType read{};
    EXPECT_TRUE(parse_type(to_text(type), read));
    EXPECT_EQ(read, type);
  }
  ValueType unchanged = ValueType::real;
  EXPECT_FALSE(parse_type("float", unchanged));
}

TEST(Quality, IsGoodUncertainOrBad) {
  EXPECT_TRUE(kGood.good());
  EXPECT_TRUE(kUncertainOutOfRange.uncertain());
  EXPECT_TRUE(kBadTimeout.bad());
  EXPECT_TRUE(Quality{0xC0000000}.bad()) << "the reserved severity counts as bad";
  EXPECT_EQ(worst(kGood, kUncertain), kUncertain);
  EXPECT_EQ(worst(kBad, kUncertain), kBad);
  EXPECT_EQ(worst(kBadTimeout, kBadCommunication), kBadTimeout) << "the first of equals";
  EXPECT_EQ(to_text(kBadTimeout), "bad: timed out");
  EXPECT_EQ(to_text(Quality{0x800A0001}), "bad: timed out") << "info bits do not matter";
  EXPECT_EQ(to_text(Quality{0x80FF0000}), "bad: 0x80FF0000");
}

}  // namespace
}  // namespace weir::model
