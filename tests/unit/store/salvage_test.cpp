// What is saved of a damaged store where something else is missing, too: its key, room, its lock and its meta table,
// or the rest of a mending that a power cut ended. Single places of damage are in damage_table_test.cpp.
#include "store/salvage.h"

#include <gmock/gmock.h>

#include "folder.h"
#include "store/sqlite.h"
#include "store/vfs.h"
#include "words.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr int kPageSize = 4'096;

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class SalvageTest : public StoreTest {
 protected:
  SalvageTest() { options_.digest = &words_; }

  void fill(int count, std::size_t bytes = 10) {
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(++filled_);
      commit("commit " + number, "raw " + number + std::string(bytes, '.'), {{Stream::alerts, "alert " + number}});
    }
  }

  // Zeros in place of a page, from 1, of the closed store.
  void wipe(int page) {
    database_.reset();
    std::fstream file(options_.file, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(std::streamoff{kPageSize} * (page - 1));
    file << std::string(kPageSize, '\0');
  }

  int page_of(const std::string& table) {
    database_.reset();
    const Vfs vfs;
    sqlite::Connection connection(options_.file, sqlite::Access::read_only, vfs.name());
    return static_cast<int>(connection.integer("SELECT rootpage FROM sqlite_schema WHERE name = '" + table + "'"));
  }

  fs::path beside(const char* suffix) const { return options_.file.string() + suffix; }

  Words words_;
  int filled_ = 0;
};

TEST_F(SalvageTest, AMendingThatAPowerCutEndedIsFinished) {
  open();
  fill(5);
  const std::string incarnation = database_->incarnation();
  database_.reset();
  fs::rename(options_.file, beside(".mended"));
  std::ofstream(beside("-wal")) << "of the damaged one";
  open();
  EXPECT_THAT(database_->notes(), IsEmpty());
  EXPECT_EQ(database_->incarnation(), incarnation);
  EXPECT_THAT(rows(), SizeIs(5));
  EXPECT_THAT(verify(), IsEmpty());
  EXPECT_FALSE(fs::exists(beside(".mended")));
  const auto aside = files(".damaged-");
  ASSERT_THAT(aside, SizeIs(1));
  EXPECT_EQ(content(aside[0]), "of the damaged one");
}

TEST_F(SalvageTest, AMendedFileBesideOneThatIsThereIsThrownAway) {
  open();
  fill(5);
  database_.reset();
  for (const char* suffix : {".mended", ".mended-wal"}) std::ofstream(beside(suffix)) << "of no use any more";
  open();
  EXPECT_THAT(database_->notes(), IsEmpty());
  EXPECT_THAT(rows(), SizeIs(5));
  EXPECT_THAT(files("mended"), IsEmpty());
  EXPECT_THAT(files(".damaged-"), IsEmpty());
}

TEST_F(SalvageTest, AnEncryptedStoreStaysEncrypted) {
  options_.key = Key(std::string(32, 'k'));
  open();
  fill(50);
  ASSERT_TRUE(database_->keep("config", "version: 1"));
  ASSERT_TRUE(database_->save_snapshot({40, "the state"}));
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 10));
  const std::string before = database_->incarnation();
  wipe(1);
  open();
  EXPECT_THAT(database_->notes(), Contains(HasSubstr("THE STORE WAS DAMAGED")));
  EXPECT_THAT(database_->notes(), Contains(HasSubstr("50 log rows, 50 alerts, 0 derived, 50 raw")));
  EXPECT_NE(database_->incarnation(), before);
  EXPECT_EQ(database_->kept("config").value(), "version: 1");
  ASSERT_TRUE(database_->newest_snapshot().value());
  EXPECT_EQ(database_->newest_snapshot().value()->state, "the state");
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 10U);
  const auto raw = fetch(Stream::raw, 10);
  ASSERT_THAT(raw, SizeIs(40));
  EXPECT_THAT(raw, Each(testing::Field(&Record::incarnation, before)));
  EXPECT_EQ(raw[0].body, "raw 11..........");
  EXPECT_THAT(verify(), IsEmpty());
  fill(1);
  database_.reset();
  for (const auto& file : files("weir.db"))
    for (const char* text : {"raw 1", "alert ", "version: 1", "the state"})
      EXPECT_EQ(content(file).find(text), std::string::npos) << text << " in " << file;
}

