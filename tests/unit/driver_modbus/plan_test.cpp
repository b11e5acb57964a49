#include "driver_modbus/plan.h"

#include <gmock/gmock.h>

namespace weir::modbus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SignalOptions at(Table table, int first, Type type = Type::uint16, Nanoseconds interval = kSecond) {
  SignalOptions out;
  out.table = table;
  out.first = first;
  out.format.type = type;
  out.interval = interval;
  return out;
}

SignalOptions text(int first, int registers_wanted) {
  SignalOptions out = at(Table::holding, first, Type::string);
  out.format.length = registers_wanted * 2;
  return out;
}

Block block(Table table, int first, int count, std::vector<std::size_t> signals, Nanoseconds interval = kSecond) {
  return {table, first, count, interval, std::move(signals)};
}

TEST(Plan, NeighboursAreReadTogetherInTheOrderOfTheirAddresses) {
  EXPECT_THAT(
      plan(std::vector{at(Table::holding, 4, Type::float32), at(Table::holding, 0), at(Table::holding, 2)}, 8),
      ElementsAre(block(Table::holding, 0, 6, {1, 2, 0})));
}

TEST(Plan, AGapIsReadAlongUpToItsLimit) {
  const std::vector signals{at(Table::holding, 0), at(Table::holding, 9), at(Table::holding, 19)};
  EXPECT_THAT(plan(signals, 8), ElementsAre(block(Table::holding, 0, 10, {0, 1}), block(Table::holding, 19, 1, {2})));
  EXPECT_EQ(plan(signals, 9).size(), 1U);
  EXPECT_EQ(plan(signals, 0).size(), 3U);
}

TEST(Plan, TablesAndIntervalsAreKeptApart) {
  EXPECT_THAT(plan(std::vector{at(Table::holding, 0), at(Table::input, 1), at(Table::coil, 2, Type::bit),
                               at(Table::holding, 1, Type::uint16, 5 * kSecond)},
                   8),
              ElementsAre(block(Table::coil, 2, 1, {2}), block(Table::holding, 0, 1, {0}),
                          block(Table::input, 1, 1, {1}), block(Table::holding, 1, 1, {3}, 5 * kSecond)));
}

TEST(Plan, NoRequestIsLongerThanModbusAllows) {
  EXPECT_THAT(plan(std::vector{text(0, 123), at(Table::holding, 123, Type::int32), at(Table::holding, 125)}, 8),
              ElementsAre(block(Table::holding, 0, 125, {0, 1}), block(Table::holding, 125, 1, {2})));
  std::vector<SignalOptions> coils;
  for (int i = 0; i < 2001; ++i) coils.push_back(at(Table::coil, i, Type::bit));
  const auto blocks = plan(coils, 8);
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].count, 2000);
  EXPECT_EQ(blocks[1].first, 2000);
}

TEST(Plan, SignalsMayShareRegisters) {
  EXPECT_THAT(plan(std::vector{at(Table::holding, 5, Type::bit), at(Table::holding, 4, Type::float64),
                               at(Table::holding, 5, Type::bit)},
                   0),
              ElementsAre(block(Table::holding, 4, 4, {1, 0, 2})));
}

TEST(Cut, IsMadeAtTheWidestGapAndElseInTheMiddle) {
  const std::vector gappy{at(Table::holding, 0), at(Table::holding, 1), at(Table::holding, 2), at(Table::holding, 9)};
  const auto halves = cut(plan(gappy, 8)[0], gappy);
  ASSERT_TRUE(halves);
  EXPECT_EQ(halves->first, block(Table::holding, 0, 3, {0, 1, 2}));
  EXPECT_EQ(halves->second, block(Table::holding, 9, 1, {3}));
  const std::vector dense{at(Table::holding, 0), at(Table::holding, 1), at(Table::holding, 2), at(Table::holding, 3)};
  EXPECT_EQ(cut(plan(dense, 8)[0], dense)->second, block(Table::holding, 2, 2, {2, 3}));
}

TEST(Cut, NeverGoesThroughASignal) {
  const std::vector overlapping{at(Table::holding, 0, Type::int64), at(Table::holding, 1),
                                at(Table::holding, 3, Type::int32)};
  EXPECT_FALSE(cut(plan(overlapping, 8)[0], overlapping));
  const std::vector single{at(Table::holding, 0)};
  EXPECT_FALSE(cut(plan(single, 8)[0], single));
}

}  // namespace
}  // namespace weir::modbus
