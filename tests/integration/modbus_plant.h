// Modbus devices of the tests: real libmodbus servers, hostile ones, and a Link that collects.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sdk/driver.h"

namespace weir::modbus::test {

// Collects what a driver says. Thread-safe.
class CollectingLink final : public sdk::Link {
 public:
  void publish(std::size_t signal, model::Reading reading) override;
  void publish(std::size_t, std::vector<Timestamp>, model::Column, std::vector<std::uint32_t>) override {}
  double pressure() const override { return 0; }
  void device_state(std::string_view device, sdk::Level level, std::string_view reason) override;
  bool wait_until(Nanoseconds until) override;
  bool stopping() const override;
  const Clock& clock() const override { return clock_; }

  void stop();
  std::vector<model::Reading> readings(std::size_t signal) const;
  std::string state(const std::string& device) const;  // "down: no answer …"
  void forget();                                       // the readings so far

  // Until `condition` holds, looked at after each change; false after 10 s.
  bool eventually(const std::function<bool()>& condition) const;
  bool eventually_quality(std::size_t signal, model::Quality quality) const;  // of the last reading

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::size_t, std::vector<model::Reading>> readings_;
  std::map<std::string, std::string> states_;
  bool stopping_ = false;
  SystemClock clock_;
};

// A libmodbus server, on a free TCP port or a serial port. Registers hold their address at first.
class Server {
 public:
  explicit Server(int port = 0);                // any TCP client
  Server(const std::string& serial, int unit);  // RTU
  ~Server();

  int port() const { return port_; }
  void set_holding(int address, std::uint16_t value);
  std::uint16_t holding(int address) const;
  bool coil(int address) const;

 private:
  struct Impl;
  void serve_tcp(const std::stop_token& stop);
  void serve_rtu(const std::stop_token& stop);
  std::unique_ptr<Impl> impl_;
  int port_ = 0;
  std::jthread thread_;
};

// A TCP server that answers each request with whatever it is told to.
class HostileServer {
 public:
  using Behaviour = std::function<std::string(const std::string& request)>;
  explicit HostileServer(Behaviour behaviour);
  ~HostileServer();
  int port() const { return port_; }

 private:
  void serve(const std::stop_token& stop);
  Behaviour behaviour_;
  int listener_ = -1;
  int port_ = 0;
  std::jthread thread_;
};

// Two ends of a serial line: what is written to one is read from the other.
class SerialLine {
 public:
  SerialLine();
  ~SerialLine();
  const std::string& one() const { return ends_[0].path; }
  const std::string& other() const { return ends_[1].path; }

 private:
  struct End {
    int master = -1, slave = -1;
    std::string path;
  };
  End ends_[2];
  std::jthread pump_;
};

}  // namespace weir::modbus::test
