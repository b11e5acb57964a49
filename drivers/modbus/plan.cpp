#include "driver_modbus/plan.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace weir::modbus {
namespace {

Block block_of(std::span<const std::size_t> members, std::span<const SignalOptions> signals) {
  const SignalOptions& front = signals[members.front()];
  Block block{front.table, front.first, 0, front.interval, {members.begin(), members.end()}};
  for (const std::size_t i : members)
    block.count = std::max(block.count, signals[i].first + signals[i].count() - block.first);
  return block;
}

}  // namespace

std::vector<Block> plan(std::span<const SignalOptions> signals, int max_gap) {
  std::vector<std::size_t> order(signals.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) {
    const SignalOptions& s = signals[i];
    return std::tuple(s.interval, s.table, s.first, s.count());
  });
  std::vector<Block> blocks;
  for (const std::size_t i : order) {
    const SignalOptions& signal = signals[i];
    if (!blocks.empty()) {
      Block& last = blocks.back();
      const bool bits = is_bits(signal.table);
      const int end = std::max(last.first + last.count, signal.first + signal.count());
      if (last.interval == signal.interval && last.table == signal.table &&
          signal.first - (last.first + last.count) <= (bits ? max_gap * 16 : max_gap) &&
          end - last.first <= (bits ? kMostBits : kMostRegisters)) {
        last.count = end - last.first;
        last.signals.push_back(i);
        continue;
      }
    }
    blocks.push_back({signal.table, signal.first, signal.count(), signal.interval, {i}});
  }
  return blocks;
}

std::optional<std::pair<Block, Block>> cut(const Block& block, std::span<const SignalOptions> signals) {
  const std::span<const std::size_t> members(block.signals);
  std::size_t best = 0;
  int widest = -1;
  std::size_t nearest_to_middle = members.size();
  int end = block.first;
  for (std::size_t k = 0; k < members.size(); ++k) {
    const SignalOptions& signal = signals[members[k]];
    const int gap = signal.first - end;
    if (k > 0 && gap >= 0) {
      const std::size_t off = k * 2 > members.size() ? k * 2 - members.size() : members.size() - k * 2;
      if (gap > widest || (gap == widest && off < nearest_to_middle)) {
        best = k;
        widest = gap;
        nearest_to_middle = off;
      }
    }
    end = std::max(end, signal.first + signal.count());
  }
  if (best == 0) return std::nullopt;
  return std::pair(block_of(members.first(best), signals), block_of(members.subspan(best), signals));
}

}  // namespace weir::modbus
