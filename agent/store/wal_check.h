// What a write-ahead log holds, read without SQLite.
//
// SQLite takes the frames of a WAL up to the first that is not as it should be, and drops the rest without a word.
// After a power cut that is right: the last transaction may be written in part. It is not when committed and synced
// transactions stand behind the bad frame. The format: https://www.sqlite.org/fileformat2.html#walformat
//
//   header (32): magic, version, page size, checkpoint number, salt (2), checksum (2) of what is in front of it
//   frame (24 + page): page number, pages of the file after a commit (0: no commit), salt (2), checksum (2)
//
// The checksum of a frame goes on from that of the frame in front of it, which is stored with it: so a frame behind a
// bad one can be verified all the same. Frames with another salt are of an earlier round and do not count.
//
// Throws nothing; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace weir::store {

inline constexpr std::uint32_t kPageSize = 4'096;  // of every store: open.cpp sets it

struct WalFrame {
  static constexpr std::int64_t kHeader = 24;

  std::uint32_t page = 0;   // its number, from 1
  std::uint32_t index = 0;  // in the file, from 0
  bool commit = false;      // ends a transaction
  bool sound = false;       // its checksum holds
  std::int64_t offset() const { return 32 + std::int64_t{index} * (kHeader + kPageSize) + kHeader; }  // of the page
};

struct Wal {
  // What counts, in order: what SQLite would take, and if there is damage what is behind it too, up to the last
  // commit. Those of a bad checksum are among them.
  std::vector<WalFrame> frames;

  // What is wrong, for people, if committed transactions are lost when SQLite opens it.
  std::optional<std::string> damage;
};

// A file that is missing or empty is a WAL with nothing in it. The error: it cannot be read.
Result<Wal> read_wal(const std::filesystem::path& wal);

}  // namespace weir::store
