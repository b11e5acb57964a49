#include "bus/accounts.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"
#include "bus/broker.h"

namespace weir::bus {
namespace {

// Few: the passwords are random and 256 bits long, so that there is nothing to guess.
constexpr int kIterations = 101;

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

Result<std::string> hashed(const std::string& password) {
  const std::string salt = random_bytes(12);
  std::string key(64, '\0');
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                        reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                        kIterations, EVP_sha512(), static_cast<int>(key.size()),
                        reinterpret_cast<unsigned char*>(key.data())) != 1)
    return fail("OpenSSL cannot hash a password with PBKDF2-HMAC-SHA512");
  return "$7$" + std::to_string(kIterations) + "$" + base64(salt) + "$" + base64(key);
}

Result<void> check_account(const std::string& name) {
  if (name.empty() || name.size() > 200) return fail("a driver's name has 1 to 200 characters");
  if (name == kAgentAccount) return fail("no driver can be called '" + name + "': it is the agent's own account");
  const bool plain = std::ranges::all_of(name, [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != ':' && c != '/' && c != '+' && c != '#' &&
           c != '%';
  });
  if (!plain) return fail("a driver cannot be called '" + name + "'", "a name has no blanks and none of : / + # %");
  return {};
}

}  // namespace

Result<void> Accounts::set(const std::vector<std::string>& drivers) {
  for (const std::string& name : drivers)
    if (auto ok = check_account(name); !ok) return ok;
  std::map<std::string, std::string, std::less<>> next;
  const auto keep = [&](const std::string& name) {
    const std::string* known = password(name);
    next.emplace(name, known != nullptr ? *known : to_hex(random_bytes(32)));
  };
  keep(std::string(kAgentAccount));
  for (const std::string& name : drivers) keep(name);
  passwords_ = std::move(next);
  return {};
}

const std::string* Accounts::password(std::string_view account) const {
  const auto found = passwords_.find(account);
  return found != passwords_.end() ? &found->second : nullptr;
}

Result<std::string> Accounts::password_file() const {
  std::string out;
  for (const auto& [name, password] : passwords_) {
    const auto hash = hashed(password);
    if (!hash) return std::unexpected(hash.error());
    out += name + ":" + *hash + "\n";
  }
  return out;
}

std::string Accounts::access_file() const {
  std::string out;
  for (const auto& [name, password] : passwords_) {
    out += "user " + name + "\n";
    if (name == kAgentAccount) {
      out += "topic readwrite weir/#\n\n";
      continue;
    }
    for (const char* topic : {"signals", "data", "state", "written", "readout"})
      out += "topic write weir/v1/" + std::string(topic) + "/" + name + "\n";
    for (const char* topic : {"ack", "write", "read"})
      out += "topic read weir/v1/" + std::string(topic) + "/" + name + "\n";
    out += "\n";
  }
  return out;
}

}  // namespace weir::bus
