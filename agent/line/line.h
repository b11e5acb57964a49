// The line: takes one input after the other, lets the rules see it, gathers what belongs together, and
// commits it. Effects (acks, alerts, uplink traffic) leave only after the commit.
//
//   intake ─► Line ─► rules
//               └───► store ─► (committed) ─► acks, uplinks
//
// A transaction is sealed when it is due (by time, by size, or at once for an alert), handed to the
// store, and the next one gathers meanwhile. One group is under way at a time, of all that waited when
// the one before it was done: what fails is tried again with back-off, in its place, while the intake is
// held.
//
// Not thread-safe; lives on the I/O thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "intake/sink.h"
#include "line/state.h"
#include "store/store.h"

namespace weir::line {

struct Options {
  Nanoseconds commit_interval = kSecond;
  std::size_t commit_bytes = 1 << 20;  // of readings in memory, about; then a transaction is full
  std::size_t commit_batches = 256;
  Nanoseconds snapshot_interval = kMinute;  // ten times that, while there is less log than a snapshot is large
  std::size_t snapshot_bytes = 64 << 20;    // of log since the last snapshot; less where the store has little room
};

struct Handlers {
  std::function<void(const std::vector<v1::Cursor>&)> committed;      // tell the drivers
  std::function<void(const std::vector<rules::AlertEvent>&)> alerts;  // durable now
  std::function<void(const std::vector<rules::WriteRequest>&)> writes =
      {};                                            // what caused them is durable now; may be none
  std::function<void(bool signals_changed)> stored;  // the streams have more
  std::function<void(bool)> hold;                    // stop, or go on with, the intake
};

// For status.
struct Condition {
  std::optional<Error> failing;  // commits fail, with this
  Timestamp failing_since = 0;
  Timestamp last_commit = 0;
  std::uint64_t commits = 0, readings = 0, alerts = 0, emitted = 0, writes = 0, gaps = 0;
  store::LogId last = 0;    // the newest committed row
  std::size_t waiting = 0;  // transactions sealed and not yet committed
  store::Condition store;
};

class Line final : public intake::Sink {
 public:
  // `state` as of the last row of the log.
  Line(boost::asio::any_io_executor executor, const Clock& clock, store::Store& store, State state, Options options,
       Handlers handlers);
  ~Line() override;

  // intake::Sink
  const model::SignalTable& signals() const override { return state_.signals(); }
  Result<model::SignalId> define(model::Signal signal, const std::string& driver, bool take_over) override;
  void take(intake::Batch batch, std::vector<v1::Gap> gaps, const v1::Cursor& after) override;
  void driver_state(const v1::DriverStateInput& state) override;
  bool waits_for_time() const override { return state_.engine().waits_for_time(); }
  void tick() override;

  // Other rules, from here on. An error leaves the old ones in place.
  Result<void> install(const v1::RulesChanged& rules);

  // What a person asked for: of alerts (for how many there was something to change), or a write, for whoever reads
  // the log. What changes nothing is not kept. `committed` hears of it once it is durable, if there was something.
  std::size_t command(const v1::Command& command, std::function<void(std::size_t)> committed = {});

  // The agent has started: for whoever reads the log.
  void started(const v1::AgentStarted& started);

  // What has become of the store: holds the intake while it is full, marks records while it is suspended, and saves
  // the state anew once the log does not lead to it any more.
  void store_changed(const store::Condition& condition);

  // What the store may take on its disk. A restart needs the log since the older of two snapshots, which is never
  // given up: both together stay well below that.
  void set_room(std::uint64_t bytes);

  // Commits what waits, takes a snapshot, then `done`. Nothing may come in any more.
  void stop(std::function<void()> done);

  const State& state() const { return state_; }
  const Condition& condition() const { return condition_; }

 private:
  // What goes into one transaction.
  struct Gathering {
    v1::Commit commit;
    v1::RawRecord raw;
    std::vector<model::Series> readings;
    std::map<std::string, v1::Cursor> cursors;
    rules::Outputs outputs;
    std::vector<std::function<void()>> committed;
    std::size_t bytes = 0;
    bool signals_changed = false;
    bool empty() const { return commit.entries().empty() && cursors.empty() && raw.gaps().empty(); }
  };
  struct Sealed {
    store::Transaction transaction;
    std::vector<v1::Cursor> cursors;
    std::vector<rules::AlertEvent> alerts;
    std::vector<rules::WriteRequest> writes;
    std::vector<std::function<void()>> committed;
    std::optional<std::string> snapshot;  // the state after it
    bool signals_changed = false;
  };

  v1::Entry& entry();
  void gathered(Nanoseconds may_wait);
  void seal();
  void derive(Gathering& gathering, std::vector<store::Output>& outputs);
  void commit_next();
  void committed(std::vector<Sealed> group, const std::vector<store::Committed>& results);
  void failed(std::vector<Sealed> group, Error error);
  bool snapshot_due() const;
  void save_snapshot(store::LogId at, std::string state);
  void hold();

  boost::asio::steady_timer due_;
  boost::asio::steady_timer retry_;
  const Clock& clock_;
  store::Store& store_;
  State state_;
  Options options_;
  Handlers handlers_;
  Condition condition_;
  Backoff backoff_{std::chrono::milliseconds(100), std::chrono::seconds(10)};
  Gathering gathering_;
  std::deque<Sealed> sealed_;
  bool under_way_ = false;                 // a commit
  std::optional<Nanoseconds> due_within_;  // what due_ was last set to
  bool stopping_ = false;
  std::function<void()> stopped_;
  Nanoseconds snapshot_at_ = 0;      // boottime of the last one
  std::size_t since_snapshot_ = 0;   // bytes of log
  std::size_t snapshot_size_ = 0;    // of the last one
  std::size_t snapshot_every_;       // bytes of log, as the room has it
  bool snapshot_wanted_ = false;     // with the next transaction, whatever it costs
  bool held_ = false;                // the intake
  std::vector<v1::Cursor> planted_;  // only used by the builds that plant a bug; see line.cpp
};

}  // namespace weir::line
