// Varints and zigzag as protobuf and LEB128 have them, for formats of our own. Reading is bounded:
// nothing here looks past the end of what it was given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

void put_varint(std::string& out, std::uint64_t value);
void put_bytes(std::string& out, std::string_view bytes);  // length as a varint, then the bytes
void put_fixed32(std::string& out, std::uint32_t value);   // little-endian
void put_fixed64(std::string& out, std::uint64_t value);
void put_double(std::string& out, double value);  // its bits, little-endian

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// Reads in order. After the first read past the end or of a malformed number ok() is false for good,
// and every read gives 0 or nothing.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t varint();
  std::uint32_t fixed32();
  std::uint64_t fixed64();
  double float64();
  std::string_view bytes();                    // what put_bytes wrote
  std::string_view take(std::uint64_t count);  // as they stand

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::string to_hex(std::string_view bytes);
bool from_hex(std::string_view text, std::string& out);  // false if it is none

}  // namespace weir
