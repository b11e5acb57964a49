// What SQLite does to the disk, seen from below: a VFS that passes every call on to the system's and
// counts. It is also where a test can make writes fail or tear (IoHook).
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

// Asked before each call. What it returns is an SQLite result code; anything but 0 (SQLITE_OK) is
// returned to SQLite in place of doing the call.
class IoHook {
 public:
  virtual ~IoHook() = default;
  virtual int before_write(const char* file, std::int64_t offset, int size) = 0;
  virtual int before_sync(const char* file) = 0;
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
