// A real broker for a test: mosquitto on a free port of the loopback interface, with a folder of its
// own. It dies with the test, however the test ends.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include <sys/types.h>

#include "test_support/temp_dir.h"

namespace weir::test {

class Mosquitto {
 public:
  static bool installed();  // tests that need it skip with a word where it is not

  // `config`: further lines for mosquitto.conf; those about a listener are about the one there is.
  // Anonymous clients may connect unless it says otherwise. Ready when it returns, else throws.
  explicit Mosquitto(std::string config = {});
  Mosquitto(const Mosquitto&) = delete;
  Mosquitto& operator=(const Mosquitto&) = delete;
  ~Mosquitto();

  std::uint16_t port() const { return port_; }
  std::string url() const { return "mqtt://127.0.0.1:" + std::to_string(port_); }
  pid_t pid() const { return pid_; }
  bool running() const { return pid_ > 0; }

  void kill();       // SIGKILL: keeps nothing
  void terminate();  // SIGTERM: keeps what it persists
  void start();      // again, on the same port, with the same folder; ready when it returns
  void pause();      // SIGSTOP: connected, and deaf
  void resume();

  std::string log() const;  // what it said so far, of all its lives

 private:
  void end(int signal);
  void read_log(int pipe);

  TempDir folder_;
  std::string config_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string log_;
  bool ready_ = false;
  bool ended_ = false;
  std::thread reader_;
};

// A port of the loopback interface on which nobody listened a moment ago.
std::uint16_t free_port();

}  // namespace weir::test
