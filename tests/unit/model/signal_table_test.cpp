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

}  // namespace
}  // namespace weir::model
