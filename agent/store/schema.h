// The tables, and which version of them a file has.
#pragma once

#include "store/sqlite.h"

namespace weir::store {

inline constexpr int kSchemaVersion = 1;

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

// Throws sqlite::Failure if a table of the version is missing.
void check_tables(sqlite::Connection& connection);

}  // namespace weir::store
