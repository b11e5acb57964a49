#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"

namespace weir::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class DamageTest : public StoreTest {
 protected:
  void overwrite(std::streamoff at, std::string_view bytes) {
    std::fstream file(options_.file, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file << bytes;
  }

  // It was set aside, a new one works, and it was said.
  void expect_begun_anew(const std::string& old_incarnation) {
    open();
    ASSERT_NE(database_, nullptr);
    EXPECT_NE(database_->incarnation(), old_incarnation);
    ASSERT_THAT(database_->notes(), testing::Not(IsEmpty()));
    EXPECT_THAT(database_->notes()[0], HasSubstr("THE STORE WAS DAMAGED"));
    EXPECT_THAT(database_->notes()[0], HasSubstr("weir.db.damaged-20251121-120000"));
    EXPECT_TRUE(std::filesystem::exists(folder_ / "weir.db.damaged-20251121-120000"));
    EXPECT_GE(commit("new", "r"), 1U);
    open();
    EXPECT_THAT(database_->notes(), IsEmpty());
  }

  std::string filled() {
    open();
    for (int i = 0; i < 50; ++i) commit("commit " + std::to_string(i) + ".", "raw " + std::to_string(i) + ".");
    return database_->incarnation();
  }
};

TEST_F(DamageTest, ABitInACommitIsNamedAndTheOthersSurvive) {
  filled();
  damage("commit 7.");
  open_beneath();
  EXPECT_THAT(database_->notes(), IsEmpty());
  int seen = 0;
  const auto scanned = database_->scan(0, [&](const LogRow&) { return ++seen > 0; });
  ASSERT_FALSE(scanned);
  EXPECT_THAT(scanned.error().what, HasSubstr("log row 8 (commit of 2025-11-21T12:00:00Z) fails its checksum"));
  EXPECT_EQ(seen, 7);
  EXPECT_THAT(rows(8), SizeIs(42));
  EXPECT_THAT(verify(), ElementsAre(HasSubstr("log row 8 (commit")));
  EXPECT_THAT(fetch(Stream::raw, 0), SizeIs(50));
}

TEST_F(DamageTest, ABitInReadingsIsSaidInTheirPlace) {
  filled();
  damage("raw 7.");
  open();
  const auto records = fetch(Stream::raw, 0);
  ASSERT_THAT(records, SizeIs(50));
  for (const Record& record : records) {
    EXPECT_EQ(record.damaged, record.seq == 8);
    EXPECT_EQ(record.body, record.damaged ? "" : "raw " + std::to_string(record.seq - 1) + ".");
  }
  EXPECT_THAT(verify(), ElementsAre(HasSubstr("log row 8 (raw 8) fails its checksum")));
}

TEST_F(DamageTest, ABitInTheNewestRowDoesNotEndTheNumbering) {
  filled();
  damage("raw 49.");
  open();
  EXPECT_THAT(database_->notes(), IsEmpty());
  EXPECT_EQ(commit("next", "r"), 51U);
  EXPECT_EQ(fetch(Stream::raw, 50).at(0).seq, 51U);
}

TEST_F(DamageTest, ABitInAnOutputIsSaidInItsPlace) {
  open();
  commit("c", {}, {{Stream::alerts, "alert 1."}, {Stream::alerts, "alert 2."}, {Stream::derived, "derived 1."}});
  damage("alert 1.");
  open();
  const auto alerts = fetch(Stream::alerts, 0);
  ASSERT_THAT(alerts, SizeIs(2));
  EXPECT_TRUE(alerts[0].damaged);
  EXPECT_EQ(alerts[1].body, "alert 2.");
  EXPECT_THAT(verify(), ElementsAre("record alerts 1 fails its checksum"));
}

TEST_F(DamageTest, ABitInAKeptValueIsAnError) {
  open();
  ASSERT_TRUE(database_->keep("config", "version: 1"));
  damage("version: 1");
  open_beneath();
  const auto kept = database_->kept("config");
  ASSERT_FALSE(kept);
  EXPECT_THAT(kept.error().what, HasSubstr("config"));
  EXPECT_THAT(verify(), SizeIs(1));
}

TEST_F(DamageTest, ADamagedSnapshotFallsBackToTheOneBefore) {
  options_.uplinks = {};
  filled();
  ASSERT_TRUE(database_->save_snapshot({20, "state of 20."}));
  ASSERT_TRUE(database_->save_snapshot({40, "state of 40."}));
  clock_.advance(30 * kDay);
  trim();
  clock_.set(kNoon);
  damage("state of 40.");
  open();
  EXPECT_THAT(database_->notes(), ElementsAre(HasSubstr("snapshot at log row 40 was damaged")));
  const auto snapshot = database_->newest_snapshot().value();
  EXPECT_EQ(snapshot->at, 20U);
  EXPECT_EQ(snapshot->state, "state of 20.");
  EXPECT_EQ(rows(20).front().id, 21U);
  ASSERT_TRUE(database_->save_snapshot({45, "state of 45."}));
  open();
  EXPECT_THAT(database_->notes(), IsEmpty());
  EXPECT_EQ(database_->newest_snapshot().value()->at, 45U);
}

TEST_F(DamageTest, GarbageIsSetAside) {
  std::ofstream(options_.file) << std::string(20'000, 'g');
  expect_begun_anew("");
}

TEST_F(DamageTest, ABrokenHeaderIsSetAside) {
  const std::string incarnation = filled();
  database_.reset();
  overwrite(0, "Sqlite");
  expect_begun_anew(incarnation);
}

TEST_F(DamageTest, ATruncatedFileIsSetAside) {
  const std::string incarnation = filled();
  commit("large", std::string(100'000, 'x'));
  database_.reset();
  std::filesystem::resize_file(options_.file, 5'000);
  expect_begun_anew(incarnation);
}

TEST_F(DamageTest, AStoreWithoutItsIdentityIsSetAside) {
  const std::string incarnation = filled();
  damage(incarnation);
  expect_begun_anew(incarnation);
}

TEST_F(DamageTest, EachPageOverwrittenInTurnNeverStopsTheAgent) {
  filled();
  commit("c", std::string(9'000, 'x'), {{Stream::alerts, "a"}, {Stream::derived, "d"}});
  ASSERT_TRUE(database_->save_snapshot({50, "state of 50."}));
  database_.reset();
  const auto whole = folder_ / "whole";
  std::filesystem::copy_file(options_.file, whole);
  const auto pages = static_cast<std::streamoff>(std::filesystem::file_size(whole) / 4'096);
  ASSERT_GE(pages, 7);
  for (std::streamoff page = 0; page < pages; ++page) {
    std::filesystem::copy_file(whole, options_.file, std::filesystem::copy_options::overwrite_existing);
    overwrite(page * 4'096, std::string(4'096, '\x5A'));
    auto opened = Database::open(options_, clock_);
    ASSERT_TRUE(opened) << "page " << page << ": " << opened.error().text();
    const auto wrong = (*opened)->verify();
    EXPECT_TRUE(!(*opened)->notes().empty() || !wrong || !wrong->empty()) << "page " << page << " went unnoticed";
    // What still comes out is what was put in.
    for (LogId after = 0; after < 51; ++after)
      static_cast<void>((*opened)->scan(after, [&](const LogRow& row) {
        if (row.id <= 50) {
          EXPECT_EQ(row.commit, "commit " + std::to_string(row.id - 1) + ".");
        }
        return false;
      }));
  }
}

TEST_F(DamageTest, ANewerStoreIsRefusedUntouched) {
  filled();
  database_.reset();
  overwrite(60, std::string("\0\0\0\x09", 4));  // user_version, big-endian
  const auto content = [&] {
    std::ifstream file(options_.file, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  const std::string before = content();
  const auto opened = Database::open(options_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text(), HasSubstr("newer weir (schema 9, this one knows 2)"));
  EXPECT_EQ(content(), before);
  EXPECT_THAT(files("damaged"), IsEmpty());
}

TEST_F(DamageTest, AnotherProgramsDatabaseIsRefusedUntouched) {
  filled();
  database_.reset();
  overwrite(68, "Calc");  // application_id
  const auto opened = Database::open(options_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text(), HasSubstr("not one of weir's"));
  EXPECT_THAT(files("damaged"), IsEmpty());
}

TEST_F(DamageTest, ASecondDamagedFileGetsANameOfItsOwn) {
  for (int i = 0; i < 2; ++i) {
    database_.reset();
    std::ofstream(options_.file) << std::string(20'000, 'g');
    open();
  }
  EXPECT_TRUE(std::filesystem::exists(folder_ / "weir.db.damaged-20251121-120000"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "weir.db.damaged-20251121-120000-2"));
}

TEST_F(DamageTest, AFullDiskIsAnErrorAndNothingElse) {
  const auto disk = folder_ / "disk";
  std::filesystem::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "needs root, to mount a tmpfs";
  options_.file = disk / "weir.db";
  open_beneath();
  const std::string body(60'000, 'x');
  LogId last = 0;
  std::optional<Error> full;
  for (int i = 0; i < 100 && !full; ++i) {
    Transaction transaction;
    transaction.raw = body;
    const auto committed = database_->commit(transaction);
    if (committed) last = committed->id;
    else full = committed.error();
  }
  EXPECT_TRUE(full);
  if (full) {
    EXPECT_TRUE(full->unwritable);
    EXPECT_THAT(full->text(), HasSubstr("free some space"));
  }
  EXPECT_GE(last, 3U);
  EXPECT_EQ(database_->stats().last, last);
  EXPECT_EQ(fetch(Stream::raw, 0, 10 << 20).size(), last);
  EXPECT_EQ(::mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=4m"), 0);
  EXPECT_EQ(commit("again", "r"), last + 1);
  EXPECT_THAT(verify(), IsEmpty());
  open_beneath();
  EXPECT_EQ(database_->stats().last, last + 1);
  database_.reset();
  EXPECT_EQ(::umount(disk.c_str()), 0);
}

}  // namespace
}  // namespace weir::store
