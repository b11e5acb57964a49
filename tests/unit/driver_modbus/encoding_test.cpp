#include "driver_modbus/encoding.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

namespace weir::modbus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::uint16_t>;

Format format(Type type, WordOrder order = WordOrder::abcd) {
  Format out;
  out.type = type;
  out.order = order;
  return out;
}

Format scaled(Type type, double scale, double offset = 0) {
  Format out = format(type);
  out.scaling = Scaling{scale, offset};
  return out;
}

Format string_of(int length, WordOrder order = WordOrder::abcd) {
  Format out = format(Type::string, order);
  out.length = length;
  return out;
}

// The bytes of a value, A first, and how they stand on the wire in each order: written out by hand.
struct Case {
  Type type;
  model::Value value;
  Words abcd, cdab, badc, dcba;
};

class EveryTypeAndOrder : public testing::TestWithParam<Case> {};

TEST_P(EveryTypeAndOrder, IsReadAsItStandsOnTheWireAndWrittenTheSame) {
  const Case& c = GetParam();
  for (const auto& [order, words] : {std::pair{WordOrder::abcd, c.abcd},
                                     {WordOrder::cdab, c.cdab},
                                     {WordOrder::badc, c.badc},
                                     {WordOrder::dcba, c.dcba}}) {
    const Decoded decoded = decode(format(c.type, order), words);
    EXPECT_EQ(decoded.value, c.value) << to_text(c.type) << " " << static_cast<int>(order);
    EXPECT_EQ(decoded.quality, model::kGood);
    const auto encoded = encode(format(c.type, order), c.value);
    ASSERT_TRUE(encoded) << encoded.error().text();
    EXPECT_EQ(*encoded, words) << to_text(c.type) << " " << static_cast<int>(order);
  }
}

INSTANTIATE_TEST_SUITE_P(Encoding, EveryTypeAndOrder,
                         testing::Values(
                             // -2 is FFFE; 0x1234 is 4660
                             Case{Type::int16, std::int64_t{-2}, {0xFFFE}, {0xFFFE}, {0xFEFF}, {0xFEFF}},
                             Case{Type::uint16, std::int64_t{4660}, {0x1234}, {0x1234}, {0x3412}, {0x3412}},
                             // -305419896 = -0x12345678 is EDCBA988
                             Case{Type::int32,
                                  std::int64_t{-305419896},
                                  {0xEDCB, 0xA988},
                                  {0xA988, 0xEDCB},
                                  {0xCBED, 0x88A9},
                                  {0x88A9, 0xCBED}},
                             Case{Type::uint32,
                                  std::int64_t{0xDEADBEEF},
                                  {0xDEAD, 0xBEEF},
                                  {0xBEEF, 0xDEAD},
                                  {0xADDE, 0xEFBE},
                                  {0xEFBE, 0xADDE}},
                             Case{Type::int64,
                                  std::int64_t{-2},
                                  {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE},
                                  {0xFFFE, 0xFFFF, 0xFFFF, 0xFFFF},
                                  {0xFFFF, 0xFFFF, 0xFFFF, 0xFEFF},
                                  {0xFEFF, 0xFFFF, 0xFFFF, 0xFFFF}},
                             Case{Type::uint64,
                                  std::int64_t{0x0102030405060708},
                                  {0x0102, 0x0304, 0x0506, 0x0708},
                                  {0x0708, 0x0506, 0x0304, 0x0102},
                                  {0x0201, 0x0403, 0x0605, 0x0807},
                                  {0x0807, 0x0605, 0x0403, 0x0201}},
                             // 123.456 as a float is 42F6E979
                             Case{Type::float32,
                                  static_cast<double>(123.456F),
                                  {0x42F6, 0xE979},
                                  {0xE979, 0x42F6},
                                  {0xF642, 0x79E9},
                                  {0x79E9, 0xF642}},
                             // pi is 4009 21FB 5444 2D18
                             Case{Type::float64,
                                  3.141592653589793,
                                  {0x4009, 0x21FB, 0x5444, 0x2D18},
                                  {0x2D18, 0x5444, 0x21FB, 0x4009},
                                  {0x0940, 0xFB21, 0x4454, 0x182D},
                                  {0x182D, 0x4454, 0xFB21, 0x0940}}));

