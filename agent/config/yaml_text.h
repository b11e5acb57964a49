// What must hold for the bytes of a file before they are read as YAML.
#pragma once

#include <cstddef>
#include <string>

#include "base/diagnostic.h"

namespace weir::config {

inline constexpr std::size_t kMostBytes = 1 << 20;  // of one file

// UTF-8 without a byte order mark and with plain line feeds; lines and columns as in the file. Adds to
// `diagnostics` what is wrong: too large, no UTF-8, control characters, tabs that indent, directives.
std::string checked_text(std::string_view raw, const Position& start, Diagnostics& diagnostics);

}  // namespace weir::config
