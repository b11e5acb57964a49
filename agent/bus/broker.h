// The managed bus: a private mosquitto on loopback, with an account and access rights for each driver.
//
// It writes mosquitto's config, hashed passwords and access rights into RUNTIME_DIR/bus (0700), starts
// it, and starts it again with back-off whenever it ends. Passwords are made anew with each life of the
// agent and never touch a disk or a command line in clear.
//
// Port and passwords stay the same over restarts of the broker. Only when somebody else took the port
// in between another one is picked: then `ready` comes, and endpoint() has a new url.
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
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "bus/limits.h"

namespace weir::bus {

// The agent's own account. No driver may have this name.
inline constexpr std::string_view kAgentAccount = "weir.agent";

struct Endpoint {
  std::string url;  // mqtt://127.0.0.1:PORT
  std::string username;
  std::string password;
};

struct BrokerOptions {
  std::filesystem::path runtime_dir;
  std::filesystem::path executable;  // empty: mosquitto in PATH or /usr/sbin
  std::vector<std::string> drivers;  // names; each is an account
  std::chrono::milliseconds first_backoff{250};
  std::chrono::milliseconds most_backoff{30'000};
  std::chrono::milliseconds start_timeout{10'000};  // until it takes connections
  std::chrono::milliseconds grace{5'000};           // from SIGTERM to SIGKILL
};

struct BrokerHandlers {
  std::function<void()> ready = {};  // takes connections: after the start and after each restart
  std::function<void(const std::string& reason, Timestamp since)> down = {};  // once for each time it goes
};

struct BrokerStatus {
  bool up = false;
  Timestamp since = 0;  // of being up or down
  pid_t pid = 0;        // 0: none
  std::uint16_t port = 0;
  std::uint64_t restarts = 0;  // starts after the first one
  std::string last_reason;     // why it was last down; empty: never
};

class ManagedBroker {
 public:
  ManagedBroker(boost::asio::any_io_executor executor, const Clock& clock, BrokerOptions options);
  ~ManagedBroker();  // kills the broker if stop() did not end it

  // Writes the files and starts. An error is for good: mosquitto is not installed, the folder cannot be
  // written, a driver's name cannot be an account. All that goes wrong later is retried and told by `down`.
  Result<void> start(BrokerHandlers handlers);

  // In order; `stopped` when it is gone. No handler is called after that.
  void stop(std::function<void()> stopped);

  // Accounts to be from now on: who stays keeps connection and password, who is new gets one, who is
  // not in it is thrown out. All or nothing.
  Result<void> set_drivers(const std::vector<std::string>& names);

  // For a driver's name or kAgentAccount. Empty if there is no such account. Valid after start().
  Endpoint endpoint(std::string_view account) const;

  BrokerStatus status() const;

 private:
  struct Life;
  std::shared_ptr<Life> life_;
};

}  // namespace weir::bus