TEST_F(SalvageTest, WithoutItsKeyNothingIsDoneToIt) {
  options_.key = Key(std::string(32, 'k'));
  open();
  fill(5);
  wipe(1);
  const std::string damaged = content(options_.file);
  for (const std::optional<Key>& key : {std::optional<Key>(), std::optional<Key>(Key(std::string(32, 'x')))}) {
    Options other = options_;
    other.key = key;
    other.file = folder_ / "new.db";
    const auto salvaged = salvage(options_.file, other, clock_);
    ASSERT_FALSE(salvaged);
    EXPECT_THAT(salvaged.error().text(), HasSubstr("key"));
    EXPECT_THAT(files("new.db"), IsEmpty());

    // An agent with that key runs, and the store waits for the right one.
    other.file = options_.file;
    const auto opened = Database::open(other, clock_);
    ASSERT_TRUE(opened) << opened.error().text();
    ASSERT_TRUE((*opened)->condition().suspended);
    EXPECT_THAT((*opened)->condition().suspended->why, HasSubstr("key"));
  }
  EXPECT_TRUE(content(options_.file) == damaged);
  EXPECT_THAT(files(".damaged-"), IsEmpty());
  open();
  EXPECT_THAT(rows(), SizeIs(5));
}

TEST_F(SalvageTest, WhereThereIsNoRoomTheOldestRowsStayBehind) {
  open();
  fill(200, 40'000);
  ASSERT_TRUE(database_->save_snapshot({190, "the state"}));
  options_.limits.quota = 4 << 20;
  wipe(1);
  open();
  EXPECT_THAT(database_->notes(), Contains(HasSubstr("there was no room for the oldest ")));
  const auto kept = rows();
  ASSERT_THAT(kept, SizeIs(testing::AllOf(testing::Ge(50U), testing::Lt(100U))));
  EXPECT_EQ(kept.front().id + kept.size() - 1, 200U);
  EXPECT_LT(fs::file_size(options_.file), options_.limits.quota);
  EXPECT_THAT(fetch(Stream::alerts, 0), SizeIs(200));
  const auto gaps = fetch(Stream::backfill, 0);
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_EQ(gaps[0].body, "quota raw 1-" + std::to_string(kept.front().raw_seq - 1));
  EXPECT_THAT(verify(), IsEmpty());
  EXPECT_GT(fs::file_size(files(".damaged-").at(0)), 8'000'000U);
}

// Nobody knows under which name the records went out, or how far: they go out again, under a name that is new.
TEST_F(SalvageTest, WithoutLockAndMetaItGoesOnBehindWhatIsThere) {
  open();
  fill(60, 1'000);
  ASSERT_TRUE(database_->save_snapshot({50, "the state"}));
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 10));
  const std::string before = database_->incarnation();
  wipe(page_of("meta"));
  fs::remove(beside(".lock"));
  open();
  EXPECT_THAT(database_->notes(), Contains(HasSubstr("under which incarnation its records were numbered is lost")));
  EXPECT_NE(database_->incarnation(), before);
  EXPECT_THAT(rows(), SizeIs(60));
  EXPECT_EQ(database_->newest_snapshot().value()->at, 50U);
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 0U);
  const auto raw = fetch(Stream::raw, 0);
  ASSERT_THAT(raw, SizeIs(60));
  EXPECT_THAT(raw, Each(testing::Field(&Record::incarnation, Not(before))));
  fill(1);
  EXPECT_EQ(fetch(Stream::raw, 60).at(0).seq, 61U);
  EXPECT_EQ(fetch(Stream::alerts, 60).at(0).seq, 61U);
  EXPECT_THAT(verify(), IsEmpty());
  open();
  EXPECT_THAT(database_->notes(), IsEmpty());
}

}  // namespace
}  // namespace weir::store
