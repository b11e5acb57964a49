// The agent's way to the bus: the managed broker or the box's own, the connection to it, and what is wrong
// with either.
//
// Not thread-safe; lives on the I/O thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "bus/broker.h"
#include "config/config.h"
#include "mqtt/client.h"

namespace weir {

class BusLink {
 public:
  struct Handlers {
    std::function<void()> endpoints;   // drivers can be told where the bus is: at the start, and when it has moved
    std::function<void()> connected;   // again: not yet subscribed
    std::function<void()> subscribed;  // messages come from now on
    std::function<void(mqtt::Message)> message;
  };

  BusLink(boost::asio::any_io_executor executor, const Clock& clock, const config::Config& config,
          std::filesystem::path runtime_dir, std::vector<std::string> filters, Handlers handlers);
  BusLink(const BusLink&) = delete;
  BusLink& operator=(const BusLink&) = delete;

  // Nothing is told before the executor runs.
  void start();
  void stop(std::function<void()> then);

  // Who may connect to the managed broker from now on. The box's own broker knows its accounts itself.
  Result<void> set_drivers(const std::vector<std::string>& names);

  bus::Endpoint endpoint(const std::string& driver) const;

  // Unsent while there is no connection, and that is fine: drivers announce themselves when they are back,
  // and are answered then.
  void publish(std::string topic, std::string payload);
  void publish(mqtt::Message message, mqtt::Done done);

  const std::optional<Error>& problem() const { return problem_; }
  Timestamp since() const { return since_; }  // the bus is as it is
  std::optional<bus::BrokerStatus> broker() const;

 private:
  void connect();
  Result<mqtt::Options> client_options() const;
  void failed(const Error& error);

  boost::asio::any_io_executor executor_;
  const Clock& clock_;
  const config::Bus config_;
  const std::string agent_;
  const std::vector<std::string> filters_;
  const Handlers handlers_;
  std::optional<Error> problem_;
  Timestamp since_ = 0;
  std::string url_;  // connected to, or being
  bool stopping_ = false;
  std::unique_ptr<bus::ManagedBroker> broker_;  // only of a managed bus
  std::unique_ptr<mqtt::Client> client_;
};

}  // namespace weir
