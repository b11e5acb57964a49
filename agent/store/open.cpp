#include "store/open.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "store/encryption.h"
#include "store/folder.h"
#include "store/lock.h"
#include "store/raw_file.h"
#include "store/schema.h"
#include "store/steady_database.h"
#include "store/wal_check.h"

namespace weir::store {
namespace {

using Kind = sqlite::Failure::Kind;
namespace fs = std::filesystem;

fs::path with(const fs::path& file, std::string_view suffix) { return file.string() + std::string(suffix); }

// What cannot be looked at may be there.
bool has_wal(const fs::path& file) {
  std::error_code error;
  return fs::status(with(file, "-wal"), error).type() != fs::file_type::not_found;
}

std::string stamp(Timestamp time) {
  std::string out;  // 2026-11-21T01:18:39Z -> 20261121-011839
  for (const char c : to_iso(time - time % kSecond)) {
    if (c == 'T') out += '-';
    else if (c >= '0' && c <= '9') out += c;
  }
  return out;
}

std::unexpected<Error> cannot_open(const Options& options, const Error& error) {
  return fail("cannot open the store " + options.file.string() + ": " + error.what, error.hint);
}

std::unexpected<Error> cannot_open(const Options& options, const sqlite::Failure& failure) {
  auto error = cannot_open(options, failure.error());
  error.error().damage = failure.is_damage();
  return error;
}

// Not ours to open, and not damaged either: nothing is touched.
struct Refused {
  Error error;
};

void check_kind(const FileKind& kind) {
  if (kind.version > kSchemaVersion && kind.ours)
    throw Refused{{"it was written by a newer weir (schema " + std::to_string(kind.version) + ", this one knows " +
                       std::to_string(kSchemaVersion) + ")",
                   "install that version of weir again, or give this one another store.path; nothing was changed"}};
  if (!kind.empty && !kind.ours)
    throw Refused{{"it is an SQLite database, but not one of weir's", "is store.path right? Nothing was changed"}};
}

constexpr std::string_view kMagic("SQLite format 3", 16);

// What was never a store, where a person names one: SQLite would take it for a failing disk. A damaged store has
// still its whole pages, or its beginning.
void check_is_store(const fs::path& path) {
  if (::access(path.c_str(), R_OK) != 0) {
    const int why = errno;
    if (why == ENOENT || why == ENOTDIR)
      throw Refused{{"there is no such file", "is store.path right, and has the agent ever run?"}};
    Error error = file_error("it cannot be read", why);
    if (why == EACCES) error.hint = "run it with sudo, or as the user weir";
    throw Refused{error};
  }
  constexpr const char* kHint = "name the database file itself, as store.path in weir.yaml does";
  std::error_code error;
  if (fs::is_directory(path, error)) throw Refused{{"it is a folder", kHint}};
  const auto file = RawFile::open(path);
  std::array<unsigned char, kMagic.size()> magic{};
  if (!file || file->size() % kPageSize == 0 || !file->read(magic, 0)) return;
  if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0)
    throw Refused{{"it is no store: no SQLite database", kHint}};
}

// A header that says it is ours, and what none of ours says
// (https://www.sqlite.org/fileformat2.html#the_database_header): SQLite takes such a file for one of a later version
// of itself.
bool header_is_spoilt(const fs::path& path) {
  const auto file = RawFile::open(path);
  std::array<unsigned char, 72> header{};
  if (!file || file->size() < kPageSize || !file->read(header, 0)) return false;
  if (std::memcmp(header.data(), kMagic.data(), kMagic.size()) != 0 || big_endian_32(&header[68]) != kApplicationId)
    return false;
  const bool format = (header[18] == 1 || header[18] == 2) && (header[19] == 1 || header[19] == 2);
  return !format || big_endian_16(&header[16]) != kPageSize || header[20] != 0 || header[21] != 64 ||
         header[22] != 32 || header[23] != 32 || big_endian_32(&header[44]) != 4 || big_endian_32(&header[56]) != 1;
}

// What SQLite would not say, or say otherwise.
void check_files(const fs::path& file) {
  std::error_code error;
  if (fs::is_directory(file, error)) throw sqlite::damaged("it is a folder");
  if (header_is_spoilt(file)) throw sqlite::damaged("its header is spoilt");
  if (const auto wal = read_wal(with(file, "-wal")); wal && wal->damage) throw sqlite::damaged(*wal->damage);
}

std::unique_ptr<SqliteDatabase> open_for_writing(const Options& options, const Clock& clock,
                                                 std::vector<std::string> notes) {
  check_files(options.file);
  auto vfs = std::make_unique<Vfs>(options.io);
  const bool at_rest = !has_wal(options.file);
  auto connection = std::make_unique<sqlite::Connection>(options.file, sqlite::Access::read_write, vfs->name());
  connection->set_checkpoint_on_close(at_rest);  // leaves nothing behind then, and a WAL as it is else
  const FileKind kind = kind_of(*connection);
  check_kind(kind);
  if (kind.empty) {
    connection->run("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL");
  } else {
    check_tables(*connection);
    static_cast<void>(unlock(*connection, options.key));  // before anything is written
  }
  configure(*connection);
  if (kind.empty) {
    sqlite::Scope scope(*connection);
    create_tables(*connection);
    scope.commit();
    sync_folder(options.file);
  } else if (kind.version < kSchemaVersion) {
    sqlite::Scope scope(*connection);
    migrate_tables(*connection, kind.version);
    scope.commit();
  }
  check_tables(*connection);
  connection->set_checkpoint_on_close(true);
  return std::make_unique<SqliteDatabase>(options, clock, std::move(vfs), std::move(connection), std::move(notes));
}

std::unique_ptr<SqliteDatabase> open_for_reading(const Options& options, const Clock& clock, sqlite::Access access) {
  auto vfs = std::make_unique<Vfs>(options.io);
  auto connection = std::make_unique<sqlite::Connection>(options.file, access, vfs->name());
  const FileKind kind = kind_of(*connection);
  check_kind(kind);
  if (kind.empty) throw Refused{{"there is nothing in it yet", "has the agent ever run?"}};
  check_tables(*connection);
  connection->run(
      "PRAGMA cache_size = -1024; PRAGMA mmap_size = 0; PRAGMA cell_size_check = 1; PRAGMA temp_store = MEMORY");
  show_as_newest(*connection, kind.version);
  return std::make_unique<SqliteDatabase>(options, clock, std::move(vfs), std::move(connection),
                                          std::vector<std::string>());
}

Result<std::unique_ptr<Database>> read(const Options& options, const Clock& clock) {
  try {
    check_is_store(options.file);
    return open_for_reading(options, clock, sqlite::Access::read_only);
  } catch (const Refused& refused) {
    return cannot_open(options, refused.error);
  } catch (const sqlite::Failure& failure) {
    // Without an agent there may be no -shm, and a reader may not be allowed to make one. With no WAL
    // either, the file is complete and at rest.
    if (failure.kind() == Kind::damaged || has_wal(options.file)) return cannot_open(options, failure);
  }
  try {
    return open_for_reading(options, clock, sqlite::Access::immutable);
  } catch (const Refused& refused) {
    return cannot_open(options, refused.error);
  } catch (const sqlite::Failure& failure) {
    return cannot_open(options, failure);
  }
}

}  // namespace

