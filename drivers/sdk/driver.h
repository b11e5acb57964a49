// The driver contract, once: a new driver is its protocol and a loop.
//
//   class Thermometer final : public weir::sdk::Driver {
//     ...
//   };
//   int main(int argc, char** argv) { return weir::sdk::run(argc, argv, {"thermometer", …}); }
//
// run() does the command line (--schema, --check, --name/--bus), announces the signals, keeps batches
// until they are accepted, sends them again when asked, gives up the oldest and says so when there is
// no credit and no room, tells the devices' states, and does writes and leases.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "base/document.h"
#include "base/error.h"
#include "model/series.h"
#include "model/signal.h"

namespace weir::sdk {

enum class Level { up, degraded, down };

// What a driver does with the agent. Thread-safe: a driver may have a thread for each device.
class Link {
 public:
  virtual ~Link() = default;

  // Hands over one reading, or many of one signal. `signal`: the index in Driver::signals(). Never
  // blocks: what does not fit into the bounded queue pushes out the oldest, which is counted and said.
  virtual void publish(std::size_t signal, model::Reading reading) = 0;
  virtual void publish(std::size_t signal, std::vector<Timestamp> times, model::Column values,
                       std::vector<std::uint32_t> qualities = {}) = 0;

  // Lets what was published leave at once, not after the linger of at most 50 ms: at the end of a cycle.
  virtual void flush() {}

  // How full the queue is, 0 to 1: who can slow down does so from 0.5 on.
  virtual double pressure() const = 0;

  // Says how a device does, in words for a technician; the same state again is not sent again.
  virtual void device_state(std::string_view device, Level level, std::string_view reason) = 0;

  // Sleeps until `until` (CLOCK_BOOTTIME, ns) or the end; false: it is time to stop.
  virtual bool wait_until(Nanoseconds until) = 0;
  virtual bool stopping() const = 0;

  virtual const Clock& clock() const = 0;
};

struct Access {            // the answer of a device to a read or a write by hand
  model::Reading reading;  // for a write: what was read back
  std::string raw;         // as on the wire: "holding 40: 01 F4"
};

class Driver {
 public:
  virtual ~Driver() = default;

  // After configure(). The order gives the indices for publish().
  virtual const std::vector<model::Signal>& signals() const = 0;

  // The protocol's loop: on a thread of its own, until link.stopping(). May start further threads, and
  // joins them before it returns.
  virtual void run(Link& link) = 0;

  // By hand, past interval and batches. On another thread than run(). Bounded by a time-out of its own.
  virtual Result<Access> read(std::size_t signal);
  virtual Result<Access> write(std::size_t signal, const model::Value& value);
};

// What a kind of driver says of itself, and how one is made. `configure` checks options (a map) and
// either makes a driver or adds what is wrong to the diagnostics (positions are those of the nodes).
struct Kind {
  std::string name;  // modbus
  std::string description;
  std::string schema;  // JSON Schema of the options
  std::function<std::unique_ptr<Driver>(const Node& options, Diagnostics& diagnostics)> configure;
};

// The whole program.
int run(int argc, char** argv, const Kind& kind);

}  // namespace weir::sdk
