// A Database that goes on when the disk does not.
//
// Damage, met by any call or when it is opened: the file is set aside, what its checksums vouch for is taken over
// into a new one, and the call is done again. A second time within a minute, it goes on in memory before it tries
// again.
//
// A disk that is full, read-only or failing, at the start or later: commits go on in memory (backlog.h) under a new
// incarnation, and condition().suspended says so. What is in the file is still served; acknowledgements count for
// both. Every second or so, in whatever call comes then, all of it is written back in one transaction with what the
// clouds acknowledged. Readings that went meanwhile for want of memory are not in the log: before it is written,
// somebody has to save a snapshot behind them, and condition().mended asks for it.
//
// What it notes it also logs, once.
//
// Keeps the store's lock for as long as it lives. One thread at a time.
#pragma once

#include <optional>

#include "store/backlog.h"
#include "store/lock.h"
#include "store/sqlite_database.h"

namespace weir::store {

class SteadyDatabase final : public Database {
 public:
  // Fails for what is not to be touched: another agent's store, a newer version's, no store at all.
  static Result<std::unique_ptr<Database>> open(const Options& options, const Clock& clock);
  ~SteadyDatabase() override;

  std::string incarnation() const override;
  std::vector<Incarnation> incarnations() const override;
  Condition condition() const override;
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
  void set_retain(Nanoseconds retain) override;
  Result<LogId> first_since(Timestamp time) override;
  Result<void> mend(const Error& why) override;
  Result<bool> trim() override;
  Result<void> keep(std::string_view key, std::string_view value) override;
  Result<std::optional<std::string>> kept(std::string_view key) override;
  Result<void> tidy() override;
  Stats stats() override;
  Result<std::vector<std::string>> verify() override;

 private:
  SteadyDatabase(const Options& options, const Clock& clock);

  template <class Call>
  auto steadily(Call call) -> decltype(call(std::declval<SqliteDatabase&>()));

  void note(const std::string& text);
  Result<void> start();
  Result<void> open_inner();
  void look(const Error& why);
  void notice_lost_rows();
  Result<void> heal(const Error& why);
  bool suspends(const Error& error, std::span<const Transaction> transactions) const;
  void suspend(const Error& why);
  void retry();
  bool has_room() const;  // for what is in memory, as far as the file system says
  Result<void> write_back();
  void put_in_place(std::unique_ptr<SqliteDatabase> inner);
  void remember();
  Known known() const;

  Options options_;
  const Clock& clock_;
  std::optional<Lock> lock_;
  std::unique_ptr<SqliteDatabase> inner_;  // none: the file cannot even be read
  bool only_reads_ = false;                // inner_
  std::optional<Backlog> backlog_;         // as long as nothing can be written
  std::optional<Trouble> suspended_;
  std::uint64_t mended_ = 0, lives_ = 0;                                        // beside what inner_ counts
  LogId asked_for_ = 0;                                                         // a snapshot behind this row
  Nanoseconds retry_at_ = 0, retry_every_ = 0, tried_ = 0, durable_since_ = 0;  // boottime
  std::optional<Nanoseconds> healed_;
  Nanoseconds remembered_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace weir::store
