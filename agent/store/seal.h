// What every stored record vouches with. Without a key: a CRC-32C behind its bytes, over what the record is (its
// place) and the bytes, so that records that were swapped are noticed as well as bits that flipped. With a key:
// AES-256-GCM, the place as associated data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::store {

enum class Role : std::uint8_t { commit = 1, raw = 2, output = 3, snapshot = 4, kept = 5 };

struct Place {
  Role role;
  std::uint64_t id = 0;                 // of the row
  std::uint64_t first = 0, second = 0;  // other columns of the row that matter
};

class Seal {
 public:
  // Without a key.
  Seal() = default;

  std::string close(const Place& place, std::string_view bytes) const;

  // The bytes; nothing if it does not hold.
  std::optional<std::string> open(const Place& place, std::string_view sealed) const;
};

}  // namespace weir::store