TEST(Encoding, OneBitOfARegisterIsReadAndTheOthersAreKeptWhenItIsWritten) {
  Format bit = format(Type::bit);
  bit.bit = 3;
  EXPECT_EQ(decode(bit, Words{0x0008}).value, model::Value{true});
  EXPECT_EQ(decode(bit, Words{0xFFF7}).value, model::Value{false});
  EXPECT_EQ(encode(bit, true, Words{0xA000}).value(), Words{0xA008});
  EXPECT_EQ(encode(bit, false, Words{0xFFFF}).value(), Words{0xFFF7});
  bit.order = WordOrder::badc;  // the lowest bits stand in the first byte
  EXPECT_EQ(decode(bit, Words{0x0800}).value, model::Value{true});
  EXPECT_EQ(encode(bit, true, Words{0x00A0}).value(), Words{0x08A0});
}

TEST(Encoding, StringsEndAtTheFirstNulAndLoseTrailingBlanks) {
  EXPECT_EQ(decode(string_of(6), Words{0x4142, 0x4344, 0x2020}).value, model::Value{std::string("ABCD")});
  EXPECT_EQ(decode(string_of(6), Words{0x4100, 0x4344, 0x4546}).value, model::Value{std::string("A")});
  EXPECT_EQ(decode(string_of(3), Words{0x4142, 0x4344}).value, model::Value{std::string("ABC")});
  EXPECT_EQ(decode(string_of(4, WordOrder::badc), Words{0x4241, 0x4443}).value, model::Value{std::string("ABCD")});
  EXPECT_EQ(encode(string_of(4, WordOrder::badc), std::string("ABC")).value(), (Words{0x4241, 0x0043}));
  EXPECT_EQ(registers(string_of(5)), 3);
}

TEST(Encoding, StringsAreUtf8OrElseLatin1) {
  EXPECT_EQ(decode(string_of(4), Words{0xC3A4, 0x0000}).value, model::Value{std::string("\xC3\xA4")});
  EXPECT_EQ(decode(string_of(4), Words{0x6DB2, 0x0000}).value, model::Value{std::string("m\xC2\xB2")});
  // Overlong, a surrogate, cut off: none of it UTF-8.
  EXPECT_EQ(decode(string_of(2), Words{0xC080}).value, model::Value{std::string("\xC3\x80\xC2\x80")});
  EXPECT_EQ(decode(string_of(3), Words{0xE080, 0x8000}).value, model::Value{std::string("\xC3\xA0\xC2\x80\xC2\x80")});
  EXPECT_EQ(decode(string_of(3), Words{0xEDA0, 0x8000}).value, model::Value{std::string("\xC3\xAD\xC2\xA0\xC2\x80")});
  EXPECT_EQ(decode(string_of(2), Words{0x41E2}).value, model::Value{std::string("A\xC3\xA2")});
}

TEST(Encoding, ScaleAndOffsetMakeADouble) {
  EXPECT_EQ(value_type(scaled(Type::int16, 0.1)), model::ValueType::real);
  EXPECT_EQ(value_type(format(Type::int16)), model::ValueType::integer);
  EXPECT_DOUBLE_EQ(std::get<double>(decode(scaled(Type::int16, 0.1, -40), Words{0xFFF6}).value), -41);
  EXPECT_EQ(encode(scaled(Type::int16, 0.1, -40), -41.04).value(), Words{0xFFF6});  // to the nearest
  EXPECT_EQ(encode(scaled(Type::uint16, 0.5), std::int64_t{7}).value(), Words{14});
  EXPECT_EQ(decode(scaled(Type::int16, 0.1), Words{796}).value, model::Value{79.6});  // and not 79.60000000000001
  EXPECT_DOUBLE_EQ(std::get<double>(decode(scaled(Type::float32, 2, 1), Words{0x3F80, 0}).value), 3);
}

