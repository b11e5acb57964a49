// The store goes on when the disk does not: what is kept in memory meanwhile, what becomes of it, and what is said.
#include "store/steady_database.h"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <map>
#include <set>
#include <tuple>

#include "folder.h"
#include "words.h"

namespace weir::store {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A disk that fails from the n-th call on. What it cannot even open may be a person's mistake, and is refused.
class Failing final : public IoHook {
 public:
  explicit Failing(int n) : left_(n) {}
  Fate before(const IoCall& call) override {
    const bool fails = call.io != Io::open && !mended && --left_ < 0;
    return {.fault = fails ? Fault::io : Fault::none};
  }
  bool failed() const { return left_ < 0; }
  bool mended = false;

 private:
  int left_;
};

// A disk that takes nothing while it is told to.
class Switch final : public IoHook {
 public:
  Fate before(const IoCall& call) override {
    const bool writes = call.io == Io::write || call.io == Io::truncate || call.io == Io::sync;
    return {.fault = writes ? fault : Fault::none};
  }
  Fault fault = Fault::none;
};

using Identity = std::tuple<std::string, Stream, StreamSeq>;

class SteadyTest : public StoreTest {
 protected:
  SteadyTest() {
    options_.io = &disk_;
    options_.digest = &words_;
  }

  void TearDown() override { database_.reset(); }  // before the disk that it is on

  void wait() { clock_.advance(2 * kMinute); }

  // The power goes while the disk takes nothing: what is only in memory is gone.
  void die() {
    ASSERT_TRUE(database_->condition().suspended);
    database_.reset();
    disk_.fault = Fault::none;
  }

  LogId fill(int count, std::size_t bytes = 10) {
    LogId last = 0;
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(++filled_);
      last = commit("commit " + number, "raw " + number + std::string(bytes, '.'),
                    {{Stream::alerts, "alert " + number}});
    }
    return last;
  }

  // Everything that an uplink would get from here on, as the clouds keep it: by identity.
  void deliver(std::map<Identity, std::string>& cloud, bool acknowledge) {
    for (const Stream stream : kStreams) {
      StreamSeq after = database_->acknowledged("cloud", stream);
      for (auto records = fetch(stream, after); !records.empty(); records = fetch(stream, after)) {
        for (const Record& record : records) {
          const auto [known, fresh] = cloud.try_emplace({record.incarnation, stream, record.seq}, record.body);
          EXPECT_EQ(known->second, record.body) << "one identity, two contents: " << to_text(stream) << record.seq;
          after = record.seq;
        }
      }
      if (acknowledge && after > 0) {
        EXPECT_TRUE(database_->acknowledge("cloud", stream, after));
      }
    }
  }

  Switch disk_;
  Words words_;
  int filled_ = 0;
};

