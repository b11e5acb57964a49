// The two parts of a block: what zstd packs well (headers, tokens, text), and bits that it cannot.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "codec/bits.h"

namespace weir::codec {

struct PartsWriter {
  std::string text;
  BitWriter bits;

  void clear() {
    text.clear();
    bits.clear();
  }
};

struct PartsReader {
  ByteReader text;
  BitReader bits;

  bool ok() const { return text.ok() && bits.ok(); }
  bool at_end() const { return text.at_end() && bits.spent(); }
};

}  // namespace weir::codec
