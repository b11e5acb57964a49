// Numbers of any width, one behind the other, the lowest bit first: the part of a block that looks
// random and that zstd is therefore spared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::codec {

class BitWriter {
 public:
  void clear();
  void put(std::uint64_t value, unsigned width);  // width at most 63; value has no bits above it

  // What was put so far, the last byte filled up with zeros. Nothing may be put behind it.
  const std::string& finish();

 private:
  void flush();

  std::string out_;
  std::uint64_t pending_ = 0;
  unsigned filled_ = 0;  // bits of pending_, always fewer than 64
};

inline void BitWriter::put(std::uint64_t value, unsigned width) {
  pending_ |= value << filled_;
  filled_ += width;
  if (filled_ < 64) return;
  flush();
  filled_ -= 64;
  pending_ = filled_ == 0 ? 0 : value >> (width - filled_);
}

// Bounded: past the end it gives zeros, and ok() is false for good.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t take(unsigned width);  // at most 63

  bool ok() const { return ok_; }
  bool spent() const;  // only the zeros of a last byte are left

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;  // in bits
  bool ok_ = true;
};

}  // namespace weir::codec
