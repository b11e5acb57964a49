// An MQTT 5 client, as the bus, the uplinks, the driver SDK and `weir tap` need one. A seam: paho.h
// has the real one, tests have others.
//
// All handlers and completions run on the executor that the client was made with; all functions are
// called on it, too. A client connects by itself from start() on, again and again with back-off, until
// stop().
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/error.h"

namespace weir::mqtt {

struct Message {
  std::string topic;
  std::string payload;
  int qos = 1;
  bool retained = false;
};

struct Tls {
  std::filesystem::path ca;           // PEM; empty: the system's
  std::filesystem::path certificate;  // PEM; empty: none
  std::filesystem::path key;
};

struct Options {
  std::string url;  // mqtt://host:1883 or mqtts://host:8883
  std::string client_id;
  std::string username;
  std::string password;
  std::optional<Tls> tls;  // needed for mqtts only if not the system's CAs
  std::optional<Message> will;
  std::uint16_t keep_alive_seconds = 30;
  std::uint16_t receive_maximum = 0;  // QoS 1 messages that the broker may have under way to us; 0: its default
  std::uint32_t maximum_packet = 16 << 20;
  std::chrono::milliseconds first_retry{100};         // the ceiling of the wait after a first failure; doubles …
  std::chrono::milliseconds longest_retry{30'000};    // … up to this one; see base/backoff.h
  std::chrono::milliseconds connect_timeout{10'000};  // of one try
};

struct Handlers {
  std::function<void()> connected;                 // each time; subscribe here
  std::function<void(const Error&)> disconnected;  // each time, and for each try that failed
  std::function<void(Message)> message;
};

using Done = std::function<void(Result<void>)>;

class Client {
 public:
  virtual ~Client() = default;

  virtual void start(Handlers handlers) = 0;

  // Disconnects in order (no will), then `stopped`; nothing is called after that.
  virtual void stop(std::function<void()> stopped) = 0;

  virtual bool connected() const = 0;

  // QoS 1. An error if the broker refuses any of them.
  virtual void subscribe(std::vector<std::string> filters, Done done) = 0;

  // Done when the broker acknowledged with a success code (QoS 0: when sent); an error for any other
  // code and when the connection breaks before: then it may or may not have arrived, and connected() is
  // already false. Callers bound how many are under way.
  virtual void publish(Message message, Done done) = 0;
};

using MakeClient = std::function<std::unique_ptr<Client>(boost::asio::any_io_executor, Options)>;

// Whether a topic matches a filter with + and # (MQTT 5, 4.7).
bool matches(std::string_view filter, std::string_view topic);

}  // namespace weir::mqtt
