// Files, whole: read with a bound, written so that a reader sees the old or the new and never a part.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace weir {

// What a failed call says of a file, `error` being its errno: "cannot open /etc/x: Permission denied", and what to
// do.
enum class Doing { read, write };
Error file_error(const std::string& what, int error, Doing doing = Doing::read);

// Refuses more than `most` bytes.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t most = 16 << 20);

// Writes beside it, syncs, renames. `mode` as in chmod(2). What is no file of its own (a link, a pipe, a device)
// stays what it is, and is written to.
Result<void> write_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);

// Writes beside it and renames, without the sync: for runtime folders, which are gone after a power cut anyway. A
// link is replaced.
Result<void> write_volatile_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);

// A secret from its file: one trailing newline is not part of it; empty is an error.
Result<std::string> read_secret(const std::filesystem::path& path);

}  // namespace weir
