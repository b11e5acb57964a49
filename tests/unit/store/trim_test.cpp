#include <gmock/gmock.h>

#include "base/bytes.h"
#include "folder.h"
#include "store/holes.h"
#include "store/meta_table.h"
#include "store/vfs.h"

namespace weir::store {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class TrimTest : public StoreTest {
 protected:
  TrimTest() { options_.retain = kHour; }

  LogId first() { return database_->stats().first; }

  void snapshot(LogId at) {
    const auto saved = database_->save_snapshot({at, "state " + std::to_string(at)});
    ASSERT_TRUE(saved) << saved.error().text();
  }

  // Ten commits with raw records, two snapshots at the end.
  void fill() {
    open();
    for (int i = 0; i < 10; ++i) commit("c", "r");
    snapshot(9);
    snapshot(10);
  }
};

TEST_F(TrimTest, KeepsWhatAnUplinkHasNotAcknowledged) {
  fill();
  clock_.advance(2 * kHour);
  trim();
  EXPECT_EQ(first(), 1U);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 4));
  trim();
  EXPECT_EQ(first(), 5U);
  EXPECT_EQ(fetch(Stream::raw, 0).at(0).seq, 5U);
}

TEST_F(TrimTest, WaitsForTheSlowestUplink) {
  options_.uplinks = {"fast", "slow"};
  fill();
  clock_.advance(2 * kHour);
  ASSERT_TRUE(database_->acknowledge("fast", Stream::raw, 8));
  trim();
  EXPECT_EQ(first(), 1U);
  ASSERT_TRUE(database_->acknowledge("slow", Stream::raw, 3));
  trim();
  EXPECT_EQ(first(), 4U);
}

TEST_F(TrimTest, DoesNotWaitForAnUplinkThatDoesNotTakeTheStream) {
  options_.uplinks = {{"cloud", {Stream::raw}}, {"pager", {Stream::alerts}}};
  fill();
  commit("c", {}, {{Stream::alerts, "a"}});
  commit("c", {}, {{Stream::alerts, "a"}});
  clock_.advance(2 * kHour);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 6));
  EXPECT_EQ(database_->stats().streams[2].waiting, 4U);
  EXPECT_EQ(database_->stats().streams[2].acknowledged, 6U);
  EXPECT_EQ(database_->stats().streams[0].waiting, 2U);
  trim();
  EXPECT_EQ(first(), 7U);
  EXPECT_THAT(fetch(Stream::alerts, 0), SizeIs(2));
  ASSERT_TRUE(database_->acknowledge("pager", Stream::alerts, 1));
  trim();
  EXPECT_EQ(fetch(Stream::alerts, 0).at(0).seq, 2U);
}

TEST_F(TrimTest, KeepsTheLogOnlyForLocalHistoryIfNobodyTakesRaw) {
  options_.uplinks = {{"pager", {Stream::alerts}}};
  fill();
  EXPECT_EQ(database_->stats().streams[2].waiting, 0U);
  clock_.advance(kHour - 1);
  trim();
  EXPECT_EQ(first(), 1U);
  clock_.advance(1);
  trim();
  EXPECT_EQ(first(), 10U);
}

TEST_F(TrimTest, KeepsOutputsThatNobodyTakesAsLongAsTheirCommits) {
  options_.uplinks = {{"pager", {Stream::alerts}}};
  open();
  for (int i = 0; i < 4; ++i) commit("c", {}, {{Stream::alerts, "a"}, {Stream::derived, "d"}});
  EXPECT_EQ(database_->stats().streams[1].waiting, 0U);
  trim();
  EXPECT_THAT(fetch(Stream::derived, 0), SizeIs(4));
  snapshot(2);
  snapshot(3);
  clock_.advance(2 * kHour);
  trim();
  EXPECT_EQ(fetch(Stream::derived, 0).at(0).seq, 3U);
  EXPECT_THAT(fetch(Stream::alerts, 0), SizeIs(4));
}