const char* to_text(Stream stream) {
  switch (stream) {
    case Stream::alerts: return "alerts";
    case Stream::derived: return "derived";
    case Stream::raw: return "raw";
    case Stream::backfill: return "backfill";
  }
  return "no stream";
}

Result<Committed> Database::commit(const Transaction& transaction) {
  auto committed = commit(std::span(&transaction, 1));
  if (!committed) return std::unexpected(std::move(committed.error()));
  return committed->front();
}

Result<fs::path> Database::set_aside(const fs::path& file, const Clock& clock) {
  const std::string base = file.string() + ".damaged-" + stamp(clock.now());
  fs::path aside = base;
  std::error_code error;
  for (int i = 2; fs::exists(aside, error); ++i) aside = base + "-" + std::to_string(i);
  for (const char* suffix : kStoreSuffixes) {
    fs::rename(with(file, suffix), with(aside, suffix), error);
    if (error && error != std::errc::no_such_file_or_directory)
      return fail("cannot set " + with(file, suffix).string() + " aside as " + with(aside, suffix).string() + ": " +
                      error.message(),
                  "is the folder writable for the user weir?");
  }
  sync_folder(file);
  return aside;
}

Result<std::unique_ptr<SqliteDatabase>> open_file(const Options& options, const Clock& clock,
                                                  std::vector<std::string> notes) {
  if (auto finished = finish_mending(options.file); !finished) return cannot_open(options, finished.error());
  const bool blank = is_blank(options.file);
  try {
    return open_for_writing(options, clock, std::move(notes));
  } catch (const Refused& refused) {
    return cannot_open(options, refused.error);
  } catch (const sqlite::Failure& failure) {
    auto error = cannot_open(options, failure);
    if (blank && (failure.is_damage() || failure.is_unwritable())) {
      // What was not there cannot be damaged; half of it must not be taken for that the next time.
      remove_store(options.file);
      error = fail("cannot make the store " + options.file.string() + ": " +
                       (failure.is_damage() ? "the disk does not give back what was written" : failure.error().what),
                   failure.is_damage() ? "the disk or card may be failing: see 'dmesg'" : failure.error().hint);
      error.error().unwritable = true;
      return error;
    }
    // That a file could not be opened does not tell why.
    error.error().unwritable =
        failure.is_unwritable() || (failure.kind() == Kind::other && takes_nothing(folder_of(options.file)));
    return error;
  }
}

Result<std::unique_ptr<SqliteDatabase>> look_into(const Options& options, const Clock& clock) {
  Options looking = options;
  looking.read_only = true;
  try {
    // At rest there is no WAL, and none can be made.
    const bool at_rest = !has_wal(options.file);
    return open_for_reading(looking, clock, at_rest ? sqlite::Access::immutable : sqlite::Access::alone);
  } catch (const Refused& refused) {
    return cannot_open(options, refused.error);
  } catch (const sqlite::Failure& failure) {
    return cannot_open(options, failure.error());
  }
}

Result<std::vector<std::string>> replace_damaged(const Options& options, const Clock& clock, const std::string& why,
                                                 const Known& known) {
  auto mended = mend(options, clock, why, known);
  if (!mended) return cannot_open(options, {why + "; " + mended.error().what, mended.error().hint});
  return std::move(mended->notes);
}

Result<std::unique_ptr<Database>> Database::open(const Options& options, const Clock& clock) {
  return options.read_only ? read(options, clock) : SteadyDatabase::open(options, clock);
}

}  // namespace weir::store
