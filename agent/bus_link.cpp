#include "agent/bus_link.h"

#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

#include "agent/plan.h"
#include "base/log.h"
#include "mqtt/paho.h"

namespace weir {
namespace asio = boost::asio;

BusLink::BusLink(boost::asio::any_io_executor executor, const Clock& clock, const config::Config& config,
                 std::filesystem::path runtime_dir, std::vector<std::string> filters, Handlers handlers)
    : executor_(std::move(executor)),
      clock_(clock),
      config_(config.bus),
      agent_(config.site.agent),
      filters_(std::move(filters)),
      handlers_(std::move(handlers)) {
  if (config_.managed)
    broker_ = std::make_unique<bus::ManagedBroker>(
        executor_, clock_,
        bus::BrokerOptions{
            .runtime_dir = std::move(runtime_dir), .executable = {}, .drivers = plan::driver_names(config)});
}

void BusLink::start() {
  since_ = clock_.now();
  if (!broker_) {
    connect();
    asio::post(executor_, handlers_.endpoints);
    return;
  }
  auto started = broker_->start({.ready =
                                     [this] {
                                       connect();
                                       handlers_.endpoints();
                                     },
                                 .down =
                                     [this](const std::string& reason, Timestamp since) {
                                       problem_ = Error{"the bus is down: " + reason, {}};
                                       since_ = since;
                                     }});
  if (!started) failed(started.error());
}

void BusLink::failed(const Error& error) {
  log::error("bus: {}", error.text());
  problem_ = error;
  since_ = clock_.now();
}

Result<mqtt::Options> BusLink::client_options() const {
  mqtt::Options options;
  if (broker_) {
    const bus::Endpoint endpoint = broker_->endpoint(bus::kAgentAccount);
    options.url = endpoint.url;
    options.username = endpoint.username;
    options.password = endpoint.password;
    options.client_id = "weir-agent";
    options.longest_retry = std::chrono::seconds(1);  // it is ours, and near
  } else {
    auto from_config = plan::bus_options(config_, agent_);
    if (!from_config) return from_config;
    options = std::move(*from_config);
    options.longest_retry = std::chrono::seconds(5);
  }
  options.receive_maximum = 100;
  options.maximum_packet = bus::kBrokerPacket;
  return options;
}

// To the broker, anew if it has moved.
void BusLink::connect() {
  if (stopping_) return;
  auto options = client_options();
  if (!options) return failed(options.error());
  if (client_ && url_ == options->url) return;  // it finds back by itself
  url_ = options->url;
  client_ = mqtt::make_paho_client(executor_, std::move(*options));
  client_->start({.connected =
                      [this] {
                        handlers_.connected();
                        client_->subscribe(filters_, [this](Result<void> done) {
                          if (!done) return failed(done.error());
                          problem_.reset();
                          since_ = clock_.now();
                          handlers_.subscribed();
                        });
                      },
                  .disconnected =
                      [this](const Error& error) {
                        if (!problem_) {
                          log::warn("bus: {}", error.text());
                          since_ = clock_.now();
                        }
                        problem_ = error;
                      },
                  .message = [this](mqtt::Message message) { handlers_.message(std::move(message)); }});
}

Result<void> BusLink::set_drivers(const std::vector<std::string>& names) {
  return broker_ ? broker_->set_drivers(names) : Result<void>();
}

bus::Endpoint BusLink::endpoint(const std::string& driver) const {
  if (broker_) return broker_->endpoint(driver);
  const auto options = plan::bus_options(config_, agent_);
  return options ? bus::Endpoint{options->url, options->username, options->password}
                 : bus::Endpoint{config_.url, {}, {}};
}

void BusLink::publish(std::string topic, std::string payload) {
  if (client_ && client_->connected()) client_->publish({std::move(topic), std::move(payload)}, [](Result<void>) {});
}

void BusLink::publish(mqtt::Message message, mqtt::Done done) {
  if (client_) client_->publish(std::move(message), std::move(done));
}

std::optional<bus::BrokerStatus> BusLink::broker() const {
  return broker_ ? std::optional(broker_->status()) : std::nullopt;
}

void BusLink::stop(std::function<void()> then) {
  stopping_ = true;
  const auto stop_broker = [this, then = std::move(then)] {
    if (broker_) broker_->stop(then);
    else then();
  };
  if (client_) client_->stop(stop_broker);
  else stop_broker();
}

}  // namespace weir