TEST_F(TrimTest, AnUplinkThatTakesAStreamAnewStartsWithWhatIsThere) {
  options_.uplinks = {{"pager", {Stream::alerts}}};
  fill();
  clock_.advance(2 * kHour);
  trim();
  ASSERT_TRUE(database_->set_uplinks({{"pager", {Stream::alerts, Stream::raw}}}));
  EXPECT_EQ(database_->acknowledged("pager", Stream::raw), 9U);
  EXPECT_EQ(database_->stats().streams[2].waiting, 1U);
  commit("c", "r");
  snapshot(11);
  snapshot(11);
  clock_.advance(2 * kHour);
  trim();
  EXPECT_EQ(first(), 10U);
}

TEST_F(TrimTest, KeepsTheUplinksItHadIfTheNewOnesCannotBeLoaded) {
  fill();
  open_beneath();
  clock_.advance(2 * kHour);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 4));
  {
    const Vfs vfs;
    sqlite::Connection beside(options_.file, sqlite::Access::read_write, vfs.name());
    beside.set_checkpoint_on_close(false);
    std::string ahead;
    for (int i = 0; i < 5; ++i) put_varint(ahead, 99);
    MetaTable(beside, Seal()).put("uplink/broken", ahead);
  }
  const auto set = database_->set_uplinks({"broken", "cloud"});
  ASSERT_FALSE(set);
  EXPECT_THAT(set.error().what, testing::HasSubstr("uplink broken acknowledged alerts 99"));
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 4U);
  EXPECT_FALSE(database_->acknowledge("broken", Stream::raw, 5));
  trim();
  EXPECT_EQ(first(), 5U);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 6));
  ASSERT_TRUE(database_->set_uplinks({"cloud"}));
  trim();
  EXPECT_EQ(first(), 7U);
}

TEST_F(TrimTest, KeepsTheLocalHistory) {
  options_.uplinks = {};
  fill();
  clock_.advance(kHour - 1);
  trim();
  EXPECT_EQ(first(), 1U);
  clock_.advance(1);
  trim();
  EXPECT_EQ(first(), 10U);
}

TEST_F(TrimTest, KeepsTheLogSinceTheOlderSnapshot) {
  options_.uplinks = {};
  open();
  for (int i = 0; i < 10; ++i) commit("c", "r");
  clock_.advance(2 * kHour);
  trim();
  EXPECT_EQ(first(), 1U);
  snapshot(8);
  trim();
  EXPECT_EQ(first(), 1U);
  snapshot(9);
  trim();
  EXPECT_EQ(first(), 9U);
}

TEST_F(TrimTest, NeverLosesTheNumbering) {
  options_.uplinks = {};
  open();
  commit("c", "r", {{Stream::alerts, "a1"}, {Stream::alerts, "a2"}, {Stream::derived, "d1"}});
  commit("c", "r", {{Stream::alerts, "a3"}});
  snapshot(1);
  snapshot(2);
  clock_.advance(2 * kHour);
  trim();
  open();
  const LogId id = commit("c", "r", {{Stream::alerts, "a4"}, {Stream::derived, "d2"}});
  EXPECT_EQ(id, 3U);
  EXPECT_EQ(fetch(Stream::raw, 2).at(0).seq, 3U);
  EXPECT_EQ(fetch(Stream::alerts, 3).at(0).seq, 4U);
  EXPECT_EQ(fetch(Stream::derived, 1).at(0).seq, 2U);
}

TEST_F(TrimTest, DeletesOutputsThatAllAcknowledged) {
  open();
  for (int i = 0; i < 4; ++i) commit("c", {}, {{Stream::alerts, "a"}});
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::alerts, 2));
  trim();
  EXPECT_EQ(fetch(Stream::alerts, 0).at(0).seq, 3U);
  EXPECT_EQ(database_->stats().streams[0].waiting, 2U);
  EXPECT_EQ(database_->stats().streams[0].last, 4U);
}