TEST_F(SteadyTest, GoesOnInMemoryWhileTheDiskIsFullAndWritesItBack) {
  open();
  fill(3);
  const std::string before = database_->incarnation();
  const auto condition = database_->condition();
  EXPECT_FALSE(condition.suspended);
  disk_.fault = Fault::full;
  clock_.advance(kSecond);
  EXPECT_EQ(fill(1), 4U);
  const auto suspended = database_->condition();
  ASSERT_TRUE(suspended.suspended);
  EXPECT_EQ(suspended.suspended->since, clock_.now());
  EXPECT_THAT(suspended.suspended->why, HasSubstr("full"));
  EXPECT_THAT(suspended.suspended->hint, HasSubstr("free some space"));
  EXPECT_NE(suspended.lives, condition.lives);
  const std::string meanwhile = database_->incarnation();
  EXPECT_NE(meanwhile, before);
  EXPECT_EQ(fill(2), 6U);
  ASSERT_TRUE(database_->keep("config", "new"));
  EXPECT_EQ(database_->kept("config").value(), "new");

  const auto records = fetch(Stream::raw, 1);
  ASSERT_THAT(records, SizeIs(5));
  EXPECT_EQ(records[1].incarnation, before);
  EXPECT_EQ(records[2].incarnation, meanwhile);
  EXPECT_THAT(rows(), SizeIs(6));
  EXPECT_THAT(rows(4), SizeIs(2));
  EXPECT_EQ(database_->stats().last, 6U);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 5));
  EXPECT_FALSE(database_->acknowledge("cloud", Stream::raw, 7));
  EXPECT_EQ(database_->stats().streams[2].waiting, 1U);

  disk_.fault = Fault::none;
  wait();
  ASSERT_TRUE(database_->tidy());
  const auto after = database_->condition();
  EXPECT_FALSE(after.suspended);
  EXPECT_GT(after.mended, suspended.mended);
  EXPECT_EQ(fill(1), 7U);
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(database_->incarnation(), meanwhile);
    EXPECT_THAT(rows(), SizeIs(7));
    EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 5U);
    EXPECT_EQ(database_->kept("config").value(), "new");
    const auto all = fetch(Stream::raw, 0);
    ASSERT_THAT(all, SizeIs(7));
    for (StreamSeq seq = 1; seq <= 7; ++seq) {
      EXPECT_EQ(all[seq - 1].seq, seq);
      EXPECT_EQ(all[seq - 1].incarnation, seq <= 3 ? before : meanwhile);
    }
    EXPECT_THAT(fetch(Stream::alerts, 0), SizeIs(7));
    EXPECT_THAT(verify(), IsEmpty());
    open();
    EXPECT_THAT(database_->notes(), IsEmpty());
  }
}

TEST_F(SteadyTest, WhatItTakesWhenItIsClosedIsKeptIfThereIsRoomAgain) {
  open();
  fill(2);
  disk_.fault = Fault::full;
  fill(2);
  disk_.fault = Fault::none;
  open();
  EXPECT_THAT(rows(), SizeIs(4));
  EXPECT_FALSE(database_->condition().suspended);
}

TEST_F(SteadyTest, ALifeThatEndsInMemoryLeavesNoIdentityBehind) {
  std::map<Identity, std::string> cloud;
  for (int life = 0; life < 4; ++life) {
    disk_.fault = Fault::none;
    open();
    fill(2);
    deliver(cloud, life % 2 == 0);
    disk_.fault = life % 2 == 0 ? Fault::full : Fault::io;
    fill(3);
    deliver(cloud, true);
    fill(1);
    deliver(cloud, false);
    die();
  }
  open();
  fill(2);
  deliver(cloud, true);
  EXPECT_EQ(database_->stats().last, 10U);
  EXPECT_THAT(verify(), IsEmpty());
  // Each once: what was lost with the memory had reached the cloud or nobody, and comes under no other name.
  std::multiset<std::string> bodies;
  for (const auto& [identity, body] : cloud) bodies.insert(body);
  for (const std::string& body : bodies) EXPECT_EQ(bodies.count(body), 1U) << body;
}

TEST_F(SteadyTest, StartsOnADiskThatTakesNothing) {
  open();
  fill(3);
  ASSERT_TRUE(database_->save_snapshot({2, "state"}));
  ASSERT_TRUE(database_->keep("config", "last good"));
  const std::string before = database_->incarnation();
  // As a power cut leaves it: what was committed is in the WAL.
  const auto copy = folder_ / "copy";
  std::filesystem::create_directory(copy);
  for (const char* suffix : {"", "-wal"})
    std::filesystem::copy_file(options_.file.string() + suffix, copy / ("weir.db" + std::string(suffix)));
  ASSERT_GT(std::filesystem::file_size(copy / "weir.db-wal"), 10'000U);
  options_.file = copy / "weir.db";
  disk_.fault = Fault::full;
  open();
  ASSERT_TRUE(database_->condition().suspended);
  EXPECT_THAT(rows(), SizeIs(3));
  ASSERT_TRUE(database_->newest_snapshot().value());
  EXPECT_EQ(database_->newest_snapshot().value()->state, "state");
  EXPECT_EQ(database_->kept("config").value(), "last good");
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 2));
  EXPECT_EQ(fill(2), 5U);
  EXPECT_NE(database_->incarnation(), before);
  EXPECT_THAT(fetch(Stream::raw, 2), SizeIs(3));
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 4));
  disk_.fault = Fault::none;
  wait();
  EXPECT_EQ(fill(1), 6U);
  EXPECT_FALSE(database_->condition().suspended);
  open();
  EXPECT_THAT(rows(), SizeIs(6));
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 4U);
  EXPECT_THAT(verify(), IsEmpty());
}

