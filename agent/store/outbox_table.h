// What the commits caused and the clouds have not yet: alerts, derived values, backfill.
//
//   outbox(key INTEGER PRIMARY KEY, log_id, body)
//
// key is stream << 56 | seq. A rowid table and not a WITHOUT ROWID one: a body of up to a page stays in
// its leaf there, where an index would move all above a quarter of a page to pages of their own.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/seal.h"
#include "store/sqlite.h"

namespace weir::store {

class OutboxTable {
 public:
  struct Mark {
    StreamSeq first = 0, last = 0;  // 0: empty
  };
  using Marks = std::array<Mark, 5>;  // by Stream; those of raw are not used

  OutboxTable(sqlite::Connection& connection, const Seal& seal);
  void load();

  const Mark& mark(Stream stream) const { return marks_[static_cast<std::size_t>(stream)]; }
  const Marks& marks() const { return marks_; }
  void set_marks(const Marks& marks) { marks_ = marks; }

  void append(const Output& output, LogId log_id);
  std::vector<Record> fetch(Stream stream, StreamSeq after, std::size_t bytes);

  // Deletes at most `most` of the oldest records up to `through` (trim) or of commits before `log_id`
  // (trim_before), never the newest, which keeps the numbering. True if there may be more.
  bool trim(Stream stream, StreamSeq through, std::uint64_t most);
  bool trim_before(Stream stream, LogId log_id, std::uint64_t most);

  void verify(std::vector<std::string>& wrong);

 private:
  const Seal& seal_;
  sqlite::Statement insert_, from_, delete_, first_, last_;
  Marks marks_{};
};

inline constexpr std::array kOutboxStreams{Stream::alerts, Stream::derived, Stream::backfill};

}  // namespace weir::store
