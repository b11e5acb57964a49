// Files, whole: read with a bound, written so that a reader sees the old or the new and never a part.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace weir {

// Refuses more than `most` bytes.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t most = 16 << 20);

// Writes beside it, syncs, renames. `mode` as in chmod(2).
Result<void> write_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);

// As write_file, but without the sync: for runtime folders, which are gone after a power cut anyway.
Result<void> write_volatile_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);

// A secret from its file: one trailing newline is not part of it; empty is an error.
Result<std::string> read_secret(const std::filesystem::path& path);

}  // namespace weir
