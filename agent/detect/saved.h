// Reading back what a detector saved: bytes from a disk, so each number is checked.
#pragma once

#include "base/bytes.h"

namespace weir::detect {

// False if it is no number from `least` to `most`.
inline bool read(ByteReader& in, double& out, double least, double most) {
  out = in.float64();
  return in.ok() && out >= least && out <= most;
}

inline bool read(ByteReader& in, std::uint64_t& out, std::uint64_t most) {
  out = in.varint();
  return in.ok() && out <= most;
}

}  // namespace weir::detect
