#include "mqtt/reason.h"

#include <algorithm>
#include <array>
#include <utility>

namespace weir::mqtt {
namespace {

constexpr std::array<std::pair<int, const char*>, 31> kReasons{{
    {0x00, "success"},
    {0x04, "disconnected with its will"},
    {0x10, "no matching subscribers"},
    {0x80, "unspecified error"},
    {0x81, "malformed packet"},
    {0x82, "protocol error"},
    {0x83, "refused for a reason of its own"},
    {0x84, "MQTT 5 is not supported"},
    {0x85, "client id not accepted"},
    {0x86, "wrong user name or password"},
    {0x87, "not authorized"},
    {0x88, "server unavailable"},
    {0x89, "server busy"},
    {0x8A, "banned"},
    {0x8B, "server is shutting down"},
    {0x8D, "nothing heard for one and a half keep-alives"},
    {0x8E, "another client took over with the same client id"},
    {0x8F, "topic filter not accepted"},
    {0x90, "topic name not accepted"},
    {0x91, "packet identifier in use"},
    {0x93, "more messages under way than the receive maximum"},
    {0x94, "topic alias not accepted"},
    {0x95, "packet too large"},
    {0x96, "message rate too high"},
    {0x97, "quota exceeded"},
    {0x98, "disconnected by the administrator"},
    {0x99, "payload format not accepted"},
    {0x9A, "retained messages are not supported"},
    {0x9B, "QoS is not supported"},
    {0x9C, "use another server"},
    {0x9D, "server has moved"},
}};

}  // namespace

std::string reason_text(int code) {
  constexpr auto kDigits = "0123456789ABCDEF";
  const std::string hex = {'(', '0', 'x', kDigits[(code >> 4) & 15], kDigits[code & 15], ')'};
  const auto found = std::ranges::find(kReasons, code, [](const auto& reason) { return reason.first; });
  return (found == kReasons.end() ? "unknown reason " : std::string(found->second) + " ") + hex;
}

std::string reason_hint(int code) {
  switch (code) {
    case 0x84: return "the broker must speak MQTT 5: mosquitto 1.6 or newer does";
    case 0x86: return "check user name and password file";
    case 0x87: return "the broker's ACL must allow this user the topic, or this client to connect";
    case 0x8E: return "two agents must not have the same name";
    case 0x95: return "raise the broker's limit: max_packet_size or message_size_limit in mosquitto.conf";
    case 0x97: return "the broker's quota for this client is used up";
    default: return {};
  }
}

}  // namespace weir::mqtt
