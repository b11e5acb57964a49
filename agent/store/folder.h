// The files of a store in their folder: a database, its -wal, -shm and -journal.
#pragma once

#include <array>
#include <filesystem>

#include "base/error.h"

namespace weir::store {

inline constexpr std::array kStoreSuffixes{"", "-wal", "-shm", "-journal"};

std::filesystem::path folder_of(const std::filesystem::path& file);

// A new name survives a power cut only when its folder is synced.
void sync_folder(const std::filesystem::path& file);

Result<void> sync_file(const std::filesystem::path& file);

// Over nothing, within a folder; survives a power cut.
Result<void> move_file(const std::filesystem::path& from, const std::filesystem::path& to);

// Whether not a byte of a store is there.
bool is_blank(const std::filesystem::path& file);

// All four, as far as they are there.
void remove_store(const std::filesystem::path& file);

}  // namespace weir::store