TEST_F(SteadyTest, StartsWithoutAFileThatCannotBeMade) {
  disk_.fault = Fault::full;
  open();
  ASSERT_TRUE(database_->condition().suspended);
  EXPECT_FALSE(database_->newest_snapshot().value());
  EXPECT_EQ(fill(2), 2U);
  const std::string life = database_->incarnation();
  EXPECT_THAT(fetch(Stream::raw, 0), SizeIs(2));
  disk_.fault = Fault::none;
  wait();
  EXPECT_EQ(fill(1), 3U);
  EXPECT_EQ(database_->incarnation(), life);
  open();
  EXPECT_THAT(fetch(Stream::raw, 0), SizeIs(3));
  EXPECT_THAT(verify(), IsEmpty());
}

// There was nothing that could be damaged.
TEST_F(SteadyTest, AFileThatCannotBeMadeIsNoDamage) {
  int n = 0;
  for (bool failed = true; failed && n < 500; ++n) {
    SCOPED_TRACE(n);
    const auto folder = folder_ / std::to_string(n);
    std::filesystem::create_directory(folder);
    options_.file = folder / "weir.db";
    Failing disk(n);
    options_.io = &disk;
    open();
    failed = disk.failed();
    EXPECT_THAT(database_->notes(), IsEmpty());
    if (const auto suspended = database_->condition().suspended) {
      EXPECT_THAT(suspended->why, testing::AnyOf(HasSubstr("I/O error"), HasSubstr("does not give back")));
      EXPECT_THAT(suspended->hint, HasSubstr("dmesg"));
    }
    EXPECT_EQ(fill(1), 1U);
    disk.mended = true;
    wait();
    EXPECT_EQ(fill(1), 2U);
    EXPECT_FALSE(database_->condition().suspended);
    open();
    EXPECT_THAT(database_->notes(), IsEmpty());
    EXPECT_THAT(rows(), SizeIs(2));
    database_.reset();
    if (HasFailure()) return;
  }
  EXPECT_GT(n, 30);
}

