// How much the store may still take: its quota, and what the file system has beside what is left to others.
//
// The quota is for all its files. The WAL gets an allowance of its own and is moved into the file before it grows
// beyond that; the rest is for pages of the database. Pages that were freed are used again, and the file never
// shrinks: where the file system gets tight, the file stays as large as it is.
#pragma once

#include <filesystem>

#include "store/database.h"
#include "store/sqlite.h"

namespace weir::store {

// What is left to others on a file system of so many bytes.
std::uint64_t left_to_others(const Limits& limits, std::uint64_t file_system);

class Room {
 public:
  Room(sqlite::Connection& connection, std::filesystem::path file, const Clock& clock);

  void set_limits(const Limits& limits);

  // Whether so many bytes more fit. Asks the file system at most every second, and counts pages only where it is
  // tight.
  bool has(std::uint64_t bytes);
  void took(std::uint64_t bytes) { used_ += bytes; }

  std::uint64_t limit();    // for what is kept
  std::uint64_t used();     // by what is kept, as it is now
  std::uint64_t reserve();  // of the limit: for what was on its way, and what it causes, and for upkeep

  // Of the reserve, for what has to be written whatever comes: marks, and a snapshot beside the two that are kept.
  // Without them nothing could ever be trimmed.
  std::uint64_t upkeep() const;
  void set_snapshot(std::uint64_t bytes) { snapshot_ = bytes; }

  std::uint64_t wal_pages() const;  // its allowance

 private:
  void look();
  std::uint64_t pages(sqlite::Statement& statement);

  std::filesystem::path file_;
  const Clock& clock_;
  sqlite::Connection& connection_;
  sqlite::Statement page_count_, free_pages_;
  Limits limits_;
  std::uint64_t used_ = 0, limit_ = 0, snapshot_ = 0;
  Nanoseconds looked_ = 0;  // boottime
  bool known_ = false;
};

}  // namespace weir::store
