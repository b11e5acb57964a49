// A file that is read at places, whatever state it is in. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/error.h"

namespace weir::store {

class RawFile {
 public:
  // What is no file, a folder perhaps, holds nothing.
  static Result<RawFile> open(const std::filesystem::path& path);
  RawFile(RawFile&& other) noexcept;
  RawFile& operator=(RawFile&& other) noexcept;
  ~RawFile();

  std::int64_t size() const { return size_; }

  // Behind the end there are zeros. False if the disk cannot give back what is there; `out` is zeros then.
  bool read(std::span<unsigned char> out, std::int64_t offset) const;

 private:
  RawFile(int fd, std::int64_t size) : fd_(fd), size_(size) {}
  int fd_ = -1;
  std::int64_t size_ = 0;
};

inline std::uint32_t big_endian_32(const unsigned char* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | std::uint32_t{at[3]};
}

inline std::uint32_t big_endian_16(const unsigned char* at) { return std::uint32_t{at[0]} << 8 | at[1]; }

}  // namespace weir::store