TEST_F(SteadyTest, AReadOnlyFileSystemAtTheStart) {
  const auto mount = folder_ / "mount";
  std::filesystem::create_directory(mount);
  if (::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=8m") != 0) GTEST_SKIP() << "needs root, to mount a tmpfs";
  options_.file = mount / "weir.db";
  open();
  fill(3);
  database_.reset();
  EXPECT_EQ(::mount("tmpfs", mount.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0);
  open();
  EXPECT_TRUE(database_ && database_->condition().suspended);
  EXPECT_EQ(fill(2), 5U);
  EXPECT_THAT(fetch(Stream::raw, 0), SizeIs(5));
  {
    // A second agent is kept out all the same.
    const auto second = Database::open(options_, clock_);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().what, HasSubstr("in use by another agent"));
  }
  EXPECT_EQ(::mount("tmpfs", mount.c_str(), "tmpfs", MS_REMOUNT, nullptr), 0);
  wait();
  EXPECT_EQ(fill(1), 6U);
  EXPECT_FALSE(database_->condition().suspended);
  open();
  EXPECT_THAT(rows(), SizeIs(6));
  database_.reset();
  EXPECT_EQ(::umount(mount.c_str()), 0);
}

TEST_F(SteadyTest, MemoryIsBoundedAndWhatGoesIsSaid) {
  options_.volatile_bytes = 100'000;
  options_.uplinks = {"cloud", {"pager", {Stream::alerts}}};
  open();
  fill(2);
  disk_.fault = Fault::full;
  fill(200, 2'000);
  const auto stats = database_->stats();
  EXPECT_EQ(stats.streams[2].last, 202U);
  EXPECT_GT(stats.streams[2].given_up, 150U);
  EXPECT_EQ(stats.streams[0].given_up, 0U);
  EXPECT_THAT(fetch(Stream::alerts, 0), SizeIs(202));
  const auto left = fetch(Stream::raw, 2);
  ASSERT_THAT(left, SizeIs(testing::AllOf(testing::Gt(20U), testing::Lt(50U))));
  EXPECT_EQ(left.back().seq, 202U);
  const auto gaps = fetch(Stream::backfill, 0);
  ASSERT_THAT(gaps, SizeIs(1)) << "what nobody has seen yet is said in one";
  EXPECT_THAT(gaps[0].body, HasSubstr("memory raw 3-"));
  EXPECT_THAT(gaps[0].body, testing::EndsWith("-" + std::to_string(left.front().seq - 1)));
  EXPECT_TRUE(gaps[0].is_for("cloud"));
  EXPECT_FALSE(gaps[0].is_for("pager"));
  fill(30, 2'000);
  EXPECT_THAT(fetch(Stream::backfill, 0), SizeIs(2));

  // The log has a hole that no state stands for yet: it is asked for before anything is written.
  const auto mended = database_->condition().mended;
  disk_.fault = Fault::none;
  wait();
  ASSERT_TRUE(database_->tidy());
  EXPECT_TRUE(database_->condition().suspended);
  EXPECT_GT(database_->condition().mended, mended);
  ASSERT_TRUE(database_->save_snapshot({232, "the state"}));
  wait();
  ASSERT_TRUE(database_->tidy());
  ASSERT_FALSE(database_->condition().suspended);
  open();
  EXPECT_EQ(database_->newest_snapshot().value()->at, 232U);
  EXPECT_EQ(commit("next"), 233U);
  EXPECT_THAT(fetch(Stream::alerts, 0), SizeIs(232));
  EXPECT_THAT(fetch(Stream::backfill, 0), SizeIs(2));
  EXPECT_THAT(fetch(Stream::raw, 2).back().seq, 232U);
  EXPECT_THAT(verify(), IsEmpty());
}

TEST_F(SteadyTest, WhatTheCloudsHaveGoesFirstAndWithoutAWord) {
  options_.volatile_bytes = 100'000;
  open();
  disk_.fault = Fault::full;
  std::map<Identity, std::string> cloud;
  for (int i = 0; i < 20; ++i) {
    const LogId last = fill(10, 2'000);
    deliver(cloud, true);
    ASSERT_TRUE(database_->save_snapshot({last, "state"}));
  }
  EXPECT_EQ(database_->stats().streams[2].given_up, 0U);
  EXPECT_THAT(fetch(Stream::backfill, 0), IsEmpty());
  disk_.fault = Fault::none;
  wait();
  ASSERT_TRUE(database_->tidy());
  ASSERT_FALSE(database_->condition().suspended);
  fill(1);
  deliver(cloud, true);
  EXPECT_EQ(cloud.size(), 402U);
  EXPECT_THAT(verify(), IsEmpty());
}

TEST_F(SteadyTest, KeepsWhatAnUplinkHasInItsHands) {
  options_.volatile_bytes = 50'000;
  open();
  disk_.fault = Fault::full;
  fill(5, 2'000);
  database_->lent("cloud", Stream::raw, 5);
  fill(100, 2'000);
  const auto records = fetch(Stream::raw, 0);
  ASSERT_GE(records.size(), 6U);
  EXPECT_EQ(records[4].seq, 5U);
  EXPECT_GT(records[5].seq, 60U);
}

TEST_F(SteadyTest, DoesNotTryTooOften) {
  open();
  disk_.fault = Fault::full;
  fill(1);
  disk_.fault = Fault::none;
  clock_.advance(100 * kMillisecond);
  fill(1);
  EXPECT_TRUE(database_->condition().suspended);
  wait();
  fill(1);
  EXPECT_FALSE(database_->condition().suspended);
}

TEST_F(SteadyTest, NoticesRowsThatWentWithAMissingWal) {
  open();
  fill(2);
  database_.reset();
  const auto image = folder_ / "image";
  std::filesystem::copy_file(options_.file, image);
  open();
  fill(3);
  const std::string before = database_->incarnation();
  database_.reset();
  // What the file was before; in its place, so that it is the same file.
  std::ifstream from(image, std::ios::binary);
  std::fstream to(options_.file, std::ios::in | std::ios::out | std::ios::binary);
  to << from.rdbuf();
  to.close();
  std::filesystem::resize_file(options_.file, std::filesystem::file_size(image));
  open();
  EXPECT_THAT(database_->notes(), Contains(HasSubstr("THE STORE HAS LOST ROWS: it ends at row 2")));
  EXPECT_NE(database_->incarnation(), before);
  EXPECT_THAT(fetch(Stream::backfill, 0), ElementsAre(testing::Field(&Record::body, "damaged alerts 3-5"),
                                                      testing::Field(&Record::body, "damaged raw 3-5")));
  fill(1);
  const std::string now = database_->incarnation();
  const auto records = fetch(Stream::raw, 0);
  ASSERT_THAT(records, SizeIs(3));
  EXPECT_EQ(records[1].incarnation, before);
  EXPECT_EQ(records[2].incarnation, now);
  open();
  EXPECT_THAT(database_->notes(), IsEmpty());
}

TEST_F(SteadyTest, AFileThatWasRemovedIsSaid) {
  open();
  fill(2);
  database_.reset();
  std::filesystem::remove(options_.file);
  open();
  EXPECT_THAT(database_->notes(), ElementsAre(HasSubstr("THE STORE IS GONE")));
  EXPECT_EQ(fill(1), 1U);
}

class SteadyDamageTest : public SteadyTest {
 protected:
  // In a page that nobody has read yet.
  void spoil(const std::string& text) {
    std::fstream file(options_.file, std::ios::in | std::ios::out | std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    const auto at = all.find(text);
    ASSERT_NE(at, std::string::npos) << text;
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(text[0] ^ 1));
  }
};

TEST_F(SteadyDamageTest, MendsWhatACallFindsAndGoesOn) {
  open();
  fill(300, 2'000);
  open();
  const auto condition = database_->condition();
  spoil("commit 77");
  std::vector<LogId> seen;
  const auto scanned = database_->scan(0, [&](const LogRow& row) {
    seen.push_back(row.id);
    return true;
  });
  EXPECT_TRUE(scanned) << scanned.error().text();
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::less_equal<>())) << "a row came twice";
  EXPECT_GT(database_->condition().mended, condition.mended);
  EXPECT_GT(database_->condition().lives, condition.lives);
  EXPECT_THAT(database_->notes(), Contains(HasSubstr("set aside")));
  EXPECT_THAT(files(".damaged-"), testing::Not(IsEmpty()));
  fill(1);
  EXPECT_THAT(verify(), IsEmpty());
  EXPECT_FALSE(database_->condition().suspended);
}

TEST_F(SteadyDamageTest, GoesOnInMemoryIfItIsDamagedAgainAtOnce) {
  open();
  fill(20);
  open();
  ASSERT_TRUE(database_->mend({"the state is not to be read", "", true}));
  EXPECT_FALSE(database_->condition().suspended);
  const auto again = database_->mend({"nor this one", "", true});
  EXPECT_FALSE(again);
  ASSERT_TRUE(database_->condition().suspended);
  EXPECT_EQ(database_->condition().suspended->why, "nor this one");
  fill(2);
  wait();
  fill(1);
  EXPECT_FALSE(database_->condition().suspended);
  EXPECT_THAT(verify(), IsEmpty());
}

}  // namespace
}  // namespace weir::store
