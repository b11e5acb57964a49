// One agent a store. SQLite alone would let two write by turns, each with counters of its own.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "store/salvage.h"

namespace weir::store {

// Whether the file system on which `folder` is, or would be, is read-only, full or failing.
bool takes_nothing(std::filesystem::path folder);

// Holds "FILE.lock" (flock) until it goes; the kernel lets go of it when the process dies. The file stays, with the
// process id of its last holder and with the numbers that it knew to be given. Those are written after they are
// synced in the store and never synced themselves: they may be behind, never ahead. A store that ends before them has
// lost rows.
class Lock {
 public:
  // A file system that is read-only is no hindrance if the file is there; else the error is `unwritable`.
  static Result<Lock> take(const std::filesystem::path& store);
  Lock(Lock&& other) noexcept;
  Lock& operator=(Lock&&) = delete;
  ~Lock();

  // As its last holder left it; nothing if that is not to be read.
  const std::optional<Known>& known() const { return known_; }
  void remember(const Known& known) const;

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_;
  std::optional<Known> known_;
};

}  // namespace weir::store
