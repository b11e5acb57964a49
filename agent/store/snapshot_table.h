// The two newest snapshots: the second is there for when the first turns out to be damaged.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/seal.h"
#include "store/sqlite.h"

namespace weir::store {

class SnapshotTable {
 public:
  SnapshotTable(sqlite::Connection& connection, const Seal& seal);

  // Reads both. The ids of those that fail their checksum; they are not counted from here on.
  std::vector<LogId> load();

  std::optional<Snapshot> newest();
  void save(const Snapshot& snapshot);  // in the caller's transaction; the third newest goes
  void erase(LogId at);

  LogId newest_at() const { return sound_.empty() ? 0 : sound_.back(); }
  std::uint64_t bytes() const { return bytes_; }                                  // of the newest that load() found
  LogId oldest_needed() const { return sound_.size() < 2 ? 0 : sound_.front(); }  // the log up to here may go

  const std::vector<LogId>& marks() const { return sound_; }
  void set_marks(std::vector<LogId> marks) { sound_ = std::move(marks); }

  void verify(std::vector<std::string>& wrong);

 private:
  const Seal& seal_;
  sqlite::Statement insert_, read_, delete_, delete_other_, ids_;
  std::uint64_t bytes_ = 0;
  std::vector<LogId> sound_;  // ascending, at most two
};

}  // namespace weir::store
