// What the commits caused and the clouds have not yet: alerts, derived values, backfill.
//
//   outbox(key INTEGER PRIMARY KEY, log_id, body, time, bytes, except_)
//
// key is stream << 56 | seq. time is the commit's; bytes the size of all records of the stream ever up to and with
// this one, as they are stored; rows of before schema 2 have 0 for both. except_ names the uplinks that are not to
// get the record, '\n' around and between: they have what it stands for, or do not take the stream it speaks of. A
// rowid table and not a WITHOUT ROWID one: a body of up to a page stays in its leaf there, where an index would move
// all above a quarter of a page to pages of their own.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/holes.h"
#include "store/log_table.h"
#include "store/seal.h"
#include "store/sqlite.h"

namespace weir::store {

inline constexpr int kSeqBits = 56;
inline constexpr StreamSeq kSeqMask = (StreamSeq{1} << kSeqBits) - 1;

// What the seal of a record is over.
Place place_of_output(std::uint64_t key, LogId log_id, std::string_view except);

class OutboxTable {
 public:
  struct Mark {
    StreamSeq first = 0, last = 0;  // 0: empty
    std::uint64_t bytes = 0;        // of the last row
  };
  using Marks = std::array<Mark, 5>;  // by Stream; those of raw are not used

  OutboxTable(sqlite::Connection& connection, const Seal& seal);
  void load();

  const Mark& mark(Stream stream) const { return marks_[static_cast<std::size_t>(stream)]; }
  const Marks& marks() const { return marks_; }

  // What comes is numbered from `next` on at least: numbers were given whose rows are gone.
  void go_on_from(Stream stream, StreamSeq next);
  void set_marks(const Marks& marks) { marks_ = marks; }

  void append(const Output& output, LogId log_id, Timestamp time, std::string_view except = {});

  // With the number that it was given elsewhere, which rises.
  void insert(Stream stream, StreamSeq seq, LogId log_id, Timestamp time, std::string_view except,
              std::string_view body);
  std::vector<Record> fetch(Stream stream, StreamSeq after, std::size_t bytes);

  // Deletes at most `most` of the oldest records up to `through` (trim) or of commits before `log_id`
  // (trim_before), never the newest, which keeps the numbering. True if there may be more.
  bool trim(Stream stream, StreamSeq through, std::uint64_t most);
  bool trim_before(Stream stream, LogId log_id, std::uint64_t most);

  // As LogTable's; of records with one and the same `except`.
  Run run(Stream stream, StreamSeq after, StreamSeq until, Timestamp expired, std::size_t bytes);
  void erase(Stream stream, StreamSeq first, StreamSeq last);

  std::optional<Front> front(Stream stream, StreamSeq after);

  void verify(const AllHoles& holes, std::vector<std::string>& wrong);

 private:
  const Seal& seal_;
  sqlite::Statement insert_, from_, delete_, first_, last_, ends_;
  Marks marks_{};
};

inline constexpr std::array kOutboxStreams{Stream::alerts, Stream::derived, Stream::backfill};

}  // namespace weir::store
