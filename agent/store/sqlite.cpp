#include "store/sqlite.h"

#include <sqlite3.h>

#include <cassert>
#include <utility>

namespace weir::store::sqlite {
namespace {

using Kind = Failure::Kind;

Kind kind_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Kind::damaged;
    case SQLITE_FULL: return Kind::full;
    case SQLITE_READONLY:
    case SQLITE_PERM: return Kind::read_only;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Kind::locked;
    case SQLITE_IOERR: return Kind::io;
    default: return Kind::other;
  }
}

std::string hint_for(int code) {
  switch (kind_of(code)) {
    case Kind::damaged: return "see it with 'weir queue verify'; a restart sets the damaged file aside";
    case Kind::full: return "free some space on that file system, or lower store.quota";
    case Kind::read_only: return "is the file system mounted read-only, or the file not writable for the user weir?";
    case Kind::locked: return "another program holds the store for writing: end it";
    case Kind::io: return "the disk or card may be failing: see 'dmesg'";
    case Kind::refused:
    case Kind::other: break;
  }
  if ((code & 0xFF) == SQLITE_CANTOPEN) return "does the folder exist, and may the user weir write to it?";
  return {};
}

[[noreturn]] void raise(sqlite3* connection, int code) {
  std::string what = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  const int extended = connection != nullptr ? sqlite3_extended_errcode(connection) : code;
  if ((extended & 0xFF) != (code & 0xFF)) what = sqlite3_errstr(code);
  else if (extended > 0xFF) what += " [" + std::to_string(extended) + "]";
  throw Failure(
      kind_of(code), Error{std::move(what), hint_for(code)},
      extended == SQLITE_IOERR_READ || extended == SQLITE_IOERR_SHORT_READ || extended == SQLITE_IOERR_CORRUPTFS);
}

int count_wal_pages(void* counter, sqlite3*, const char*, int pages) {
  *static_cast<std::uint64_t*>(counter) = static_cast<std::uint64_t>(pages);
  return SQLITE_OK;
}

std::string as_uri(const std::filesystem::path& file) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(file).string()) {
    if (c == '%') uri += "%25";
    else if (c == '?') uri += "%3f";
    else if (c == '#') uri += "%23";
    else uri += c;
  }
  return uri;
}

}  // namespace

Failure damaged(std::string what) { return {Kind::damaged, Error{std::move(what), hint_for(SQLITE_CORRUPT)}}; }

Rows::~Rows() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) raise(connection_, code);
  return false;
}

bool Rows::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t Rows::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Rows::bytes(int column) const {
  const void* at = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  // A value that could not be read into memory is null as well; only the error code tells.
  if (at == nullptr) {
    const int code = sqlite3_errcode(connection_);
    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) raise(connection_, code);
    return {};
  }
  return {static_cast<const char*>(at), static_cast<std::size_t>(size)};
}

Statement::Statement(Connection& connection, std::string_view sql) : connection_(connection.handle()) {
  check(sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                           &statement_, nullptr));
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::check(int code) {
  if (code != SQLITE_OK) raise(connection_, code);
}

void Statement::bind(int at, std::int64_t value) { check(sqlite3_bind_int64(statement_, at, value)); }

void Statement::bind(int at, std::string_view text) {
  check(sqlite3_bind_text64(statement_, at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind(int at, Blob blob) {
  check(sqlite3_bind_blob64(statement_, at, blob.bytes.data(), blob.bytes.size(), SQLITE_STATIC));
}

void Statement::bind(int at, std::nullptr_t) { check(sqlite3_bind_null(statement_, at)); }

Connection::Connection(const std::filesystem::path& file, Access access, const std::string& vfs) {
  std::string uri = as_uri(file);
  if (access == Access::immutable) uri += "?immutable=1";
  const int flags =
      (access == Access::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) |
      SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
  // SQLite keeps the index of the WAL in memory when it has the file for itself, and asks for a lock to believe that.
  const char* const lockless = "unix-none";
  const int code =
      sqlite3_open_v2(uri.c_str(), &connection_, flags, access == Access::alone ? lockless : vfs.c_str());
  if (code != SQLITE_OK) {
    Error error{sqlite3_errmsg(connection_), hint_for(code)};
    sqlite3_close(connection_);
    throw Failure(kind_of(code), std::move(error));
  }
  sqlite3_busy_timeout(connection_, 2'000);
  if (access == Access::alone)
    sqlite3_exec(connection_, "PRAGMA locking_mode = EXCLUSIVE", nullptr, nullptr, nullptr);
  // A hostile or damaged file must not run code of its own or make SQLite trust its schema.
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Who cannot write needs those of show_as_newest(), and the file's own cannot do anything.
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_ENABLE_TRIGGER, access == Access::read_write ? 0 : 1, nullptr);
  // In place of the automatic checkpoint, which would delay the commit that meets it.
  sqlite3_wal_hook(connection_, count_wal_pages, &wal_pages_);
}

Connection::~Connection() {
  [[maybe_unused]] const int code = sqlite3_close(connection_);
  assert(code == SQLITE_OK);  // else a statement outlived the connection
}

void Connection::run(const std::string& sql) {
  const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) raise(connection_, code);
}

std::int64_t Connection::integer(const std::string& sql) {
  Statement statement(*this, sql);
  Rows rows = statement.query();
  return rows.next() ? rows.integer(0) : 0;
}

void Connection::set_checkpoint_on_close(bool on) {
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 0 : 1, nullptr);
}

void Connection::checkpoint() {
  int in_wal = 0, moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_wal, &moved);
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) return;  // another one is at it
  if (code != SQLITE_OK) raise(connection_, code);
  if (in_wal >= 0 && in_wal == moved) wal_pages_ = 0;
}

Scope::~Scope() {
  if (!open_) return;
  // SQLite itself undoes a transaction that fails of a full disk or an I/O error.
  if (sqlite3_get_autocommit(connection_.handle()) == 0)
    sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Scope::commit() {
  connection_.run("COMMIT");
  open_ = false;
}

}  // namespace weir::store::sqlite
