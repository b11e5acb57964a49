#include "store/snapshot_table.h"

#include "store/seal.h"

namespace weir::store {

SnapshotTable::SnapshotTable(sqlite::Connection& connection, const Seal& seal)
    : seal_(seal),
      insert_(connection, "INSERT OR REPLACE INTO snapshot (at, state) VALUES (?1, ?2)"),
      read_(connection, "SELECT state FROM snapshot WHERE at = ?1"),
      delete_(connection, "DELETE FROM snapshot WHERE at = ?1"),
      delete_other_(connection, "DELETE FROM snapshot WHERE at NOT IN (?1, ?2)"),
      ids_(connection, "SELECT at FROM snapshot ORDER BY at") {}

std::vector<LogId> SnapshotTable::load() {
  sound_.clear();
  std::vector<LogId> all, damaged;
  {
    sqlite::Rows rows = ids_.query();
    while (rows.next()) all.push_back(static_cast<LogId>(rows.integer(0)));
  }
  for (const LogId at : all) {
    sqlite::Rows rows = read_.query(at);
    if (rows.next() && seal_.open({Role::snapshot, at}, rows.bytes(0))) {
      sound_.push_back(at);
      bytes_ = rows.bytes(0).size();
    } else damaged.push_back(at);
  }
  return damaged;
}

std::optional<Snapshot> SnapshotTable::newest() {
  // A flash cell may have gone bad since load(): fall back then as well.
  while (!sound_.empty()) {
    sqlite::Rows rows = read_.query(sound_.back());
    if (rows.next())
      if (auto state = seal_.open({Role::snapshot, sound_.back()}, rows.bytes(0)))
        return Snapshot{sound_.back(), std::move(*state)};
    sound_.pop_back();
  }
  return std::nullopt;
}

void SnapshotTable::save(const Snapshot& snapshot) {
  const std::string state = seal_.close({Role::snapshot, snapshot.at}, snapshot.state);
  insert_.run(snapshot.at, sqlite::Blob{state});
  if (newest_at() != snapshot.at) sound_.push_back(snapshot.at);
  if (sound_.size() > 2) sound_.erase(sound_.begin());
  delete_other_.run(sound_.front(), sound_.back());
}

void SnapshotTable::erase(LogId at) { delete_.run(at); }

void SnapshotTable::verify(std::vector<std::string>& wrong) {
  for (const LogId at : load())
    wrong.push_back("the snapshot at log row " + std::to_string(at) + " fails its checksum");
}

}  // namespace weir::store
