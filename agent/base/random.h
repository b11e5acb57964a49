// Random numbers: from the kernel for names and passwords, from a seed for everything repeatable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace weir {

std::uint64_t random_u64();                   // from getrandom(2); never 0
std::string random_bytes(std::size_t count);  // from getrandom(2)

// The next number of the SplitMix64 sequence that `state` stands in (G. Steele et al., OOPSLA 2014).
std::uint64_t split_mix(std::uint64_t& state);

}  // namespace weir
