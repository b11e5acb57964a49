// Keeps the driver processes that the config asks for alive: one process a driver, started again with
// exponential back-off and full jitter whenever it ends (with 0, too: a driver runs until it is told to
// stop). Drivers do not know of each other: each has its own timers, back-off and output budget.
//
// A driver that died `loop_deaths` times in a row without ever running for `stable_after` is in a crash
// loop: that is logged once, and it is tried again at the slow end of the back-off until it holds.
//
// What drivers write to standard error goes to the agent's log as "driver NAME: …", bursts as a count.
//
// All functions are called, and all handlers run, on the executor, which must be run by one long-lived
// thread (process/process.h says why).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.h"

namespace weir::supervisor {

// What makes a driver process. Two that are equal are the same process.
struct Spec {
  std::string name;
  std::filesystem::path executable;
  std::vector<std::string> arguments = {};
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::string options = {};  // JSON, for standard input

  bool operator==(const Spec&) const = default;
};

// The driver contract's command line: EXECUTABLE --name NAME --bus URL < options, and the password of
// account NAME in WEIR_BUS_PASSWORD: an environment can be read by its owner only, arguments by all.
Spec driver_spec(std::string name, std::filesystem::path executable, std::string options, const std::string& bus_url,
                 const std::string& password);

enum class State {
  starting,  // waits for its former life to end
  running,
  backing_off,  // died; starts again at next_try
  crash_loop,   // dies again and again; runs at times (pid), starts again at next_try
  stopped,      // is being stopped, or was
};
std::string_view to_text(State state);  // "running", "backing off", "crash loop", …

struct DriverProcess {
  std::string name;
  pid_t pid = 0;  // 0: none now
  State state = State::starting;
  Timestamp since = 0;         // of the state
  std::uint64_t restarts = 0;  // starts after the first one
  std::string last_exit;       // "killed by SIGSEGV (segmentation fault)"; empty: it never ended
  std::string last_line;       // the last that it wrote to standard error
  Timestamp next_try = 0;      // 0: none is due
};

struct SupervisorOptions {
  std::chrono::milliseconds first_backoff{1'000};
  std::chrono::milliseconds most_backoff{60'000};
  std::chrono::milliseconds grace{5'000};  // from SIGTERM to SIGKILL
  std::chrono::milliseconds stable_after{60'000};
  unsigned loop_deaths = 5;
};

struct SupervisorHandlers {
  std::function<void(const std::string& name)> changed = {};  // its state or pid; see states()
};

class Supervisor {
 public:
  Supervisor(boost::asio::any_io_executor executor, const Clock& clock, SupervisorOptions options = {},
             SupervisorHandlers handlers = {});
  ~Supervisor();  // kills what stop() did not end

  // What is to run from now on. Who is new is started, who is gone is stopped, whose spec changed is
  // stopped and then started; the others are not touched. Names are unique.
  void apply(const std::vector<Spec>& specs);

  // Stops all, then `stopped`. No handler is called after that.
  void stop(std::function<void()> stopped);

  // In the order of their names. One that was removed is here until its process is gone.
  std::vector<DriverProcess> states() const;

 private:
  struct Life;
  std::shared_ptr<Life> life_;
};

}  // namespace weir::supervisor
