#include "folder.h"

namespace weir::store {
namespace {

using FirstSince = StoreTest;

TEST_F(FirstSince, IsWhereTheRowsOfATimeBegin) {
  open();
  EXPECT_EQ(*database_->first_since(kNoon), 1U) << "of an empty log";
  // Rows 1 to 100, ten a minute.
  for (int i = 0; i < 100; ++i) {
    commit("c");
    if (i % 10 == 9) clock_.advance(kMinute);
  }
  EXPECT_EQ(*database_->first_since(0), 1U);
  for (LogId minute = 0; minute < 10; ++minute) {
    const Timestamp time = kNoon + static_cast<Timestamp>(minute) * kMinute;
    EXPECT_EQ(*database_->first_since(time), minute * 10 + 1);
    EXPECT_EQ(*database_->first_since(time + 1), minute * 10 + 11);
    EXPECT_EQ(*database_->first_since(time - 1), minute * 10 + 1);
  }
  EXPECT_EQ(*database_->first_since(clock_.now()), 101U);
}

TEST_F(FirstSince, OfALogThatWasShortened) {
  options_.retain = 0;
  open();
  for (int i = 0; i < 20; ++i) {
    commit("c", "r");
    clock_.advance(kMinute);
  }
  for (const LogId at : {10U, 20U}) ASSERT_TRUE(database_->save_snapshot({at, "s"}));
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 20));
  trim();
  ASSERT_EQ(database_->stats().first, 11U);
  EXPECT_EQ(*database_->first_since(0), 11U);
  EXPECT_EQ(*database_->first_since(kNoon + 15 * kMinute), 16U);
}

TEST_F(FirstSince, IsOneOfThePlacesWhereTheClockWasSetBack) {
  open();
  for (int i = 0; i < 10; ++i, clock_.advance(kMinute)) commit("c");
  clock_.set(kNoon);
  for (int i = 0; i < 10; ++i, clock_.advance(kMinute)) commit("c");
  const LogId at = *database_->first_since(kNoon + 5 * kMinute);
  EXPECT_TRUE(at == 6 || at == 16) << at;
}

}  // namespace
}  // namespace weir::store
