// What every stored record vouches with. Without a key: a CRC-32C behind its bytes, over what the record is (its
// place) and the bytes, so that records that were swapped are noticed as well as bits that flipped. With a key:
// AES-256-GCM (NIST SP 800-38D), the place as associated data:
//
//   nonce (12) | ciphertext | tag (16)
//
// The key of a store's records is HKDF-SHA256 (RFC 5869) of the given key and a random salt of the store, so that
// stores that are given the same key (a fleet's image) do not share their nonces.
//
// Nonces are random, not counted: a number that a power cut or a restored backup takes back is given again, to
// other bytes, and the same nonce twice under one key would lay both open. The price is a bound: two nonces meet
// with less than one chance in 2^32 as long as fewer than 2^32 records were written (SP 800-38D, 8.3): 45 years at
// three records a second, 136 days at 365. A store that writes more is to be begun anew (a new salt, a new key of
// its records) in time.
//
// The place is authenticated, not hidden; nor is how many bytes a record has.
//
// One thread at a time: the ciphers' contexts are used again and again. Throws sqlite::Failure when OpenSSL cannot
// work (no memory).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/key.h"

namespace weir::store {

enum class Role : std::uint8_t { commit = 1, raw = 2, output = 3, snapshot = 4, kept = 5 };

struct Place {
  Role role;
  std::uint64_t id = 0;                 // of the row
  std::uint64_t first = 0, second = 0;  // other columns of the row that matter
};

class Seal {
 public:
  static constexpr std::size_t kSaltSize = 16;

  // Without a key.
  Seal();

  // With one. Records of log rows up to `plain_through` were there before the key: a checksum will do for those.
  Seal(const Key& key, std::string_view salt, std::uint64_t plain_through);

  // The seal again, of what check() said when the store was encrypted; nothing if the key is another.
  static std::optional<Seal> fit(const Key& key, std::string_view salt, std::string_view check);

  // The same of any snapshot: with a key, each has the salt and `plain_through` behind it, so that the loss of two
  // small rows is not the loss of everything.
  static std::optional<Seal> fit_snapshot(const Key& key, std::uint64_t at, std::string_view sealed);

  Seal(Seal&& other) noexcept;
  Seal& operator=(Seal&& other) noexcept;
  ~Seal();

  bool encrypts() const { return cipher_ != nullptr; }
  std::uint64_t plain_through() const;  // 0 without a key
  std::string check() const;            // with a key: what shows it to be the right one, and keeps plain_through

  std::string close(const Place& place, std::string_view bytes) const;

  // The bytes; nothing if it does not hold.
  std::optional<std::string> open(const Place& place, std::string_view sealed) const;

 private:
  class Cipher;
  std::unique_ptr<Cipher> cipher_;
};

}  // namespace weir::store