TEST_F(TrimTest, KeepsOutputsAsLongAsTheirCommitsWithoutUplinks) {
  options_.uplinks = {};
  open();
  for (int i = 0; i < 4; ++i) commit("c", {}, {{Stream::alerts, "a"}});
  trim();
  EXPECT_THAT(fetch(Stream::alerts, 0), SizeIs(4));
  snapshot(2);
  snapshot(3);
  clock_.advance(2 * kHour);
  trim();
  EXPECT_EQ(fetch(Stream::alerts, 0).at(0).seq, 3U);
}

TEST_F(TrimTest, DoesABoundedPartACall) {
  options_.uplinks = {};
  open();
  std::vector<Transaction> transactions(1'000);
  for (auto& transaction : transactions) transaction.time = kNoon;
  ASSERT_TRUE(database_->commit(transactions));
  snapshot(999);
  snapshot(1'000);
  clock_.advance(2 * kHour);
  EXPECT_TRUE(database_->trim().value());
  EXPECT_GT(first(), 1U);
  EXPECT_LE(first(), 300U);
  trim();
  EXPECT_EQ(first(), 1'000U);
}

TEST_F(TrimTest, IsNotHeldUpByAClockThatWasAhead) {
  options_.uplinks = {};
  open();
  clock_.advance(10'000 * kHour);
  commit("from the future", "r");
  clock_.set(kNoon);
  commit("c", "r");
  commit("c", "r");
  snapshot(2);
  snapshot(3);
  clock_.advance(2 * kHour);
  trim();
  EXPECT_EQ(first(), 3U);
}

TEST_F(TrimTest, RemembersWhatWasAcknowledged) {
  fill();
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 6));
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 5));
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 6U);
  open();
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 6U);

  EXPECT_FALSE(database_->acknowledge("cloud", Stream::raw, 11));
  EXPECT_FALSE(database_->acknowledge("nobody", Stream::raw, 1));
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 6U);
}

TEST_F(TrimTest, WritesAcknowledgementsWithACommitAfterAWhile) {
  fill();
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 6));
  Options reading = options_;
  reading.read_only = true;
  const auto stored = [&] { return Database::open(reading, clock_).value()->acknowledged("cloud", Stream::raw); };
  commit("c");
  EXPECT_EQ(stored(), 0U);
  clock_.advance(11 * kSecond);
  commit("c");
  EXPECT_EQ(stored(), 6U);
}

TEST_F(TrimTest, ForgetsAnUplinkThatIsGoneAndStartsANewOneWithWhatIsThere) {
  fill();
  clock_.advance(2 * kHour);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 4));
  trim();
  ASSERT_TRUE(database_->set_uplinks({"other"}));
  EXPECT_EQ(database_->acknowledged("other", Stream::raw), 4U);
  EXPECT_FALSE(database_->acknowledge("cloud", Stream::raw, 5));
  ASSERT_TRUE(database_->set_uplinks({"cloud", "other"}));
  options_.uplinks = {"cloud", "other"};
  open();
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 4U);
  EXPECT_EQ(database_->stats().streams[2].waiting, 6U);
}

TEST_F(TrimTest, ForgetsTheLivesOfWhichNoRecordIsLeft) {
  open();
  commit("c", "r", {{Stream::alerts, "a1"}});
  const std::string old = database_->incarnation();
  std::ofstream(options_.machine_id) << "ffffffffffffffffffffffffffffffff\n";
  open();
  commit("c", "r", {{Stream::alerts, "a2"}});
  commit("c", "r");
  snapshot(2);
  snapshot(3);
  clock_.advance(2 * kHour);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 3));
  trim();
  EXPECT_THAT(database_->incarnations(), SizeIs(2));
  EXPECT_EQ(fetch(Stream::alerts, 0).at(0).incarnation, old);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::alerts, 2));
  trim();
  EXPECT_THAT(database_->incarnations(), SizeIs(1));
  open();
  EXPECT_THAT(database_->incarnations(), SizeIs(1));
  EXPECT_NE(fetch(Stream::alerts, 0).at(0).incarnation, old);
  EXPECT_THAT(verify(), IsEmpty());
}

