#include "model/signal_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::model {
namespace {

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

TEST(SignalTableTest, KeepsAllThatIsKnownOfManySignals) {
  constexpr int kMany = 5'000;
  const auto signal = [](int i, std::string unit) {
    return Signal{"device-" + std::to_string(i) + "/t",
                  i % 2 == 0 ? ValueType::real : ValueType::string,
                  std::move(unit),
                  std::chrono::milliseconds(i - 7),
                  i % 3 == 0,
                  "signal " + std::to_string(i)};
  };
  SignalTable table;
  for (int i = 1; i <= kMany; ++i) ASSERT_EQ(*table.define(signal(i, "bar"), "plc"), static_cast<SignalId>(i));
  // Again and again something else is said of them; what was said before is not kept.
  for (const char* unit : {"Cel", "K", "[degF]"})
    for (int i = 1; i <= kMany; ++i) ASSERT_TRUE(table.define(signal(i, unit), i < 10 ? "host" : "plc", true));
  ASSERT_EQ(table.size(), kMany);
  for (int i = 1; i <= kMany; ++i) {
    const auto id = static_cast<SignalId>(i);
    const Signal expected = signal(i, "[degF]");
    ASSERT_EQ(table.find(expected.path), id);
    ASSERT_EQ(table.path(id), expected.path);
    ASSERT_EQ(table.driver(id), i < 10 ? "host" : "plc");
    ASSERT_TRUE(table.at(id).signal == expected) << i;
    ASSERT_EQ(table.at(id).driver, table.driver(id));
    ASSERT_TRUE(table.knows(expected, i < 10 ? "host" : "plc"));
  }
  EXPECT_EQ(table.find("device-0/t"), 0U);
  EXPECT_EQ(table.find("DEVICE-1/T"), 0U);
}

TEST(SignalTableTest, WhatIsRestoredComesInAnyOrder) {
  SignalTable table;
  table.restore(3, {"c/x", ValueType::boolean, {}, {}, false, {}}, "plc");
  table.restore(1, {"a/x", ValueType::real, {}, {}, false, {}}, "");
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.find("c/x"), 3U);
  EXPECT_EQ(table.find("a/x"), 1U);
  EXPECT_EQ(table.at(2).signal.path, "");
  EXPECT_EQ(*table.define({"d/x", ValueType::real, {}, {}, false, {}}, "plc"), 4U);
}

}  // namespace
}  // namespace weir::model
