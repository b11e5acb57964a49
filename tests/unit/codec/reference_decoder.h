// A second decoder of blocks, written from docs/formats.md alone: slow, obvious, and sharing no code
// with the codec. What it reads is what the page says.
#pragma once

#include <string_view>
#include <vector>

#include "model/series.h"

namespace weir::codec::reference {

// Throws std::runtime_error on what is no block.
std::vector<model::Series> decode(std::string_view block);

}  // namespace weir::codec::reference
