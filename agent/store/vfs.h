// What SQLite does to the disk, seen from below: a VFS that passes every call on to the system's and
// counts. It is also where a test can make calls fail, tear or come short (IoHook).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace weir::store {

struct IoCounters {
  std::uint64_t writes = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t syncs = 0;
};

enum class Io : std::uint8_t { open, remove, read, write, truncate, sync, file_size, map };

// One call to the disk.
struct IoCall {
  Io io = Io::open;
  const char* file = nullptr;  // its path; null: a temporary one
  std::int64_t offset = 0;     // of read and write; of truncate: the size it is to have; of map: in the -shm
  int size = 0;                // bytes; of open: 1 if the file may be made
  const void* data = nullptr;  // of write
};

enum class Fault : std::uint8_t {
  none,
  io,    // EIO
  full,  // ENOSPC
  ends,  // a read that comes to the end of the file
};

// For tests: sees each call before it is done, and may spoil it. Locks and closing are not asked about.
class IoHook {
 public:
  struct Fate {
    Fault fault = Fault::none;
    int done = 0;  // of a read or write that is spoilt: so many of its first bytes are done all the same
  };

  virtual ~IoHook() = default;
  virtual Fate before(const IoCall& call) = 0;
};

// Registered under a name of its own while it lives; must outlive the connections that use it.
class Vfs {
 public:
  explicit Vfs(IoHook* hook = nullptr);
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;
  ~Vfs();

  const std::string& name() const;
  const IoCounters& counters() const;

 private:
  class Shim;
  std::unique_ptr<Shim> shim_;
};

}  // namespace weir::store
