#include "store/schema.h"

namespace weir::store {
namespace {

constexpr std::int64_t kApplicationId = 0x57656972;  // "Weir"

}  // namespace

FileKind kind_of(sqlite::Connection& connection) {
  FileKind kind;
  kind.empty = connection.integer("SELECT count(*) FROM sqlite_schema") == 0;
  kind.ours = connection.integer("PRAGMA application_id") == kApplicationId;
  kind.version = static_cast<int>(connection.integer("PRAGMA user_version"));
  return kind;
}

void configure(sqlite::Connection& connection) {
  // synchronous=FULL syncs the WAL with every commit. secure_delete would write zeros over what is
  // trimmed (Debian turns it on). Checkpoints are our own (tidy). What is cached, and the journal that
  // stays, are small: an edge box has little memory, and its store is read from one end to the other.
  connection.run(
      "PRAGMA synchronous = FULL;"
      "PRAGMA secure_delete = 0;"
      "PRAGMA journal_size_limit = 16777216;"
      "PRAGMA cache_size = -1024;"
      "PRAGMA mmap_size = 0;"
      "PRAGMA temp_store = MEMORY;"
      "PRAGMA cell_size_check = 1;");
}

void create_tables(sqlite::Connection& connection) {
  connection.run(
      "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
      "CREATE TABLE log (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, raw_seq INTEGER NOT NULL,"
      "  commit_ BLOB NOT NULL, raw BLOB);"
      "CREATE TABLE outbox (key INTEGER PRIMARY KEY, log_id INTEGER NOT NULL, body BLOB NOT NULL);"
      "CREATE TABLE snapshot (at INTEGER PRIMARY KEY, state BLOB NOT NULL);"
      "PRAGMA application_id = " +
      std::to_string(kApplicationId) + "; PRAGMA user_version = " + std::to_string(kSchemaVersion));
}

void check_tables(sqlite::Connection& connection) {
  if (connection.integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND"
                         " name IN ('meta', 'log', 'outbox', 'snapshot')") != 4)
    throw sqlite::damaged("tables are missing");
}

}  // namespace weir::store
