#include "store/maintenance.h"

#include <utility>

#include "store/folder.h"
#include "store/lock.h"
#include "store/open.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/vfs.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;

Error nothing_there(const fs::path& file) {
  return {"there is no store " + file.string(), "is store.path right, and has the agent ever run?"};
}

}  // namespace

Result<Salvaged> repair(const Options& options, const Clock& clock) {
  auto lock = Lock::take(options.file);
  if (!lock) return std::unexpected(std::move(lock.error()));
  if (auto finished = finish_mending(options.file); !finished) return std::unexpected(finished.error());
  std::error_code error;
  if (!fs::exists(options.file, error)) return std::unexpected(nothing_there(options.file));
  // What is not to be touched says so.
  std::string why = "it was asked to be repaired";
  if (auto opened = open_file(options, clock, {}); !opened) {
    if (!opened.error().damage) return std::unexpected(std::move(opened.error()));
    why = std::move(opened.error().what);
  }
  return mend(options, clock, why, lock->known().value_or(Known()));
}

Result<Vacuumed> vacuum(const fs::path& file) {
  auto lock = Lock::take(file);
  if (!lock) return std::unexpected(std::move(lock.error()));
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return std::unexpected(nothing_there(file));
  const auto cannot = [&](const Error& why) {
    return fail("cannot vacuum " + file.string() + ": " + why.what, why.hint);
  };
  Vacuumed out;
  out.before = fs::file_size(file, error);
  try {
    const Vfs vfs;
    sqlite::Connection connection(file, sqlite::Access::read_write, vfs.name());
    const FileKind kind = kind_of(connection);
    if (!kind.ours || kind.version > kSchemaVersion)
      return cannot({"it is no store that this weir knows; nothing was changed", "is store.path right?"});
    // The copy goes through the WAL, which then is as long as it, and with it into the file.
    const auto used = static_cast<std::uint64_t>(connection.integer("PRAGMA page_count") -
                                                 connection.integer("PRAGMA freelist_count")) *
                      4'096;
    const std::uint64_t needed = 2 * used + (1 << 20);
    const auto space = fs::space(folder_of(file), error);
    if (!error && space.available < needed)
      return cannot({"that takes " + std::to_string(needed >> 20) + " MiB for a while, and " +
                         std::to_string(space.available >> 20) + " MiB are free",
                     "make room on that file system first; the store itself uses its free pages again"});
    connection.run("PRAGMA synchronous = FULL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (const sqlite::Failure& failure) {
    return cannot(failure.error());
  }
  out.after = fs::file_size(file, error);
  return out;
}

}  // namespace weir::store
