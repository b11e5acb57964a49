// One agent a store. SQLite alone would let two write by turns, each with counters of its own.
#pragma once

#include <filesystem>

#include "base/error.h"

namespace weir::store {

// Holds "FILE.lock" (flock) until it goes; the kernel lets go of it when the process dies. The file
// stays, with the process id of its last holder.
class Lock {
 public:
  static Result<Lock> take(const std::filesystem::path& store);
  Lock(Lock&& other) noexcept;
  Lock& operator=(Lock&&) = delete;
  ~Lock();

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace weir::store
