// zstd (RFC 8878), with memory that is bounded.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct ZSTD_CCtx_s;

namespace weir::codec {

class Packer {
 public:
  Packer();
  ~Packer();
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  // Appends a frame that says its content's size, without a checksum: whoever stores blocks has one.
  // False, and `out` as it was, if that would be no smaller than `text`.
  bool pack(std::string_view text, std::string& out);

 private:
  struct Freer {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Freer> context_;
};

enum class Unpacked { fine, damaged, too_large };

// One frame, all of `frame`; at most `most` bytes, known before memory is taken.
Unpacked unpack(std::string_view frame, std::size_t most, std::string& out);

}  // namespace weir::codec
