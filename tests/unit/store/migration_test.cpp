// Stores that earlier versions left (stored/README.md) are taken over as they are, or left as they are.
#include <gmock/gmock.h>

#include <algorithm>

#include "folder.h"
#include "store/sqlite.h"
#include "store/vfs.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::streamoff kUserVersionAt = 60;  // https://www.sqlite.org/fileformat2.html#the_database_header
constexpr std::size_t kChecksum = 4;           // behind each body

const fs::path kV1 = fs::path(__FILE__).parent_path() / "stored/v1.db";

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string without_checksum(std::string_view sealed) {
  return std::string(sealed.substr(0, sealed.size() - std::min(kChecksum, sealed.size())));
}

// All that a store holds.
struct Content {
  struct Row {
    LogId id = 0;
    Timestamp time = 0;
    StreamSeq raw_seq = 0;
    std::string commit, raw;
    friend bool operator==(const Row&, const Row&) = default;
  };
  struct Numbered {
    StreamSeq seq = 0;
    std::string body, incarnation;
    friend bool operator==(const Numbered&, const Numbered&) = default;
  };
  std::vector<Row> rows;
  std::array<std::vector<Numbered>, 5> streams;  // by Stream
  LogId snapshot_at = 0;
  std::string snapshot, config;

  const std::vector<Numbered>& of(Stream stream) const { return streams[static_cast<std::size_t>(stream)]; }
};

// Read from the tables of schema 1.
Content content_of_v1() {
  Vfs vfs;
  sqlite::Connection connection(kV1, sqlite::Access::immutable, vfs.name());
  const auto each = [&](std::string_view sql, const auto& take) {
    sqlite::Statement statement(connection, sql);
    sqlite::Rows rows = statement.query();
    while (rows.next()) take(rows);
  };
  const auto number = [](const sqlite::Rows& rows, int column) {
    return static_cast<std::uint64_t>(rows.integer(column));
  };
  Content out;
  std::string incarnation;
  each("SELECT value FROM meta WHERE key = 'incarnation'",
       [&](const sqlite::Rows& rows) { incarnation = without_checksum(rows.bytes(0)); });
  each("SELECT value FROM meta WHERE key = 'keep/config'",
       [&](const sqlite::Rows& rows) { out.config = without_checksum(rows.bytes(0)); });
  each("SELECT id, time, raw_seq, commit_, raw FROM log ORDER BY id", [&](const sqlite::Rows& rows) {
    auto& row = out.rows.emplace_back();
    row = {number(rows, 0), rows.integer(1), 0, without_checksum(rows.bytes(3)), without_checksum(rows.bytes(4))};
    if (rows.is_null(4)) return;
    row.raw_seq = number(rows, 2);
    out.streams[static_cast<std::size_t>(Stream::raw)].push_back({row.raw_seq, row.raw, incarnation});
  });
  each("SELECT key >> 56, key & 0xffffffffffffff, body FROM outbox ORDER BY key", [&](const sqlite::Rows& rows) {
    out.streams.at(number(rows, 0)).push_back({number(rows, 1), without_checksum(rows.bytes(2)), incarnation});
  });
  each("SELECT at, state FROM snapshot", [&](const sqlite::Rows& rows) {
    out.snapshot_at = number(rows, 0);
    out.snapshot = without_checksum(rows.bytes(1));
  });
  return out;
}

// Spoils the n-th call to the disk that is no reading, or all from there on.
class Spoiler final : public IoHook {
 public:
  Spoiler(int n, bool for_good, Fault fault) : n_(n), for_good_(for_good), fault_(fault) {}

  Fate before(const IoCall& call) override {
    if (call.io != Io::write && call.io != Io::sync && call.io != Io::truncate && call.io != Io::map) return {};
    ++seen_;
    if (for_good_ ? seen_ < n_ : seen_ != n_) return {};
    spoilt_ = true;
    return {fault_};
  }
  bool spoilt() const { return spoilt_; }

 private:
  int n_, seen_ = 0;
  bool for_good_, spoilt_ = false;
  Fault fault_;
};

