// A column of 64-bit integers, in which everything but text ends up: as offsets from the least of
// them, divided by what divides them all, themselves or as differences or as differences of
// differences, whatever is smallest. Each becomes a token of one byte, of which few kinds occur, so
// that zstd's Huffman coder packs it well, and the low bits of larger numbers as they are.
//
// Arithmetic wraps modulo 2^64, so that any values, and any differences between them, are exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "codec/parts.h"

namespace weir::codec {

class IntsWriter {
 public:
  void put(std::span<const std::int64_t> values, PartsWriter& out);

 private:
  std::vector<std::uint64_t> offsets_;  // kept from call to call
};

// False if the parts hold no such column; takes no memory for `count` before they are seen to
// hold it, unless all values come from a rule (a constant, a line).
bool get_ints(PartsReader& in, std::size_t count, std::vector<std::int64_t>& values);

}  // namespace weir::codec
