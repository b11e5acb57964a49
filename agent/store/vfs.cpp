#include "store/vfs.h"

#include <sqlite3.h>

namespace weir::store {
namespace {

// What the calls on an open file need to know of the shim that it was opened with.
struct Watch {
  IoCounters counters;
  IoHook* hook = nullptr;
};

// SQLite allocates szOsFile bytes, aligned to 8: this, and right behind it the system's own.
struct File {
  sqlite3_file base;
  Watch* watch;
  const char* name;

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  static File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
};
static_assert(alignof(File) <= 8 && sizeof(File) % 8 == 0);

// Passes a method on to the real file.
template <auto Method, class... Arguments>
auto forward(sqlite3_file* file, Arguments... arguments) {
  sqlite3_file* real = File::of(file)->real();
  return (real->pMethods->*Method)(real, arguments...);
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  const File& self = *File::of(file);
  Watch& watch = *self.watch;
  if (watch.hook != nullptr)
    if (const int code = watch.hook->before_write(self.name, offset, size); code != SQLITE_OK) return code;
  ++watch.counters.writes;
  watch.counters.bytes_written += static_cast<std::uint64_t>(size);
  return forward<&sqlite3_io_methods::xWrite>(file, data, size, offset);
}

int sync(sqlite3_file* file, int flags) {
  const File& self = *File::of(file);
  if (self.watch->hook != nullptr)
    if (const int code = self.watch->hook->before_sync(self.name); code != SQLITE_OK) return code;
  ++self.watch->counters.syncs;
  return forward<&sqlite3_io_methods::xSync>(file, flags);
}

// Version 2: without xFetch, so that SQLite never maps the file, whatever it is asked for.
constexpr sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = forward<&sqlite3_io_methods::xClose>,
    .xRead = forward<&sqlite3_io_methods::xRead, void*, int, sqlite3_int64>,
    .xWrite = write,
    .xTruncate = forward<&sqlite3_io_methods::xTruncate, sqlite3_int64>,
    .xSync = sync,
    .xFileSize = forward<&sqlite3_io_methods::xFileSize, sqlite3_int64*>,
    .xLock = forward<&sqlite3_io_methods::xLock, int>,
    .xUnlock = forward<&sqlite3_io_methods::xUnlock, int>,
    .xCheckReservedLock = forward<&sqlite3_io_methods::xCheckReservedLock, int*>,
    .xFileControl = forward<&sqlite3_io_methods::xFileControl, int, void*>,
    .xSectorSize = forward<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = forward<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = forward<&sqlite3_io_methods::xShmMap, int, int, int, void volatile**>,
    .xShmLock = forward<&sqlite3_io_methods::xShmLock, int, int, int>,
    .xShmBarrier = forward<&sqlite3_io_methods::xShmBarrier>,
    .xShmUnmap = forward<&sqlite3_io_methods::xShmUnmap, int>,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

}  // namespace

class Vfs::Shim {
 public:
  explicit Shim(IoHook* hook) : real_(sqlite3_vfs_find("unix")) {
    watch_.hook = hook;
    char name[40];
    sqlite3_snprintf(sizeof name, name, "weir-%p", static_cast<void*>(this));
    name_ = name;
    // All but opening is the system's: its other methods do not look at which VFS they are called for.
    vfs_ = *real_;
    vfs_.pNext = nullptr;
    vfs_.zName = name_.c_str();
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    sqlite3_vfs_register(&vfs_, 0);
  }
  Shim(const Shim&) = delete;
  Shim& operator=(const Shim&) = delete;
  ~Shim() { sqlite3_vfs_unregister(&vfs_); }

  const std::string& name() const { return name_; }
  const IoCounters& counters() const { return watch_.counters; }

 private:
  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto& self = *static_cast<Shim*>(vfs->pAppData);
    File& opened = *File::of(file);
    opened.base.pMethods = nullptr;
    opened.watch = &self.watch_;
    opened.name = name;  // lives as long as the file, by SQLite's contract
    opened.real()->pMethods = nullptr;
    const int code = self.real_->xOpen(self.real_, name, opened.real(), flags, out_flags);
    if (opened.real()->pMethods != nullptr) opened.base.pMethods = &kMethods;
    return code;
  }

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_{};
  std::string name_;
  Watch watch_;
};

Vfs::Vfs(IoHook* hook) : shim_(std::make_unique<Shim>(hook)) {}
Vfs::~Vfs() = default;

const std::string& Vfs::name() const { return shim_->name(); }
const IoCounters& Vfs::counters() const { return shim_->counters(); }

}  // namespace weir::store
