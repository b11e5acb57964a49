// FNV-1a with 128 bits (G. Fowler, L. C. Noll, K.-P. Vo; draft-eastlake-fnv): names things for good,
// guards nothing against an attacker.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::rules {

struct Hash128 {
  std::uint64_t high = 0x6c62272e07bb0142, low = 0x62b821756295c58d;

  void add(std::string_view bytes);
  void add_text(std::string_view text);  // with its length, so that "ab" "c" differs from "a" "bc"
  void add_number(std::uint64_t number);
  std::string hex() const;  // 32 digits
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

}  // namespace weir::rules
