// The cloud: as much of an MQTT 5 server as an uplink needs, which syncs each record to a file before its
// PUBACK. It is not a kind one: it takes a record and breaks the connection instead of acknowledging it,
// breaks it before it took anything, answers late, or says that its quota is exceeded.
//
// It has a thread of its own; all functions may be called from any other.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <thread>

#include "arrivals.h"

namespace weir::oracle {

struct ReceiverCounts {
  std::uint64_t connections = 0, records = 0, unacknowledged = 0, untaken = 0, refused = 0, late = 0;
};

class Receiver {
 public:
  // `taken` is called on its thread for each record that was synced, before the answer.
  Receiver(const std::filesystem::path& file, std::uint64_t seed, std::function<void(const Arrival&)> taken);
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver();

  std::uint16_t port() const { return port_; }
  void cut();                                    // breaks all connections
  void go_away(std::chrono::milliseconds time);  // breaks them, and takes no new ones for so long
  void be_kind(bool kind) { kind_ = kind; }
  ReceiverCounts counts() const;

 private:
  struct Connection;
  void serve();
  void accept_all();
  bool read(Connection& connection);
  bool packet(Connection& connection, std::uint8_t head, std::string_view body);
  bool publish(Connection& connection, std::uint8_t head, std::string_view body);
  bool chance(unsigned per_thousand);
  bool may_break(unsigned per_thousand);
  void wake();

  ArrivalLog log_;
  std::uint64_t random_;
  std::int64_t last_break_ = 0;  // steady_clock
  std::function<void(const Arrival&)> taken_;
  int listener_ = -1, wake_ = -1;
  std::uint16_t port_ = 0;
  std::list<Connection> connections_;
  std::atomic<bool> stop_ = false, cut_ = false, kind_ = false;
  std::atomic<std::int64_t> away_until_ = 0;  // steady_clock
  std::atomic<std::uint64_t> accepted_ = 0, records_ = 0, unacknowledged_ = 0, untaken_ = 0, refused_ = 0, late_ = 0;
  std::thread thread_;
};

}  // namespace weir::oracle
