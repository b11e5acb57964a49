#include <gmock/gmock.h>

#include <iterator>
#include <map>

#include "folder.h"
#include "store/sqlite.h"
#include "store/vfs.h"

namespace weir::store {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Of many pages, as a config is.
const std::string kConfig = [] {
  std::string out;
  for (int i = 0; i < 500; ++i)
    out += "site: pump-house-7, of which nothing may be seen: " + std::to_string(i) + "\n";
  return out;
}();
const std::string kReading = "boiler-1/temperature was 71.5, which is nobody's business";
const std::string kState = "the state of all rules, and of boiler-1/temperature";
const std::string kAlert = "boiler-1 is at 95.0 degrees";

class EncryptionTest : public StoreTest {
 protected:
  EncryptionTest() { options_.key = Key(std::string(32, 'k')); }

  void fill() {
    for (int i = 0; i < 20; ++i) commit("commit: " + kReading, "raw: " + kReading, {{Stream::alerts, kAlert}});
    const LogId last = commit("commit: " + kReading);
    ASSERT_TRUE(database_->keep("config", kConfig));
    ASSERT_TRUE(database_->save_snapshot({last, kState}));
  }

  void expect_whole() {
    ASSERT_NE(database_, nullptr);
    EXPECT_THAT(verify(), IsEmpty());
    for (const LogRow& row : rows()) EXPECT_EQ(row.commit, "commit: " + kReading) << row.id;
    for (const Record& record : fetch(Stream::raw, 0)) EXPECT_EQ(record.body, "raw: " + kReading) << record.seq;
    for (const Record& record : fetch(Stream::alerts, 0)) EXPECT_EQ(record.body, kAlert) << record.seq;
    EXPECT_TRUE(database_->kept("config").value() == kConfig);
    const auto snapshot = database_->newest_snapshot();
    ASSERT_TRUE(snapshot && *snapshot);
    EXPECT_EQ((*snapshot)->state, kState);
  }

  static std::string content(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // Every file of the folder that holds something. SQLite's -shm does not: it is an index of the -wal, made anew
  // each time.
  static std::map<std::string, std::string> contents(const std::filesystem::path& folder) {
    std::map<std::string, std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() != ".db-shm" && entry.file_size() > 0)
        out[entry.path().filename()] = content(entry.path());
    return out;
  }

  // Which of the texts stand in which of the files.
  std::vector<std::string> in_clear() {
    std::vector<std::string> out;
    for (const auto& [name, bytes] : contents(folder_.path()))
      for (const std::string& text : {kConfig, kReading, kState, kAlert})
        if (bytes.find(text.substr(0, 16)) != std::string::npos) out.push_back(text.substr(0, 16) + " in " + name);
    return out;
  }

  // Runs SQL on the closed store.
  void run(const std::string& sql) {
    database_.reset();
    const Vfs vfs;
    sqlite::Connection(options_.file, sqlite::Access::read_write, vfs.name()).run(sql);
  }

  // Both ways of opening are refused with the words, and no byte of the folder changes.
  void expect_refused(const Options& options, const std::string& words) {
    const auto before = contents(options.file.parent_path());
    for (const bool read_only : {false, true}) {
      Options other = options;
      other.read_only = read_only;
      const auto opened = Database::open(other, clock_);
      ASSERT_FALSE(opened) << "read_only: " << read_only;
      EXPECT_THAT(opened.error().what, AllOf(HasSubstr(words), HasSubstr("nothing was changed"))) << read_only;
      EXPECT_THAT(opened.error().hint, HasSubstr("store.key_file"));
      EXPECT_FALSE(opened.error().damage);
      EXPECT_TRUE(contents(options.file.parent_path()) == before) << "read_only: " << read_only;
    }
  }
};

TEST_F(EncryptionTest, ANewStoreHasNothingInClear) {
  open();
  fill();
  EXPECT_THAT(in_clear(), IsEmpty()) << "open";
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 3));
  ASSERT_TRUE(database_->tidy());
  open();
  EXPECT_THAT(database_->notes(), IsEmpty());
  expect_whole();
  EXPECT_THAT(rows(), SizeIs(21));
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 3U);
  database_.reset();
  EXPECT_THAT(in_clear(), IsEmpty()) << "closed";
}

