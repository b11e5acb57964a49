// The log: one row a commit, ids rising. A row is only ever appended at one end, and deleted at the other or, where
// readings had to be thinned or given up behind what an uplink has in its hands, from the middle (holes.h).
//
//   log(id INTEGER PRIMARY KEY, time, raw_seq, commit_, raw, raw_bytes)
//
// raw_seq is the number of the last raw record up to and with this row, whether the row has one or not:
// it never falls along id, so that a record is found by bisection and no index has to be written. raw_bytes is the
// size of all raw records ever up to and with this row, as they are stored: what waits behind a row is a difference.
// It counts from schema 2 on; rows of before have 0. The small columns come first: reading them does not touch the
// pages of a large blob.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/holes.h"
#include "store/seal.h"
#include "store/sqlite.h"

namespace weir::store {

// Records in a row that may go together.
struct Run {
  std::vector<Record> records;
  LogId first_id = 0, last_id = 0;  // of the log; of stream raw only
  Timestamp time = 0;               // of the newest
  std::uint64_t counted = 0;        // what the cumulative sizes count for them
};

// The first record behind a number.
struct Front {
  StreamSeq seq = 0;
  Timestamp time = 0;
  std::uint64_t bytes_before = 0;  // cumulative
  std::string except;
};

class LogTable {
 public:
  struct Marks {
    LogId first = 0, last = 0;  // 0: empty
    StreamSeq raw_before = 0;   // the raw_seq in front of the first row
    StreamSeq raw_last = 0;
    std::uint64_t raw_bytes = 0;  // of the last row
  };

  LogTable(sqlite::Connection& connection, const Seal& seal);

  // Reads the marks from the table. Throws if the ends do not make sense: what comes would be numbered wrongly.
  void load();

  const Marks& marks() const { return marks_; }
  void set_marks(const Marks& marks) { marks_ = marks; }  // back to before an undone transaction

  LogId append(const Transaction& transaction, Timestamp time);

  // A row with the numbers that it was given elsewhere, which rise. `raw_last`: of the row, with its own.
  void insert(const LogRow& row, StreamSeq raw_last);

  std::optional<LogRow> next(LogId after);

  std::vector<Record> fetch(StreamSeq after, std::size_t bytes);

  // As Database::first_since(); may be an id within a hole in front of the row.
  LogId first_since(Timestamp time);

  // Deletes from the front what is up to `through`, has its raw record up to `raw_through`, and is not
  // newer than `expired`: at most `most` rows, and never the newest, which keeps the numbering. A row
  // from after `now` was stamped by a clock that was wrong, and does not hold the others up.
  // True if it stopped because of `most`.
  bool trim(LogId through, StreamSeq raw_through, Timestamp expired, Timestamp now, std::uint64_t most);

  // Raw records behind `after` up to `until`, of rows up to `through` that are not newer than `expired`: at most
  // `bytes`, one at least if there is one, and never the newest row.
  Run run(StreamSeq after, StreamSeq until, LogId through, Timestamp expired, std::size_t bytes);
  void erase(LogId first, LogId last);

  std::optional<Front> front(StreamSeq after);

  void verify(const AllHoles& holes, std::vector<std::string>& wrong);

 private:
  void put(LogId id, StreamSeq raw_last, Timestamp time, std::string_view commit, std::string_view raw);
  void load_front();
  LogId find(StreamSeq raw_seq);  // of the first row that holds it, or one behind it

  const Seal& seal_;
  sqlite::Statement insert_, next_, raw_from_, raw_seq_, front_, delete_, ends_, run_;
  Marks marks_;
  LogId hint_id_ = 0;  // where the last fetch ended: the next one mostly goes on there
  StreamSeq hint_seq_ = 0;
};

}  // namespace weir::store
