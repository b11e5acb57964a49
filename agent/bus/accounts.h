// Who may connect to the managed broker, and what for: mosquitto's password and access files.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace weir::bus {

// Passwords by account name; in clear in memory only. Not thread-safe.
class Accounts {
 public:
  // The agent's account and one for each driver. Those that there are keep their passwords. An error,
  // and nothing is changed, if a name cannot be an account.
  Result<void> set(const std::vector<std::string>& drivers);

  const std::string* password(std::string_view account) const;  // null: no such account

  // A line "NAME:$7$…" for each: PBKDF2-HMAC-SHA512, salted, as mosquitto_passwd writes it.
  Result<std::string> password_file() const;

  // A driver publishes and reads its own topics of proto/weir/v1/bus.proto, the agent all of weir/.
  std::string access_file() const;

 private:
  std::map<std::string, std::string, std::less<>> passwords_;
};

}  // namespace weir::bus