TEST_F(EncryptionTest, ThatIsSeenWithoutAKey) {
  options_.key.reset();
  open();
  fill();
  EXPECT_THAT(in_clear(), Not(IsEmpty()));
}

TEST_F(EncryptionTest, AWrongOrMissingKeyIsRefusedAndTouchesNothing) {
  open();
  fill();
  // As a kill leaves it: all of it in the WAL.
  const Folder killed;
  for (const char* suffix : {"", "-wal", "-shm", ".lock"})
    std::filesystem::copy(options_.file.string() + suffix, killed / "weir.db" += suffix);
  database_.reset();
  for (const Folder* folder : {&static_cast<const Folder&>(folder_), &killed}) {
    Options other = options_;
    other.file = *folder / "weir.db";
    other.key = Key(std::string(31, 'k') + 'l');
    expect_refused(other, "the key does not fit");
    other.key.reset();
    expect_refused(other, "it is encrypted, and there is no key");
  }
  options_.file = killed / "weir.db";
  open();
  expect_whole();
  EXPECT_THAT(rows(), SizeIs(21));
}

TEST_F(EncryptionTest, ReadersNeedTheKeyToo) {
  open();
  fill();
  Options reader = options_;
  reader.read_only = true;
  const auto beside = Database::open(reader, clock_);  // the agent runs
  ASSERT_TRUE(beside) << beside.error().text();
  EXPECT_TRUE((*beside)->kept("config").value() == kConfig);
  reader.key = Key(std::string(32, 'l'));
  EXPECT_FALSE(Database::open(reader, clock_));
}

TEST_F(EncryptionTest, APlainStoreBecomesAnEncryptedOne) {
  const auto key = options_.key;
  options_.key.reset();
  open();
  fill();
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 3));
  const std::string incarnation = database_->incarnation();
  options_.key = key;
  open();
  EXPECT_THAT(database_->notes(), IsEmpty());
  expect_whole();
  EXPECT_EQ(database_->incarnation(), incarnation);
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 3U);
  for (int i = 0; i < 20; ++i) commit("commit: " + kReading, "raw: " + kReading, {{Stream::alerts, kAlert}});
  open();
  expect_whole();
  EXPECT_THAT(rows(), SizeIs(41));
  EXPECT_THAT(fetch(Stream::alerts, 0), SizeIs(40));

  database_.reset();
  options_.key = Key(std::string(32, 'l'));
  expect_refused(options_, "the key does not fit");
  options_.key.reset();
  expect_refused(options_, "it is encrypted, and there is no key");
}

TEST_F(EncryptionTest, KeptValuesAndSnapshotsAreHiddenAtOnce) {
  const auto key = options_.key;
  options_.key.reset();
  open();
  fill();
  // Where all of it is in the WAL, too.
  const Folder killed;
  for (const char* suffix : {"", "-wal"})
    std::filesystem::copy(options_.file.string() + suffix, killed / "weir.db" += suffix);
  database_.reset();
  options_.key = key;
  for (const auto& file : {options_.file, killed / "weir.db"}) {
    options_.file = file;
    open();
    expect_whole();
    for (const char* suffix : {"", "-wal"}) {
      const std::string bytes = content(file.string() + suffix);
      EXPECT_EQ(bytes.find(kConfig.substr(0, 16)), std::string::npos) << file << suffix;
      EXPECT_EQ(bytes.find(kState.substr(0, 16)), std::string::npos) << file << suffix;
    }
  }
}

