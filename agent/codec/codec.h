// Readings as bytes: the blocks that the log keeps and the cloud receives. docs/formats.md has the
// format. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/series.h"

namespace weir::codec {

// Bit-exact for every value and time. Appends to `out`.
void encode(std::span<const model::Series> series, std::string& out);

// What a block from outside may be at most; more is refused before memory is taken for it.
struct Limits {
  std::size_t bytes = 64 << 20;  // when unpacked
  std::size_t readings = 4'000'000;
  std::size_t series = 1'000'000;
};

// Any bytes are fine: what is no block is an error, never a crash and never more memory than Limits.
Result<std::vector<model::Series>> decode(std::string_view block, const Limits& limits = {});

// The same for who reads many: what `out` has of memory is used again. After an error it holds anything.
Result<void> decode(std::string_view block, const Limits& limits, std::vector<model::Series>& out);

}  // namespace weir::codec