TEST_F(TrimTest, ForgetsTheHolesInFrontOfTheOldestRow) {
  options_.limits.when_full = WhenFull::drop_oldest;
  options_.limits.streams[static_cast<std::size_t>(Stream::raw)].bytes = 1'000;
  open();
  const auto stored = [&] {
    const Vfs vfs;
    sqlite::Connection beside(options_.file, sqlite::Access::read_only, vfs.name());
    return AllHoles::decode(MetaTable(beside, Seal()).get("holes").value());
  };
  for (int i = 0; i < 20; ++i) {
    const LogId id = commit("c", std::string(200, 'r'));
    snapshot(id);
    database_->lent("cloud", Stream::raw, 3);
  }
  trim();
  ASSERT_THAT(stored().log.all(), SizeIs(1));
  ASSERT_THAT(stored().of(Stream::raw).all(), SizeIs(1));
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 18));
  clock_.advance(2 * kHour);
  trim();
  EXPECT_THAT(stored().log.all(), IsEmpty());
  EXPECT_THAT(stored().of(Stream::raw).all(), IsEmpty());
  EXPECT_THAT(verify(), IsEmpty());
}

class FullTest : public TrimTest {
 protected:
  FullTest() {
    options_.limits.quota = 8 << 20;
    options_.limits.when_full = WhenFull::block;
  }

  // With what readings may use, and then with what the outputs of a tick may.
  void fill_up(std::size_t snapshot = 1'000) {
    open_beneath();
    commit("c");
    ASSERT_TRUE(database_->save_snapshot({1, std::string(snapshot, 's')}));
    for (const std::size_t size : {100'000, 1'000}) {
      Transaction transaction;
      transaction.time = kNoon;
      (size == 1'000 ? transaction.commit : transaction.raw) = std::string(size, 'r');
      while (database_->commit(transaction)) ASSERT_LT(database_->stats().last, 5'000U);
    }
    ASSERT_TRUE(database_->condition().full);
  }

  std::uint64_t bytes_on_disk() {
    std::uint64_t size = 0;
    for (const auto& file : files("weir.db")) size += std::filesystem::file_size(file);
    return size;
  }
};

TEST_F(FullTest, SnapshotsMarksAndConfigsStillFindRoom) {
  fill_up();
  const LogId last = database_->stats().last;
  const auto kept = database_->keep("config", std::string(10'000, 'k'));
  EXPECT_TRUE(kept) << kept.error().text();
  for (LogId at = last - 3; at <= last; ++at) {
    const auto saved = database_->save_snapshot({at, std::string(30'000, 's')});
    EXPECT_TRUE(saved) << saved.error().text();
  }
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 5));
  trim();
  open_beneath();
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 5U);
  EXPECT_EQ(database_->newest_snapshot().value()->at, last);
}

TEST_F(FullTest, SnapshotsAloneStayWithinTheQuota) {
  fill_up(200'000);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 30));
  const LogId last = database_->stats().last;
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(database_->save_snapshot({last, std::string(200'000, 's')}));
    ASSERT_TRUE(database_->keep("config", std::string(50'000, 'k')));
    ASSERT_LE(bytes_on_disk(), options_.limits.quota);
  }
}

TEST_F(TrimTest, RefusesASnapshotOfWhatIsNotThere) {
  fill();
  EXPECT_FALSE(database_->save_snapshot({11, "x"}));
  EXPECT_FALSE(database_->save_snapshot({8, "x"}));
  EXPECT_FALSE(database_->save_snapshot({0, "x"}));
  EXPECT_EQ(database_->newest_snapshot().value()->state, "state 10");
}

}  // namespace
}  // namespace weir::store