TEST(Encoding, AUint64BeyondInt64IsBadAsAnIntAndGoodWithAScale) {
  const Words words{0x8000, 0, 0, 1};
  EXPECT_EQ(decode(format(Type::uint64), words).quality, model::kBadOutOfRange);
  EXPECT_EQ(decode(format(Type::uint64), words).value, model::Value{std::numeric_limits<std::int64_t>::max()});
  EXPECT_EQ(decode(scaled(Type::uint64, 1), words).quality, model::kGood);
  EXPECT_EQ(decode(scaled(Type::uint64, 1), words).value, model::Value{9223372036854775808.0});
}

TEST(Encoding, NotANumberMeansNoSensor) {
  EXPECT_EQ(decode(format(Type::float32), Words{0x7FC0, 0}).quality, model::kBadSensorFailure);
  EXPECT_EQ(decode(format(Type::float32), Words{0x7F80, 0}).quality, model::kBadOutOfRange);
}

TEST(Encoding, WhatDoesNotFitIsRefusedWithTheRangeThatDoes) {
  const auto why = [](const Format& f, model::Value value) {
    const auto encoded = encode(f, value);
    return encoded ? std::string("fits") : encoded.error().text();
  };
  EXPECT_EQ(why(format(Type::int16), std::int64_t{32768}), "32768 does not fit (int16 holds -32768 to 32767)");
  EXPECT_EQ(why(format(Type::uint16), std::int64_t{-1}), "-1 does not fit (uint16 holds 0 to 65535)");
  EXPECT_EQ(why(scaled(Type::uint16, 0.5, 10), 32778.0),
            "32778 does not fit (uint16 with its scale holds 10 to 32777.5)");
  EXPECT_EQ(why(scaled(Type::int16, 0.5), std::nan("")),
            "nan does not fit (int16 with its scale holds -16384 to 16383.5)");
  EXPECT_EQ(why(format(Type::uint64), std::int64_t{-1}), "-1 does not fit (uint64 holds 0 to 18446744073709551615)");
  EXPECT_EQ(why(format(Type::int64), 9223372036854775808.0),
            "9223372036854775808 does not fit (int64 holds -9223372036854775808 to 9223372036854775807)");
  EXPECT_EQ(why(format(Type::uint64), 18446744073709551616.0),
            "18446744073709551616 does not fit (uint64 holds 0 to 18446744073709551615)");
  EXPECT_EQ(why(format(Type::int32), 1.5), "1.5 is not a whole number");
  EXPECT_THAT(why(format(Type::float32), 1e39), HasSubstr("float32 holds -3.4028234663852886e+38 to"));
  EXPECT_EQ(why(format(Type::float64), std::numeric_limits<double>::infinity()),
            "inf cannot be written (write a finite number)");
  EXPECT_EQ(why(string_of(2), std::string("ABC")), "a text of 3 bytes does not fit (there is room for 2)");
  EXPECT_EQ(why(format(Type::bit), std::int64_t{1}),
            "a value of type int cannot be written here (write true or false)");
  EXPECT_EQ(why(format(Type::int16), true), "a value of type bool cannot be written here (write a number)");
  EXPECT_EQ(why(string_of(2), 1.0), "a value of type double cannot be written here (write a text)");
}

TEST(Encoding, RawTextIsAsOnTheWire) {
  EXPECT_EQ(raw_text(Table::holding, 40, Words{0x01F4}), "holding 40: 01 F4");
  EXPECT_EQ(raw_text(Table::input, 0, Words{0x42F6, 0xE979}), "input 0: 42 F6 E9 79");
  EXPECT_EQ(raw_text(Table::coil, 3, Words{1}), "coil 3: 1");
}

}  // namespace
}  // namespace weir::modbus
