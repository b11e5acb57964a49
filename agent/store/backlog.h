// What was committed while nothing could be written: numbered, in memory, and bounded.
//
// Its numbers go on behind those of the file, under an incarnation of its own: if the power goes before it is
// written, the file's own incarnation goes on from where the file ends, and no identity has stood for two contents.
// Beyond `most_bytes` (without the snapshot) the oldest goes: first what nobody needs any more, then readings, then
// derived values, alerts last; never the newest of a kind, which keeps the numbering, and not what an uplink has in
// its hands. What goes unsent is said by gap records in stream backfill (reason "memory").
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/salvage.h"
#include "store/sqlite_database.h"

namespace weir::store {

class Backlog {
 public:
  // `after`: the numbers that were given before.
  Backlog(const Known& after, std::uint64_t most_bytes, const Digest* digest);

  const Incarnation& span() const { return adopted_.spans.front(); }
  const Known& after() const { return after_; }
  const Known& last() const { return last_; }
  bool has(Stream stream, StreamSeq after) const { return after >= after_.streams[static_cast<std::size_t>(stream)]; }

  Committed append(const Transaction& transaction, Timestamp now);
  void shrink();

  bool scan(LogId after, const std::function<bool(LogRow)>& row) const;  // false: `row` had enough
  std::vector<Record> fetch(Stream stream, StreamSeq after, std::size_t bytes);
  std::optional<LogId> first_since(Timestamp time) const;

  void set_snapshot(const Snapshot& snapshot);
  const std::optional<Snapshot>& snapshot() const { return adopted_.snapshot; }
  LogId missing() const { return missing_; }  // the newest row that went; 0: none

  void keep(std::string_view key, std::string_view value);
  std::optional<std::string> kept(std::string_view key) const;

  void set_uplinks(const std::vector<UplinkStreams>& uplinks);
  void acknowledge(std::string_view uplink, Stream stream, StreamSeq seq);
  StreamSeq acknowledged(std::string_view uplink, Stream stream) const;  // 0: not in this time
  void lent(std::string_view uplink, Stream stream, StreamSeq seq);

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t given_up(Stream stream) const { return given_up_[static_cast<std::size_t>(stream)]; }

  // All of it, for SqliteDatabase::adopt().
  const Adopted& adopted() const { return adopted_; }

 private:
  struct Uplink {
    PerStream acknowledged{}, lent{};
    std::array<bool, 5> takes{};
  };
  // The newest gap record, as long as nobody has seen it.
  struct Open {
    Stream stream = Stream::raw;
    StreamSeq last = 0;
    std::string except;
    StreamSeq seq = 0;  // of the gap record
  };

  bool drop_rows(bool needed);
  bool drop_outputs(Stream stream);
  bool in_hand(Stream stream, StreamSeq seq) const;
  std::string except(Stream stream, StreamSeq seq) const;  // the uplinks that need not be told
  bool is_needed(Stream stream, StreamSeq seq) const;
  void say(std::vector<Record> gone, LogId log_id, Timestamp time);
  void say(std::span<const Record> gone, const std::string& except, LogId log_id, Timestamp time);

  Known after_, last_;
  std::uint64_t most_bytes_;
  const Digest* digest_;
  Adopted adopted_;
  std::map<std::string, Uplink, std::less<>> uplinks_;
  PerStream seen_{};  // fetched by somebody
  PerStream given_up_{};
  std::optional<Open> open_;
  LogId missing_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace weir::store