class MigrationTest : public StoreTest {
 protected:
  MigrationTest() {
    clock_.set(expected_.rows.back().time + kMinute);
    fs::remove(options_.machine_id);  // with one of its own, the store is a clone's
    place();
  }

  void place() {
    database_.reset();
    for (const fs::path& file : files("weir.db")) fs::remove_all(file);
    fs::copy_file(kV1, options_.file);
  }

  std::int64_t version() const {
    Vfs vfs;
    sqlite::Connection connection(options_.file, sqlite::Access::alone, vfs.name());
    return connection.integer("PRAGMA user_version");
  }

  void expect_content() {
    const auto all = rows();
    ASSERT_THAT(all, SizeIs(expected_.rows.size()));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto& [id, commit, raw, raw_seq, time] = all[i];
      EXPECT_TRUE((expected_.rows[i] == Content::Row{id, time, raw_seq, commit, raw})) << "row " << id;
    }
    for (const Stream stream : kStreams) {
      const auto records = fetch(stream, 0);
      ASSERT_THAT(records, SizeIs(expected_.of(stream).size())) << to_text(stream);
      for (std::size_t i = 0; i < records.size(); ++i) {
        const Record& record = records[i];
        EXPECT_TRUE((expected_.of(stream)[i] == Content::Numbered{record.seq, record.body, record.incarnation}))
            << to_text(stream) << " " << record.seq;
        EXPECT_FALSE(record.damaged);
        EXPECT_TRUE(record.is_for("cloud"));
      }
      EXPECT_EQ(database_->acknowledged("cloud", stream), 0U) << "nothing was acknowledged in the time of v1";
    }
    const auto snapshot = database_->newest_snapshot();
    ASSERT_TRUE(snapshot && *snapshot);
    EXPECT_EQ((*snapshot)->at, expected_.snapshot_at);
    EXPECT_TRUE((*snapshot)->state == expected_.snapshot);
    EXPECT_TRUE(database_->kept("config").value() == expected_.config);
    EXPECT_THAT(verify(), IsEmpty());
  }

  const Content expected_ = content_of_v1();
};

