// SQLite in C++'s manners. Only this room's sqlite.cpp and vfs.cpp see sqlite3.h.
//
// Inside the room a failed call throws Failure; database.cpp turns it into an Error at the seam.
// One thread at a time, as the connection.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::store::sqlite {

class Failure final : public std::exception {
 public:
  enum class Kind { damaged, full, read_only, io, locked, refused, other };  // refused: not by SQLite, but by us

  Failure(Kind kind, Error error, bool bad_read = false)
      : kind_(kind), bad_read_(bad_read), error_(std::move(error)) {}
  Kind kind() const { return kind_; }
  bool is_bad_read() const { return bad_read_; }  // the disk could not give back what is in the file
  // As Error::damage: an unreadable sector is a damaged file too. A disk that takes no new file says so when that is
  // made.
  bool is_damage() const { return kind_ == Kind::damaged || bad_read_; }
  bool is_unwritable() const {  // as Error::unwritable
    return !bad_read_ && (kind_ == Kind::full || kind_ == Kind::read_only || kind_ == Kind::io);
  }
  const Error& error() const { return error_; }
  const char* what() const noexcept override { return error_.what.c_str(); }

 private:
  Kind kind_;
  bool bad_read_;
  Error error_;
};

// For what SQLite takes for sound and our own checks do not.
Failure damaged(std::string what);

struct Blob {
  std::string_view bytes;
};

class Connection;

// The rows of one run of a statement. Its end gives back the read lock, so keep it short.
class Rows {
 public:
  explicit Rows(sqlite3* connection, sqlite3_stmt* statement) : connection_(connection), statement_(statement) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  bool next();
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string_view bytes(int column) const;  // text or blob; until the next call of next()

 private:
  sqlite3* connection_;
  sqlite3_stmt* statement_;
};

class Statement {
 public:
  Statement(Connection& connection, std::string_view sql);
  Statement(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // What is bound must outlive the rows.
  template <class... Values>
  Rows query(const Values&... values) {
    int at = 0;
    (bind(++at, values), ...);
    return Rows(connection_, statement_);
  }

  template <class... Values>
  void run(const Values&... values) {
    Rows rows = query(values...);
    while (rows.next()) {
    }
  }

 private:
  void bind(int at, std::int64_t value);
  void bind(int at, std::uint64_t value) { bind(at, static_cast<std::int64_t>(value)); }
  void bind(int at, int value) { bind(at, static_cast<std::int64_t>(value)); }
  void bind(int at, std::string_view text);
  void bind(int at, Blob blob);
  template <class Value>
  void bind(int at, const std::optional<Value>& value) {
    if (value) bind(at, *value);
    else bind(at, nullptr);
  }
  void bind(int at, std::nullptr_t);
  void check(int code);

  sqlite3* connection_;
  sqlite3_stmt* statement_ = nullptr;
};

enum class Access {
  read_write,
  read_only,
  immutable,  // nobody writes: takes no locks, makes no files
  alone       // to read, nobody else has it open: takes no locks, makes no files, and knows what is in the WAL
};

class Connection {
 public:
  // `vfs`: the name of a registered one.
  Connection(const std::filesystem::path& file, Access access, const std::string& vfs);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  void run(const std::string& sql);
  std::int64_t integer(const std::string& sql);  // the first column of the first row

  // Whether closing moves the WAL into the file. Off: closing changes nothing.
  void set_checkpoint_on_close(bool on);

  // Moves what readers allow from the WAL into the file.
  void checkpoint();

  // How many pages the WAL had after the last commit; 0 once they are all moved.
  std::uint64_t wal_pages() const { return wal_pages_; }

  sqlite3* handle() const { return connection_; }

 private:
  sqlite3* connection_ = nullptr;
  std::uint64_t wal_pages_ = 0;
};

// A transaction that is undone unless it was committed.
class Scope {
 public:
  explicit Scope(Connection& connection) : connection_(connection) { connection_.run("BEGIN IMMEDIATE"); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();

  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

}  // namespace weir::store::sqlite
