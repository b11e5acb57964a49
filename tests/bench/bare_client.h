// The floor under a receiver: Paho's C library, MQTT 5, QoS 1, and a callback that does next to nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace weir::bench {

class BareClient {
 public:
  // `message` runs on Paho's thread.
  BareClient(std::uint16_t port, const std::string& name, const std::string& filter,
             std::function<void(std::string_view payload)> message);
  BareClient(const BareClient&) = delete;
  BareClient& operator=(const BareClient&) = delete;
  ~BareClient();

  void publish(const std::string& topic, std::string_view payload);  // QoS 1; may be called by `message`

 private:
  void* client_ = nullptr;
  std::function<void(std::string_view)> message_;
};

}  // namespace weir::bench
