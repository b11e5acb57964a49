// Where a broker is: mqtt://host[:1883] or mqtts://host[:8883].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace weir::mqtt {

struct Address {
  bool tls = false;
  std::string host;  // a name, an IPv4 address or an IPv6 address (without brackets)
  std::uint16_t port = 1883;

  std::string text() const;  // "mqtt://[::1]:1883"
};

// Refuses anything else in it: a user or a password belongs in options of their own, not in a URL that
// ends up in logs.
Result<Address> parse_url(std::string_view url);

}  // namespace weir::mqtt
