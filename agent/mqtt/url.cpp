#include "mqtt/url.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace weir::mqtt {

std::string Address::text() const {
  const bool v6 = host.find(':') != host.npos;
  return std::string(tls ? "mqtts://" : "mqtt://") + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> parse_url(std::string_view text) {
  static constexpr auto kHint = "write it as mqtt://HOST:1883, or mqtts://HOST:8883 for TLS";
  const auto url = boost::urls::parse_uri(boost::core::string_view(text.data(), text.size()));
  // Not repeated in the message: it might hold a password.
  if (!url) return fail("the broker's address is not a URL", kHint);
  if (url->has_userinfo()) {
    return fail("the broker's URL holds a user name", "give user name and password file as settings of their own");
  }
  const std::string shown(text);
  Address address;
  if (url->scheme() == "mqtts") {
    address.tls = true;
    address.port = 8883;
  } else if (url->scheme() != "mqtt") {
    return fail("'" + shown + "' is no address of an MQTT broker", kHint);
  }
  if (url->encoded_host().empty()) return fail("'" + shown + "' names no host", kHint);
  if ((!url->encoded_path().empty() && url->encoded_path() != "/") || url->has_query() || url->has_fragment()) {
    return fail("'" + shown + "' has something after the port", kHint);
  }
  address.host = url->host_address();
  if (url->has_port() && !url->port().empty()) {
    if (url->port_number() == 0) return fail("'" + shown + "' has a port out of range", "ports are 1 to 65535");
    address.port = url->port_number();
  }
  return address;
}

}  // namespace weir::mqtt
