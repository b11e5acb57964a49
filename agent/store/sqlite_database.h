// Database on SQLite. open.cpp decides whether a file may be opened; from there on it is this.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/holes.h"
#include "store/log_table.h"
#include "store/meta_table.h"
#include "store/outbox_table.h"
#include "store/room.h"
#include "store/snapshot_table.h"
#include "store/spans.h"
#include "store/sqlite.h"
#include "store/vfs.h"
#include "store/wear.h"

namespace weir::store {

// Rows that were numbered elsewhere: in a file that was damaged, or in memory while nothing could be written.
struct Adopted {
  struct Output {
    Stream stream = Stream::alerts;
    StreamSeq seq = 0;
    LogId log_id = 0;
    Timestamp time = 0;
    std::string body;
    std::string except = {};  // as Record::except
  };

  // The spans that begin with or in front of these rows, in order. Those of a store with no rows yet are replaced.
  std::vector<Incarnation> spans;
  // In order. Ids and numbers that they skip become holes. The raw_seq of a row with no raw record is that of the
  // newest raw record in front of it, or 0 if that is there.
  std::vector<LogRow> rows;
  std::vector<Output> outputs;
  std::optional<Snapshot> snapshot = {};         // as save_snapshot()
  std::map<std::string, std::string> kept = {};  // as keep()
};

class SqliteDatabase final : public Database {
 public:
  // Throws sqlite::Failure. `connection` is open, configured, and of our version.
  SqliteDatabase(const Options& options, const Clock& clock, std::unique_ptr<Vfs> vfs,
                 std::unique_ptr<sqlite::Connection> connection, std::vector<std::string> notes);
  ~SqliteDatabase() override;

  // Takes them over behind what is there, in one transaction: all of them or none, synced when it returns.
  Result<void> adopt(const Adopted& adopted);

  // From the next number of each stream on, and not below `at_least`, it is another incarnation, which comes back.
  Result<std::string> begin_life(const PerStream& at_least = {});

  std::string incarnation() const override { return spans_.empty() ? std::string() : spans_.newest().id; }
  std::vector<Incarnation> incarnations() const override { return spans_.all(); }
  Condition condition() const override { return condition_; }
  const std::vector<std::string>& notes() const override { return notes_; }
  using Database::commit;
  Result<std::vector<Committed>> commit(std::span<const Transaction> transactions) override;
  Result<void> scan(LogId after, const std::function<bool(LogRow)>& row) override;
  Result<std::optional<Snapshot>> newest_snapshot() override;
  Result<void> save_snapshot(const Snapshot& snapshot) override;
  Result<std::vector<Record>> fetch(Stream stream, StreamSeq after, std::size_t bytes) override;
  Result<void> acknowledge(std::string_view uplink, Stream stream, StreamSeq seq) override;
  StreamSeq acknowledged(std::string_view uplink, Stream stream) const override;
  void lent(std::string_view uplink, Stream stream, StreamSeq seq) override;
  Result<void> set_uplinks(const std::vector<UplinkStreams>& uplinks) override;
  void set_limits(const Limits& limits) override;
  void set_retain(Nanoseconds retain) override { options_.retain = retain; }
  Result<LogId> first_since(Timestamp time) override;
  Result<bool> trim() override;
  Result<void> keep(std::string_view key, std::string_view value) override;
  Result<std::optional<std::string>> kept(std::string_view key) override;
  Result<void> tidy() override;
  Stats stats() override;
  Result<std::vector<std::string>> verify() override;

 private:
  using Cursors = std::array<StreamSeq, 5>;  // by Stream: the last acknowledged
  struct Uplink {
    Cursors cursors{};
    Cursors lent{};               // by Stream: the last that it has in its hands
    std::array<bool, 5> takes{};  // by Stream
  };
  using Uplinks = std::map<std::string, Uplink, std::less<>>;

  template <class Work>
  auto attempt(const std::string& doing, Work work) -> Result<decltype(work())>;
  void transact(const std::function<void()>& work);

  // relief.cpp: what is given up so that what comes has room.
  void make_room(std::uint64_t bytes, bool with_readings);
  bool relieve();         // one step; false: there is nothing left to give
  bool forget_history();  // the same, of what no uplink needs
  bool reduce(Stream stream, Timestamp expired, std::string_view reason);
  bool replace(Stream stream, const Run& run, std::string_view reason);
  bool keep_own_limits();  // of the streams; one step
  void see_whether_full();
  Run next_run(Stream stream, StreamSeq after, Timestamp expired);
  std::string except_for(Stream stream, const Run& run) const;
  void pass_over_excepted();  // no uplink's mark stands in front of records that are not for it
  std::optional<Front> front(Stream stream, StreamSeq after);
  StreamSeq gone_or_acknowledged(Stream stream) const;
  std::uint64_t bytes_waiting(Stream stream);

  void load();
  void load_encryption();
  void load_identity();
  void load_wear();
  Spans stored_spans();
  void begin_span(std::string id, const PerStream& first);  // in the caller's transaction
  void keep_numbers();    // the newest span begins behind numbers whose rows may be gone
  void forget_numbers();  // spans and holes in front of the oldest rows; in the caller's transaction
  PerStream next_numbers() const;
  void load_cursors(const std::vector<UplinkStreams>& uplinks);
  void write_cursors();  // in the caller's transaction, if any changed; with what that costs
  void count_wear();
  void write_wear();  // in the caller's transaction
  void refresh();     // read-only: what the agent did since
  StreamSeq last(Stream stream) const;
  StreamSeq before(Stream stream) const;               // the number in front of the oldest record that is there
  bool is_taken(Stream stream) const;                  // by some uplink
  StreamSeq acknowledged_by_all(Stream stream) const;  // that take it; if none does: everything

  Options options_;
  const Clock& clock_;
  std::unique_ptr<Vfs> vfs_;
  std::unique_ptr<sqlite::Connection> connection_;
  Seal seal_;
  MetaTable meta_;
  LogTable log_;
  OutboxTable outbox_;
  SnapshotTable snapshots_;
  Spans spans_;
  AllHoles holes_;
  Room room_;
  struct Gap {  // the newest record of backfill, if it is one and may be replaced
    StreamSeq seq = 0;
    Stream stream = Stream::raw;
    StreamSeq last = 0;
    std::string incarnation, except, reason;
  };
  std::optional<Gap> gap_;
  PerStream thinned_{}, given_up_{};
  Nanoseconds own_limits_kept_ = 0;  // boottime
  Condition condition_;
  std::vector<std::string> notes_;
  Uplinks uplinks_;
  bool cursors_changed_ = false;
  Nanoseconds cursors_written_ = 0;  // boottime
  std::uint64_t commits_ = 0;
  WearCounter wear_;
  std::uint64_t counted_ = 0;  // of the bytes that were written, those that are in it
};

}  // namespace weir::store
