#include "codec/bits.h"

#include <algorithm>
#include <array>

namespace weir::codec {
namespace {

std::uint64_t byte_at(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

// Little-endian, from the eight bytes at i, or from as many as there are.
std::uint64_t load(std::string_view bytes, std::size_t i) {
  std::uint64_t value = 0;
  if (bytes.size() - i >= 8) {
    for (unsigned k = 0; k < 8; ++k) value |= byte_at(bytes, i + k) << (8 * k);
  } else {
    for (unsigned k = 0; i + k < bytes.size(); ++k) value |= byte_at(bytes, i + k) << (8 * k);
  }
  return value;
}

}  // namespace

void BitWriter::clear() {
  out_.clear();
  pending_ = 0;
  filled_ = 0;
}

void BitWriter::flush() {
  std::array<char, 8> bytes;
  for (unsigned k = 0; k < 8; ++k) bytes[k] = static_cast<char>(pending_ >> (8 * k));
  out_.append(bytes.data(), bytes.size());
}

const std::string& BitWriter::finish() {
  for (unsigned done = 0; done < filled_; done += 8) out_.push_back(static_cast<char>(pending_ >> done));
  pending_ = 0;
  filled_ = 0;
  return out_;
}

std::uint64_t BitReader::take(unsigned width) {
  if (!ok_ || width > bytes_.size() * 8 - at_) {
    ok_ = false;
    return 0;
  }
  if (width == 0) return 0;
  const std::size_t first = at_ / 8;
  const unsigned skip = at_ % 8;
  std::uint64_t value = load(bytes_, first) >> skip;
  if (skip + width > 64) value |= byte_at(bytes_, first + 8) << (64 - skip);
  at_ += width;
  return value & ((std::uint64_t{1} << width) - 1);
}

bool BitReader::spent() const {
  const std::size_t left = bytes_.size() * 8 - at_;
  return left < 8 && (left == 0 || byte_at(bytes_, at_ / 8) >> (at_ % 8) == 0);
}

}  // namespace weir::codec
