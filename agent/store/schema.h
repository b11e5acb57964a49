// The tables, and which version of them a file has.
#pragma once

#include <cstdint>

#include "store/sqlite.h"

namespace weir::store {

inline constexpr int kSchemaVersion = 2;
inline constexpr std::int64_t kApplicationId = 0x57656972;  // "Weir"

// What a file is, as its header says.
struct FileKind {
  bool empty = false;  // no tables: just made, or the power went while it was
  bool ours = false;
  int version = 0;
};

FileKind kind_of(sqlite::Connection& connection);

// How SQLite is to treat the connection.
void configure(sqlite::Connection& connection);

// In an empty file; in the caller's transaction.
void create_tables(sqlite::Connection& connection);

// From an older version to ours, whatever lies between; in the caller's transaction. Rows are left as they are.
void migrate_tables(sqlite::Connection& connection, int from);

// Shows a connection that may not write the tables of an older version as ours. Nothing can be written through it.
void show_as_newest(sqlite::Connection& connection, int version);

// Throws sqlite::Failure if a table of the version is missing.
void check_tables(sqlite::Connection& connection);

}  // namespace weir::store
