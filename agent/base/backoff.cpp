#include "base/backoff.h"

#include <algorithm>

#include "base/random.h"

namespace weir {

Backoff::Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most, std::uint64_t seed)
    : first_(first), most_(most), state_(seed != 0 ? seed : random_u64()) {}

std::chrono::milliseconds Backoff::next() {
  const auto ceiling = std::min(most_, first_ * (std::int64_t{1} << std::min(failures_, 30U)));
  if (failures_ < 1'000'000) ++failures_;
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(split_mix(state_) % (static_cast<std::uint64_t>(ceiling.count()) + 1)));
}

}  // namespace weir
