// The key of an encrypted store: 32 bytes, wiped when they go.
#pragma once

#include <array>
#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace weir::store {

class Key {
 public:
  static constexpr std::size_t kSize = 32;

  // What a key file holds: 64 hex digits, the base64 of 32 bytes, white space around either, or 32 bytes as they
  // are. An error never repeats what it was given.
  static Result<Key> parse(std::string_view content);
  static Result<Key> read(const std::filesystem::path& file);

  explicit Key(std::string_view bytes);  // kSize of them
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key();

  std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, kSize> bytes_{};
};

}  // namespace weir::store
