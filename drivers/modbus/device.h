// One device: what is read when, what its answers mean, and how it does.
//
// Deadlines lie on a grid from the start on, so that nothing drifts; what a slow answer made late is
// asked for once, not once for each missed deadline. When a device does not answer, its signals are
// bad at each of their deadlines, so that rules see it, but the device itself is only asked again
// after a back-off: on a serial line its neighbours would pay for each time-out.
//
// Lives on its line's thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "driver_modbus/master.h"
#include "driver_modbus/plan.h"
#include "sdk/driver.h"

namespace weir::modbus {

class Device {
 public:
  // `first_signal`: the index in Driver::signals() of the device's first signal. `seed` as in Backoff.
  Device(DeviceOptions options, std::size_t first_signal, std::uint64_t seed = 0);

  const DeviceOptions& options() const { return options_; }

  void start(Nanoseconds now);                 // everything is due
  Nanoseconds due() const;                     // when poll() has something to do; CLOCK_BOOTTIME
  void poll(Master& master, sdk::Link& link);  // asks for what is due first, and publishes it

  // By hand; `signal` counts within the device. What was read back after a write is published, too.
  Result<sdk::Access> read(std::size_t signal, Master& master, sdk::Link& link);
  Result<sdk::Access> write(std::size_t signal, const model::Value& value, Master& master, sdk::Link& link);

  std::vector<Block> blocks() const;  // as they are asked for now

 private:
  struct Slot {
    Block block;
    Nanoseconds due = 0;
    bool again = false;   // went bad while the device was away: read it as soon as it is back
    bool may_cut = true;  // cutting it has not been tried in vain
    std::string refusal;  // why the device does not give it; empty: it does
  };

  Nanoseconds due(const Slot& slot) const { return slot.again && !lost_ ? 0 : slot.due; }
  std::size_t first_due() const;
  void advance(Slot& slot, Nanoseconds now, double pressure) const;
  void fetch(std::size_t index, bool scheduled, Master& master, sdk::Link& link);
  Answer<void> explore(const Block& block, std::vector<Slot>& parts, bool& given, Master& master, sdk::Link& link);
  Answer<void> read_block(const Block& block, Master& master);
  void publish(const Block& block, sdk::Link& link);
  void publish_bad(const Block& block, const Failure& failure, sdk::Link& link);
  void found(sdk::Link& link);
  void lost(const Failure& failure, sdk::Link& link);
  void heard(const Failure& failure, sdk::Link& link);
  void report(sdk::Link& link);
  Result<model::Reading> fetch_by_hand(const SignalOptions& signal, Master& master, sdk::Link& link);

  DeviceOptions options_;
  std::size_t first_signal_;
  Target target_;
  std::vector<Slot> slots_;
  std::vector<std::uint16_t> words_;  // the last answer
  std::optional<Failure> lost_;       // why it does not answer
  Nanoseconds retry_at_ = 0;
  Backoff backoff_;
};

}  // namespace weir::modbus
