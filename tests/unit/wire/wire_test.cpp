#include "wire/wire.h"

#include <gtest/gtest.h>

namespace weir::wire {
namespace {

TEST(WireTest, SignalsComeBack) {
  model::Signal signal{"boiler/t", model::ValueType::integer, "Cel", std::chrono::milliseconds(250), true, "flow"};
  v1::Signal message;
  encode(signal, message);
  const auto back = decode(message);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, signal);
}

TEST(WireTest, ValuesComeBack) {
  for (const model::Value& value : {model::Value(true), model::Value(std::int64_t{-7}), model::Value(2.5),
                                    model::Value(std::string("on")), model::Value(model::Bytes{"\xff"})}) {
    v1::Value message;
    encode(value, message);
    const auto back = decode(message);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, value);
  }
  EXPECT_FALSE(decode(v1::Value()));
}

TEST(WireTest, WhatIsNoSignalIsSaid) {
  v1::Signal good;
  good.set_path("boiler/t");
  good.set_type(v1::DOUBLE);
  ASSERT_TRUE(decode(good));
  const auto wrong = [&](auto spoil) {
    v1::Signal bad = good;
    spoil(bad);
    const auto decoded = decode(bad);
    return decoded ? std::string() : decoded.error().text();
  };
  EXPECT_NE(wrong([](v1::Signal& s) { s.set_path("boiler"); }), "");
  EXPECT_NE(wrong([](v1::Signal& s) { s.set_path("boiler/+"); }), "");
  EXPECT_NE(wrong([](v1::Signal& s) { s.set_type(v1::VALUE_TYPE_UNSPECIFIED); }).find("has no type"),
            std::string::npos);
  EXPECT_NE(wrong([](v1::Signal& s) { s.set_type(static_cast<v1::ValueType>(99)); }), "");
  EXPECT_NE(wrong([](v1::Signal& s) { s.set_unit(std::string(65, 'x')); }), "");
  v1::Signal slow = good;
  slow.set_interval_ms(~0ULL);
  EXPECT_GT(decode(slow)->interval.count(), 0);
}

}  // namespace
}  // namespace weir::wire
