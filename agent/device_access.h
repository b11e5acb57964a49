// Reads and writes of single signals, by hand or for a rule: carried to the driver over the bus, answered with what
// the device said.
//
// Not thread-safe; lives on the I/O thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/document.h"
#include "base/error.h"
#include "model/path.h"
#include "model/signal_table.h"
#include "model/value.h"

namespace weir {

class DeviceAccess {
 public:
  using Publish = std::function<void(std::string topic, std::string payload)>;
  using Done = std::function<void(Result<Node>)>;

  DeviceAccess(boost::asio::any_io_executor executor, const Clock& clock, Publish publish);

  // Which signals of which driver the config lets be written. A pattern that is none was refused before.
  void allow(std::map<std::string, std::vector<model::PathPattern>> writable) { writable_ = std::move(writable); }

  void read(const model::SignalTable& signals, std::string_view path, Done done);
  void write(const model::SignalTable& signals, std::string_view path, std::string_view value, Done done);

  // Of a rule, not by hand. The driver does each id once, and writes the fallback when the lease runs out.
  struct Order {
    std::string id, path;
    model::Value value;
    std::optional<model::Value> fallback;
    Nanoseconds lease = 0;  // 0: none
    Timestamp deadline = 0;
  };
  void write(const model::SignalTable& signals, const Order& order, Done done);

  // The signal of a device with that path.
  static Result<model::SignalId> find(const model::SignalTable& signals, std::string_view path);

  // A message on weir/v1/{readout,written}/DRIVER. Answers to nobody are dropped.
  void answered(std::string_view topic, std::string_view payload);

  // Whether a write through this driver to this path is allowed; the error says what is missing.
  Result<void> may_write(const model::SignalTable::Entry& signal) const;

 private:
  struct Waiting {
    std::string driver, unit;
    Done done;
    std::unique_ptr<boost::asio::steady_timer> timeout;
  };
  void wait_for(const std::string& id, const model::SignalTable::Entry& signal, Done done);
  void finish(const std::string& id, Result<Node> result);

  static constexpr std::chrono::seconds kPatience{10};
  static constexpr std::size_t kMostWaiting = 1'000;

  boost::asio::any_io_executor executor_;
  const Clock& clock_;
  Publish publish_;
  std::map<std::string, std::vector<model::PathPattern>> writable_;
  std::map<std::string, Waiting> waiting_;  // by request id
};

}  // namespace weir