// What the others are compared with is what the README says.
TEST_F(MigrationTest, KnowsWhatV1Holds) {
  EXPECT_THAT(expected_.rows, SizeIs(16));
  const auto dense = [&](Stream stream, std::size_t count) {
    ASSERT_THAT(expected_.of(stream), SizeIs(count));
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(expected_.of(stream)[i].seq, i + 1);
  };
  dense(Stream::alerts, 3);
  dense(Stream::derived, 11);
  dense(Stream::raw, 14);
  dense(Stream::backfill, 0);
  EXPECT_EQ(expected_.snapshot_at, 16U);
  EXPECT_THAT(expected_.snapshot, SizeIs(1'260));
  EXPECT_THAT(expected_.config, HasSubstr("site: {name: migration, agent: migration}"));
  EXPECT_THAT(expected_.of(Stream::alerts)[2].body, HasSubstr("load/3 is 1.0"));
}

TEST_F(MigrationTest, KeepsWhatIsInV1AndGoesOnBehindIt) {
  open();
  EXPECT_THAT(database_->notes(), IsEmpty());
  expect_content();
  const std::string incarnation = database_->incarnation();
  EXPECT_EQ(incarnation, expected_.of(Stream::raw)[0].incarnation) << "it is the same file, as far as can be known";

  EXPECT_EQ(commit("17", "r15", {{Stream::alerts, "a4"}, {Stream::derived, "d12"}, {Stream::backfill, "b1"}}), 17U);
  ASSERT_TRUE(database_->acknowledge("cloud", Stream::raw, 14));
  ASSERT_TRUE(database_->save_snapshot({17, "state"}));
  database_.reset();
  EXPECT_EQ(version(), 2);

  open();
  EXPECT_EQ(rows(16).at(0).raw_seq, 15U);
  for (const auto& [stream, after, body] : {std::tuple(Stream::raw, 14U, "r15"),
                                            {Stream::alerts, 3U, "a4"},
                                            {Stream::derived, 11U, "d12"},
                                            {Stream::backfill, 0U, "b1"}}) {
    const auto records = fetch(stream, after);
    ASSERT_THAT(records, SizeIs(1)) << to_text(stream);
    EXPECT_EQ(records[0].seq, after + 1U);
    EXPECT_EQ(records[0].body, body);
    EXPECT_EQ(records[0].incarnation, incarnation);
  }
  EXPECT_EQ(database_->acknowledged("cloud", Stream::raw), 14U);
  EXPECT_THAT(verify(), IsEmpty());
}

TEST_F(MigrationTest, OnAnotherMachineOnlyWhatComesIsOfAnotherIncarnation) {
  std::ofstream(options_.machine_id) << "0123456789abcdef0123456789abcdef\n";
  open();
  EXPECT_THAT(database_->notes(), testing::ElementsAre(HasSubstr("cloned")));
  expect_content();
  EXPECT_NE(database_->incarnation(), expected_.of(Stream::raw)[0].incarnation);
  commit("17", "r15", {{Stream::alerts, "a4"}});
  EXPECT_EQ(fetch(Stream::raw, 14).at(0).incarnation, database_->incarnation());
  EXPECT_EQ(fetch(Stream::alerts, 3).at(0).incarnation, database_->incarnation());
}

TEST_F(MigrationTest, KnowsTheMigratedFileFromACopy) {
  open();
  const std::string incarnation = database_->incarnation();
  database_.reset();
  fs::copy_file(options_.file, folder_ / "copy");
  fs::rename(folder_ / "copy", options_.file);
  open();
  EXPECT_NE(database_->incarnation(), incarnation);
  expect_content();
}

TEST_F(MigrationTest, ReadsV1WithoutChangingIt) {
  options_.read_only = true;
  open();
  expect_content();
  EXPECT_EQ(database_->stats().last, 16U);
  EXPECT_FALSE(database_->commit(Transaction{}));
  EXPECT_FALSE(database_->keep("config", "another"));
  database_.reset();
  EXPECT_TRUE(bytes_of(options_.file) == bytes_of(kV1));
}

TEST_F(MigrationTest, RefusesANewerSchema) {
  {
    std::fstream file(options_.file, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(kUserVersionAt + 3);
    file.put(3);
  }
  const std::string before = bytes_of(options_.file);
  for (const bool read_only : {false, true}) {
    options_.read_only = read_only;
    const auto opened = Database::open(options_, clock_);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().text(), HasSubstr("written by a newer weir (schema 3, this one knows 2)"));
    EXPECT_TRUE(bytes_of(options_.file) == before);
    EXPECT_THAT(files("damaged"), IsEmpty());
  }
}

TEST_F(MigrationTest, CanFailAnywhereAndBeDoneTheNextTime) {
  int failed_in_v1 = 0;
  for (const Fault fault : {Fault::io, Fault::full})
    for (const bool for_good : {false, true})
      for (int n = 1;; ++n) {
        SCOPED_TRACE("call " + std::to_string(n) + (for_good ? " and all behind it" : ""));
        place();
        Spoiler spoiler(n, for_good, fault);
        options_.io = &spoiler;
        {
          const auto opened = open_file(options_, clock_, {});
          if (!opened) {
            EXPECT_FALSE(opened.error().damage) << opened.error().text();
          }
        }
        options_.io = nullptr;
        failed_in_v1 += version() == 1;
        open();
        EXPECT_THAT(database_->notes(), IsEmpty());
        expect_content();
        EXPECT_EQ(database_->incarnation(), expected_.of(Stream::raw)[0].incarnation);
        database_.reset();
        EXPECT_EQ(version(), 2);
        if (!spoiler.spoilt()) break;
        if (HasFailure()) return;
      }
  EXPECT_GT(failed_in_v1, 4) << "it never failed in the middle";
}

}  // namespace
}  // namespace weir::store
