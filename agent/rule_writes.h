// Writes that rules want: once what caused them is durable, and if weir.yaml lets them, to the driver, and what it
// says of them is counted. A write that is not done in time is not done at all.
//
// Not thread-safe; lives on the I/O thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "agent/device_access.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "model/signal_table.h"
#include "rules/engine.h"

namespace weir {

class RuleWrites {
 public:
  // Since the agent started.
  struct Counters {
    bool enabled = false;
    std::uint64_t asked = 0, done = 0, refused = 0;
    std::string last_refusal;  // "dry-run, pump-1/enable: …"
    Timestamp last_refused = 0;
  };

  RuleWrites(const Clock& clock, DeviceAccess& devices) : clock_(clock), devices_(devices), said_(clock) {}

  // Whether weir.yaml has `writes: enabled`.
  void enable(bool enabled) { counters_.enabled = enabled; }

  // `signals` lives as long as this.
  void ask(const model::SignalTable& signals, const std::vector<rules::WriteRequest>& writes);

  const Counters& counters() const { return counters_; }

 private:
  struct Lane {  // to one driver, in order
    std::deque<rules::WriteRequest> waiting;
    std::size_t under_way = 0;
  };
  void send(const model::SignalTable& signals, const std::string& driver);
  void written(const rules::WriteRequest& write, const Result<Node>& answer);
  void refused(const rules::WriteRequest& write, const Error& error);

  static constexpr std::size_t kMostUnderWay = 32;  // of one driver, which keeps 64 in all
  static constexpr std::size_t kMostWaiting = 1'000;

  const Clock& clock_;
  DeviceAccess& devices_;
  std::map<std::string, Lane> lanes_;        // by driver
  std::map<std::string, std::string> last_;  // by path: what was written last; a lease that is renewed is no news
  log::BurstLog said_;
  Counters counters_;
};

}  // namespace weir
