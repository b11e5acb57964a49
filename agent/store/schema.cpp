#include "store/schema.h"

namespace weir::store {
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
      "  commit_ BLOB NOT NULL, raw BLOB, raw_bytes INTEGER NOT NULL DEFAULT 0);"
      "CREATE TABLE outbox (key INTEGER PRIMARY KEY, log_id INTEGER NOT NULL, body BLOB NOT NULL,"
      "  time INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, except_ TEXT);"
      "CREATE TABLE snapshot (at INTEGER PRIMARY KEY, state BLOB NOT NULL);"
      "PRAGMA application_id = " +
      std::to_string(kApplicationId) + "; PRAGMA user_version = " + std::to_string(kSchemaVersion));
}

void migrate_tables(sqlite::Connection& connection, int from) {
  if (from < 2)
    connection.run(
        "ALTER TABLE log ADD COLUMN raw_bytes INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE outbox ADD COLUMN time INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE outbox ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE outbox ADD COLUMN except_ TEXT;");
  connection.run("PRAGMA user_version = " + std::to_string(kSchemaVersion));
}

void show_as_newest(sqlite::Connection& connection, int version) {
  if (version < 2)
    connection.run(
        "CREATE TEMP VIEW log AS SELECT id, time, raw_seq, commit_, raw, 0 AS raw_bytes FROM main.log;"
        "CREATE TEMP VIEW outbox AS SELECT key, log_id, body, 0 AS time, 0 AS bytes, NULL AS except_ FROM "
        "main.outbox;"
        // Without these no statement that writes could even be prepared.
        "CREATE TEMP TRIGGER log_in INSTEAD OF INSERT ON log BEGIN SELECT raise(ABORT, 'read only'); END;"
        "CREATE TEMP TRIGGER log_out INSTEAD OF DELETE ON log BEGIN SELECT raise(ABORT, 'read only'); END;"
        "CREATE TEMP TRIGGER outbox_in INSTEAD OF INSERT ON outbox BEGIN SELECT raise(ABORT, 'read only'); END;"
        "CREATE TEMP TRIGGER outbox_out INSTEAD OF DELETE ON outbox BEGIN SELECT raise(ABORT, 'read only'); END;");
}

void check_tables(sqlite::Connection& connection) {
  if (connection.integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND"
                         " name IN ('meta', 'log', 'outbox', 'snapshot')") != 4)
    throw sqlite::damaged("tables are missing");
}

}  // namespace weir::store
