// CRC-32C (Castagnoli; RFC 3720, appendix B.4): what each stored record vouches with.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

// crc32c("123456789") == 0xE3069283. Pass the last result as `before` to go on over further bytes.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace weir
