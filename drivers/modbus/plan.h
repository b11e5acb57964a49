// Which registers are read together. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "driver_modbus/options.h"

namespace weir::modbus {

// What one request may ask for (Modbus Application Protocol V1.1b3, sections 6.1 to 6.4).
inline constexpr int kMostRegisters = 125;
inline constexpr int kMostBits = 2000;

// One request, and the signals that its answer holds.
struct Block {
  Table table = Table::holding;
  int first = 0;
  int count = 0;
  Nanoseconds interval = kSecond;
  std::vector<std::size_t> signals;  // indices into what plan() was given, by address
  friend bool operator==(const Block&, const Block&) = default;
};

// Signals of one table and one interval are read together if at most `max_gap` registers (or sixteen
// times as many bits) that nobody asked for lie between them. Ordered by interval, table and address.
std::vector<Block> plan(std::span<const SignalOptions> signals, int max_gap);

// The two halves of a block, cut at its widest gap, for a device that does not know what lies between
// or takes no request that long. Nothing if the signals all overlap.
std::optional<std::pair<Block, Block>> cut(const Block& block, std::span<const SignalOptions> signals);

}  // namespace weir::modbus
