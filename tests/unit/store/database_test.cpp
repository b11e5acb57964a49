#include "store/database.h"

#include <gmock/gmock.h>

#include "folder.h"

namespace weir::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class DatabaseTest : public StoreTest {};

TEST_F(DatabaseTest, GivesBackWhatWasCommitted) {
  open();
  EXPECT_EQ(commit("one", "readings"), 1U);
  EXPECT_EQ(commit("two"), 2U);
  EXPECT_EQ(commit(std::string("th\0ree", 6), std::string(100'000, 'x')), 3U);
  for (int pass = 0; pass < 2; ++pass) {
    const auto all = rows();
    ASSERT_THAT(all, SizeIs(3));
    EXPECT_EQ(all[0].commit, "one");
    EXPECT_EQ(all[0].raw, "readings");
    EXPECT_EQ(all[0].raw_seq, 1U);
    EXPECT_EQ(all[0].time, kNoon);
    EXPECT_EQ(all[1].commit, "two");
    EXPECT_EQ(all[1].raw, "");
    EXPECT_EQ(all[1].raw_seq, 0U);
    EXPECT_EQ(all[2].commit, std::string("th\0ree", 6));
    EXPECT_EQ(all[2].raw, std::string(100'000, 'x'));
    EXPECT_EQ(all[2].raw_seq, 2U);
    EXPECT_THAT(rows(2), SizeIs(1));
    open();
  }
}

TEST_F(DatabaseTest, ScansUntilToldToStop) {
  open();
  for (int i = 0; i < 5; ++i) commit("x");
  int seen = 0;
  ASSERT_TRUE(database_->scan(1, [&](const LogRow&) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

TEST_F(DatabaseTest, CommitsManyOrNone) {
  open();
  std::vector<Transaction> transactions(3);
  for (auto& transaction : transactions) transaction.raw = "r";
  const auto committed = database_->commit(transactions);
  ASSERT_TRUE(committed);
  ASSERT_THAT(*committed, SizeIs(3));
  EXPECT_EQ(committed->back().id, 3U);

  transactions[2].outputs = {{Stream::raw, "not here"}};
  EXPECT_FALSE(database_->commit(transactions));
  EXPECT_EQ(commit("next", "r"), 4U);
  EXPECT_EQ(fetch(Stream::raw, 0).size(), 4U);
}

TEST_F(DatabaseTest, NumbersEachStreamDenselyAcrossReopening) {
  open();
  commit("a", "r1", {{Stream::alerts, "a1"}, {Stream::derived, "d1"}, {Stream::alerts, "a2"}});
  open();
  commit("b", "r2", {{Stream::alerts, "a3"}, {Stream::backfill, "b1"}});
  const auto alerts = fetch(Stream::alerts, 0);
  ASSERT_THAT(alerts, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(alerts[i].seq, i + 1);
    EXPECT_EQ(alerts[i].body, "a" + std::to_string(i + 1));
    EXPECT_EQ(alerts[i].stream, Stream::alerts);
  }
  EXPECT_EQ(fetch(Stream::backfill, 0).at(0).seq, 1U);
  EXPECT_EQ(fetch(Stream::raw, 1).at(0).body, "r2");
  EXPECT_THAT(fetch(Stream::raw, 2), IsEmpty());
  EXPECT_THAT(fetch(Stream::derived, 7), IsEmpty());
}

TEST_F(DatabaseTest, FetchesByBytesButAtLeastOne) {
  open();
  for (int i = 0; i < 4; ++i) commit("c", std::string(1'000, 'r'), {{Stream::derived, std::string(1'000, 'd')}});
  for (const Stream stream : {Stream::raw, Stream::derived}) {
    EXPECT_THAT(fetch(stream, 0, 10), SizeIs(1));
    EXPECT_THAT(fetch(stream, 0, 2'500), SizeIs(2));
    EXPECT_THAT(fetch(stream, 1, 100'000), SizeIs(3));
  }
}

TEST_F(DatabaseTest, FindsARawRecordAmongManyRowsWithout) {
  open();
  std::vector<Transaction> transactions(5'000);
  for (std::size_t i = 0; i < transactions.size(); i += 1'500) transactions[i].raw = "raw " + std::to_string(i);
  ASSERT_TRUE(database_->commit(transactions));
  for (const StreamSeq after : {3U, 0U, 2U, 1U}) {
    const auto records = fetch(Stream::raw, after);
    ASSERT_FALSE(records.empty());
    EXPECT_EQ(records[0].seq, after + 1);
    EXPECT_EQ(records[0].body, "raw " + std::to_string(after * 1'500));
  }
}

TEST_F(DatabaseTest, KeepsSmallThings) {
  open();
  EXPECT_EQ(database_->kept("config").value(), std::nullopt);
  ASSERT_TRUE(database_->keep("config", "version: 1"));
  ASSERT_TRUE(database_->keep("config", "version: 2"));
  open();
  EXPECT_EQ(database_->kept("config").value(), "version: 2");
}

TEST_F(DatabaseTest, KeepsTheIncarnationUntilTheMachineIsAnother) {
  open();
  const std::string first = database_->incarnation();
  EXPECT_THAT(first, SizeIs(16));
  commit("one", "r");
  open();
  EXPECT_EQ(database_->incarnation(), first);
  EXPECT_THAT(database_->notes(), IsEmpty());

  database_.reset();
  std::ofstream(options_.machine_id) << "ffffffffffffffffffffffffffffffff\n";
  open();
  const std::string second = database_->incarnation();
  EXPECT_NE(second, first);
  EXPECT_THAT(database_->notes(), ElementsAre(HasSubstr("cloned")));
  EXPECT_THAT(rows(), SizeIs(1));
  open();
  EXPECT_EQ(database_->incarnation(), second);
  EXPECT_THAT(database_->notes(), IsEmpty());

  std::filesystem::remove(options_.machine_id);
  open();
  EXPECT_EQ(database_->incarnation(), second);
}

TEST_F(DatabaseTest, LetsOneAgentInAndReadersBesideIt) {
  open();
  commit("one", "r");
  const auto second = Database::open(options_, clock_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text(), HasSubstr("in use by another agent (process " + std::to_string(::getpid())));

  Options reading = options_;
  reading.read_only = true;
  auto reader = Database::open(reading, clock_);
  ASSERT_TRUE(reader) << reader.error().text();
  EXPECT_EQ((*reader)->incarnation(), database_->incarnation());
  commit("two", "r");
  EXPECT_EQ((*reader)->fetch(Stream::raw, 0, 1'000)->size(), 2U);
  EXPECT_EQ((*reader)->stats().last, 2U);
  EXPECT_FALSE((*reader)->commit(Transaction{}));

  database_.reset();
  EXPECT_EQ((*reader)->fetch(Stream::raw, 0, 1'000)->size(), 2U);
  reader->reset();
  EXPECT_EQ(Database::open(reading, clock_).value()->fetch(Stream::raw, 0, 1'000)->size(), 2U);
}

TEST_F(DatabaseTest, ReadingNeedsAStore) {
  options_.read_only = true;
  const auto none = Database::open(options_, clock_);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().text(), HasSubstr("no such file"));
  EXPECT_THAT(files("weir.db"), IsEmpty());
}

TEST_F(DatabaseTest, SaysWhereItCannotBe) {
  options_.file = folder_ / "missing/weir.db";
  const auto opened = Database::open(options_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text(), HasSubstr("must exist"));
}

TEST_F(DatabaseTest, CountsWhatItWrites) {
  open();
  const auto before = database_->stats().bytes_written;
  commit(std::string(10'000, 'x'));
  const auto written = database_->stats().bytes_written - before;
  EXPECT_GE(written, 10'000U);
  EXPECT_LE(written, 40'000U);
  EXPECT_EQ(database_->stats().commits, 1U);
}

TEST_F(DatabaseTest, MovesTheWalWhenItIsWorthIt) {
  open();
  const auto main_size = [&] { return std::filesystem::file_size(options_.file); };
  const std::string large(1 << 20, 'x');
  commit(large);
  ASSERT_TRUE(database_->tidy());
  EXPECT_LT(main_size(), large.size());
  for (int i = 0; i < 4; ++i) commit(large);
  ASSERT_TRUE(database_->tidy());
  EXPECT_GT(main_size(), 5 * large.size());
  for (int i = 0; i < 40; ++i) commit(large);  // nobody tidies
  EXPECT_LT(std::filesystem::file_size(options_.file.string() + "-wal"), 16U << 20);
}

}  // namespace
}  // namespace weir::store
