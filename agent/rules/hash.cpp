#include "rules/hash.h"

#include <cstdio>

namespace weir::rules {

void Hash128::add(std::string_view bytes) {
  // The prime is 2^88 + 0x13B.
  for (const char c : bytes) {
    low ^= static_cast<unsigned char>(c);
    // low * 0x13B in 64 × 64 → 128 bits, by halves.
    const std::uint64_t bottom = (low & 0xFFFFFFFF) * 0x13B;
    const std::uint64_t middle = (low >> 32) * 0x13B + (bottom >> 32);
    high = high * 0x13B + (middle >> 32) + (low << 24);
    low = (middle << 32) | (bottom & 0xFFFFFFFF);
  }
}

void Hash128::add_number(std::uint64_t number) {
  char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(number >> (8 * i));
  add({bytes, sizeof bytes});
}

void Hash128::add_text(std::string_view text) {
  add_number(text.size());
  add(text);
}

std::string Hash128::hex() const {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return text;
}

}  // namespace weir::rules
