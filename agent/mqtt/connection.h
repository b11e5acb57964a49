// One connection to a broker, from its first try to its end: all of Paho that Weir touches.
//
// Each try gets a Connection of its own, because what Paho 1.2.0 keeps beyond a broken one is in the
// way: the tokens of publishes under way are never given back, and a reconnect may fall back to MQTT 3.1.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "mqtt/client.h"
#include "mqtt/url.h"

namespace weir::mqtt {

namespace event {
struct Connected {};
struct Failed {
  int code;
};  // the try; an MQTT 5 reason from 0x80 on, else Paho's own negative code
struct Lost {
  int reason;
};  // an established connection; 0: without a word from the broker
struct Finished {
  std::uint64_t id;
  int code;
};  // a subscribe or publish; codes as in Failed, or a success code
struct Closed {};  // after close()
}  // namespace event
using Event = std::variant<event::Connected, event::Failed, event::Lost, event::Finished, event::Closed, Message>;

class Connection {
 public:
  // Begins to connect. `sink` is called from Paho's threads until the destructor returns, and must not
  // block. `at` is where to go: options.url, or an address that its host name resolved to. Throws
  // nothing: what cannot even begin is an Error.
  static Result<std::unique_ptr<Connection>> open(const Options& options, const Address& at,
                                                  std::chrono::milliseconds timeout, std::function<void(Event)> sink);
  virtual ~Connection() = default;

  // Each is answered by a Finished with its id, unless the connection ends before.
  virtual Result<void> publish(std::uint64_t id, Message message) = 0;
  virtual Result<void> subscribe(std::uint64_t id, const std::vector<std::string>& filters) = 0;

  // Says goodbye: no will is sent. Answered by Closed. What is under way may not be answered any more.
  virtual Result<void> close() = 0;
};

}  // namespace weir::mqtt
