#include "store/wear.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/bytes.h"
#include "folder.h"
#include "store/meta_table.h"
#include "store/vfs.h"

namespace weir::store {
namespace {

constexpr Timestamp kMidnight = kNoon / kDay * kDay;

WearCounter counted(std::initializer_list<std::pair<std::uint64_t, Timestamp>> writes) {
  WearCounter wear;
  for (const auto& [bytes, time] : writes) wear.add(bytes, time);
  return wear;
}

std::string encoded(std::initializer_list<std::uint64_t> numbers) {
  std::string out;
  for (const std::uint64_t number : numbers) put_varint(out, number);
  return out;
}

TEST(Wear, CountsTodayUntilMidnightUtc) {
  WearCounter wear = counted({{10, kMidnight + 23 * kHour}, {5, kMidnight + kDay - 1}});
  EXPECT_EQ(wear.at(kMidnight + kDay - 1).today, 15U);
  EXPECT_EQ(wear.at(kMidnight + kDay).today, 0U);
  wear.add(1, kMidnight + kDay);
  EXPECT_EQ(wear.at(kMidnight + kDay).today, 1U);
  EXPECT_EQ(wear.at(kMidnight + kDay).total, 16U);
}

TEST(Wear, DoesNotGuessADayFromLessThanAnHour) {
  const WearCounter wear = counted({{100, kMidnight}, {20, kMidnight + 30 * kMinute}});
  EXPECT_EQ(wear.at(kMidnight + kHour - 1).a_day, 0U);
  EXPECT_EQ(wear.at(kMidnight + kHour).a_day, 120U * 24);
  EXPECT_EQ(wear.at(kMidnight + 12 * kHour).a_day, 240U);
}

TEST(Wear, AUsualDayIsTheMeanOfTheWholeOnes) {
  WearCounter wear = counted({{1'000, kMidnight + 12 * kHour}, {200, kMidnight + kDay}});
  EXPECT_EQ(wear.at(kMidnight + kDay + 12 * kHour).a_day, 1'200U);  // a day after it began, with no whole one yet
  wear.add(7'777, kMidnight + 2 * kDay);
  EXPECT_EQ(wear.at(kMidnight + 2 * kDay).a_day, 200U);
  EXPECT_EQ(wear.at(kMidnight + 3 * kDay).a_day, (200U + 7'777U) / 2);
  EXPECT_EQ(wear.at(kMidnight + 4 * kDay).a_day, (200U + 7'777U) / 3);  // a day without a write counts
}

TEST(Wear, LooksBackAWeek) {
  WearCounter wear;
  for (int day = 0; day <= 20; ++day) wear.add(day < 10 ? 1'000'000 : 70, kMidnight + day * kDay);
  EXPECT_EQ(wear.at(kMidnight + 20 * kDay).a_day, 70U);
  EXPECT_EQ(wear.at(kMidnight + 20 * kDay).total, 10'000'770U);
  EXPECT_EQ(wear.at(kMidnight + 24 * kDay).a_day, 70U * 4 / 7);
}

TEST(Wear, AClockThatIsSetBackALittleGoesOnWithItsDay) {
  WearCounter wear = counted({{10, kMidnight}, {20, kMidnight + kDay}, {30, kMidnight + 2 * kDay}});
  wear.add(3, kMidnight + 2 * kDay - kSecond);
  EXPECT_EQ(wear.at(kMidnight + 2 * kDay - kSecond).today, 33U);
  EXPECT_EQ(wear.at(kMidnight + 2 * kDay).a_day, 20U);
}

TEST(Wear, AClockThatLeapsBeginsTheDaysAnewAndKeepsTheTotal) {
  for (const Timestamp leap : {Timestamp{0}, Timestamp{-kDay}, kMidnight + 5'000 * kDay,
                               std::numeric_limits<Timestamp>::max(), std::numeric_limits<Timestamp>::min()}) {
    WearCounter wear = counted({{10, kMidnight}, {20, kMidnight + kDay}});
    wear.add(5, leap);
    EXPECT_EQ(wear.at(leap).today, 5U) << leap;
    EXPECT_EQ(wear.at(leap).total, 35U) << leap;
    wear.add(7, kMidnight + 2 * kDay);
    EXPECT_EQ(wear.at(kMidnight + 2 * kDay).today, 7U) << leap;
    EXPECT_EQ(wear.at(kMidnight + 2 * kDay).total, 42U) << leap;
    EXPECT_EQ(wear.at(kMidnight + 2 * kDay + kHour).a_day, 7U * 24) << leap;
  }
}

TEST(Wear, ComesBackAsItWas) {
  WearCounter wear;
  EXPECT_EQ(WearCounter::decode(wear.encode()).value().encode(), wear.encode());
  for (int day = 0; day < 9; ++day) wear.add(1'000 + static_cast<std::uint64_t>(day), kMidnight + day * kDay);
  const auto again = WearCounter::decode(wear.encode());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->encode(), wear.encode());
  EXPECT_EQ(again->at(kMidnight + 9 * kDay).a_day, wear.at(kMidnight + 9 * kDay).a_day);
}

TEST(Wear, TakesNothingThatCannotBe) {
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  ASSERT_TRUE(WearCounter::decode(encoded({9, 0, 0, 5, 4, 0, 0, 0, 0, 0, 0})));
  for (const std::string& bytes :
       {std::string(), std::string("\xff"), encoded({9, 0, 0, 5, 4, 0, 0, 0, 0, 0}),  // cut off
        encoded({9, 0, 0, 5, 4, 0, 0, 0, 0, 0, 0, 0}),                                // goes on
        encoded({9, 0, 0, 5, 5, 0, 0, 0, 0, 0, 0}),                                   // more than the total
        encoded({kHuge, 0, 0, 5, 4, 0, 0, 0, 0, 0, 0}),                               // would overflow
        encoded({9, 0, 0, kHuge, 10, 0, 0, 0, 0, 0, 0}), encoded({9, kHuge, 0, 5, 4, 0, 0, 0, 0, 0, 0}),
        encoded({9, 0, kHuge, 5, 4, 0, 0, 0, 0, 0, 0}),
        encoded({9, 3 * static_cast<std::uint64_t>(kDay), 2, 5, 4, 0, 0, 0, 0, 0, 0})})  // began after today
    EXPECT_FALSE(WearCounter::decode(bytes)) << to_hex(bytes);
}

TEST(Wear, DoesNotOverflow) {
  WearCounter wear;
  for (int i = 0; i < 3; ++i) wear.add(std::numeric_limits<std::uint64_t>::max(), kMidnight);
  const Wear now = wear.at(kMidnight + kHour);
  EXPECT_EQ(now.total, now.today);
  EXPECT_EQ(now.a_day, now.today * 24);
}

class StoreWearTest : public StoreTest {
 protected:
  Wear wear() { return database_->stats().wear; }
  std::uint64_t written() { return database_->stats().bytes_written; }
};

TEST_F(StoreWearTest, IsWhatTheStoreWrites) {
  open();
  commit("c", std::string(50'000, 'r'));
  EXPECT_GE(wear().total, 50'000U);
  EXPECT_EQ(wear().total, written());
  EXPECT_EQ(wear().today, written());
  clock_.advance(kDay);
  EXPECT_EQ(wear().today, 0U);
}

TEST_F(StoreWearTest, OutlivesTheProcess) {
  open();
  const LogId id = commit("c", std::string(50'000, 'r'));
  const std::uint64_t before = wear().total;
  ASSERT_TRUE(database_->save_snapshot({id, "state"}));
  open();
  EXPECT_EQ(wear().total, before + written());
  commit("c", std::string(50'000, 'r'));
  const std::uint64_t later = wear().total;
  EXPECT_GE(later, before + 50'000);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 1));
  trim();
  open();
  EXPECT_EQ(wear().total, later + written());

  Options reading = options_;
  reading.read_only = true;
  const auto beside = Database::open(reading, clock_);
  ASSERT_TRUE(beside);
  EXPECT_EQ((*beside)->stats().wear.total, later);
}

TEST_F(StoreWearTest, NothingIsWrittenOnlyToCountIt) {
  open();
  const LogId id = commit("c", "r");
  ASSERT_TRUE(database_->save_snapshot({id, "state"}));
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 1));
  trim();
  const std::uint64_t before = written();
  for (int i = 0; i < 20; ++i) {
    clock_.advance(50 * kMillisecond);
    database_->stats();
    trim();
    ASSERT_TRUE(database_->tidy());
  }
  clock_.advance(3 * kDay);
  trim();
  EXPECT_EQ(written(), before);
}

TEST_F(StoreWearTest, IsCountedAnewIfItIsDamaged) {
  open();
  const LogId id = commit("c", "r");
  ASSERT_TRUE(database_->save_snapshot({id, "state"}));
  database_.reset();
  for (const std::string_view broken : {std::string_view("sealed"), std::string_view("open")}) {
    {
      const Vfs vfs;
      sqlite::Connection beside(options_.file, sqlite::Access::read_write, vfs.name());
      if (broken == "sealed") MetaTable(beside, Seal()).put("wear", "\xff\xff");
      else beside.run("UPDATE meta SET value = x'00' WHERE key = 'wear'");
    }
    open();
    EXPECT_EQ(wear().total, written());
    EXPECT_TRUE(files("damaged").empty());
    EXPECT_EQ(rows().size(), 1U);
    database_.reset();
  }
}

}  // namespace
}  // namespace weir::store