TEST_F(EncryptionTest, WhatWasInClearIsOverwrittenAsItIsTrimmed) {
  const auto key = options_.key;
  options_.key.reset();
  open();
  fill();
  options_.key = key;
  options_.retain = 0;
  open();
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(database_->save_snapshot({commit("later", "later", {{Stream::alerts, "later"}}), "s"}));
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 21));
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::alerts, 21));
  EXPECT_THAT(in_clear(), Not(IsEmpty()));
  trim();
  EXPECT_GT(rows().front().id, 20U);
  database_.reset();  // moves the WAL into the file
  EXPECT_THAT(in_clear(), IsEmpty());
  run("VACUUM");
  EXPECT_THAT(in_clear(), IsEmpty());
  open();
  EXPECT_THAT(verify(), IsEmpty());
}

TEST_F(EncryptionTest, ARowIsNotMadePlainBehindTheKeysBack) {
  const auto key = options_.key;
  options_.key.reset();
  open();
  for (int i = 0; i < 5; ++i) commit("plain", "plain", {{Stream::alerts, "plain"}});
  // A plain store of the same rows, by someone who can write to the disk and has no key.
  const Folder forged;
  database_.reset();
  std::filesystem::copy(options_.file, forged / "forged.db");
  Options forger = options_;
  forger.file = forged / "forged.db";
  auto forging = Database::open(forger, clock_);
  ASSERT_TRUE(forging);
  Transaction transaction;
  transaction.commit = transaction.raw = "forged";
  transaction.outputs = {{Stream::alerts, "forged"}};
  transaction.time = clock_.now();
  ASSERT_TRUE((*forging)->commit(transaction));
  ASSERT_TRUE((*forging)->keep("config", "forged"));
  forging->reset();

  options_.key = key;
  open();
  ASSERT_TRUE(database_->keep("config", kConfig));
  commit("true", "true", {{Stream::alerts, "true"}});
  run("ATTACH '" + forger.file.string() +
      "' AS forged;"
      "UPDATE log SET commit_ = (SELECT commit_ FROM forged.log WHERE id = 6), raw = (SELECT raw FROM forged.log "
      "WHERE id = 6)"
      " WHERE id = 6;"
      "UPDATE outbox SET body = (SELECT body FROM forged.outbox f WHERE f.key = outbox.key) WHERE log_id = 6;"
      "UPDATE meta SET value = (SELECT value FROM forged.meta f WHERE f.key = meta.key) WHERE key = 'keep/config'");
  open_beneath();
  const auto scanned = database_->scan(5, [](const LogRow&) { return true; });
  ASSERT_FALSE(scanned);
  EXPECT_THAT(scanned.error().what, HasSubstr("log row 6"));
  for (const Stream stream : {Stream::raw, Stream::alerts}) {
    const auto records = fetch(stream, 0);
    ASSERT_THAT(records, SizeIs(6));
    EXPECT_EQ(records[4].body, "plain");
    EXPECT_TRUE(records[5].damaged) << to_text(stream);
  }
  EXPECT_FALSE(database_->kept("config"));
}

TEST_F(EncryptionTest, ADamagedSaltIsDamageAndNotAWrongKey) {
  open();
  fill();
  run("UPDATE meta SET value = zeroblob(length(value)) WHERE key = 'salt'");
  Options reader = options_;
  reader.read_only = true;
  const auto opened = Database::open(reader, clock_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().what,
              AllOf(HasSubstr("'salt' fails its checksum"), Not(HasSubstr("the key does not fit"))));
}

TEST_F(EncryptionTest, EachStoreHasASaltOfItsOwn) {
  open();
  commit("same", "same");
  database_.reset();
  const Folder other;
  std::filesystem::rename(options_.file, other / "weir.db");
  open();
  commit("same", "same");
  const std::string sql = "ATTACH '" + (other / "weir.db").string() +
                          "' AS other;"
                          "UPDATE log SET raw = (SELECT raw FROM other.log WHERE id = 1), commit_ = (SELECT commit_ "
                          "FROM other.log WHERE id = 1)";
  run(sql);
  open();
  EXPECT_THAT(verify(), Not(IsEmpty()));
}

}  // namespace
}  // namespace weir::store
