#include "store/vfs.h"

#include <sqlite3.h>

#include <array>
#include <cstring>

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
  sqlite3_int64 wal_room;  // bytes that the WAL has on the disk, as far as known
  bool is_database;        // and not its journal or WAL
  bool is_wal;

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

// What the system's VFS returns when such a call fails so.
int code_of(Io io, Fault fault) {
  const bool full = fault == Fault::full;
  switch (io) {
    case Io::open: return SQLITE_CANTOPEN;
    case Io::remove: return SQLITE_IOERR_DELETE;
    case Io::read: return fault == Fault::ends ? SQLITE_IOERR_SHORT_READ : SQLITE_IOERR_CORRUPTFS;
    case Io::write: return full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    case Io::truncate: return SQLITE_IOERR_TRUNCATE;
    case Io::sync: return SQLITE_IOERR_FSYNC;
    case Io::file_size: return SQLITE_IOERR_FSTAT;
    case Io::map: return full ? SQLITE_IOERR_SHMSIZE : SQLITE_IOERR_SHMOPEN;
  }
  return SQLITE_IOERR;
}

IoHook::Fate fate_of(IoHook* hook, const IoCall& call) {
  return hook == nullptr ? IoHook::Fate() : hook->before(call);
}

// Passes a method on unless the hook spoils the call.
template <auto Method, Io io, class... Arguments>
int forward_asked(sqlite3_file* file, IoCall call, Arguments... arguments) {
  const File& self = *File::of(file);
  call.io = io;
  call.file = self.name;
  const auto [fault, done] = fate_of(self.watch->hook, call);
  return fault == Fault::none ? forward<Method>(file, arguments...) : code_of(io, fault);
}

int read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  const File& self = *File::of(file);
  const auto [fault, done] =
      fate_of(self.watch->hook, {.io = Io::read, .file = self.name, .offset = offset, .size = size});
  int code;
  if (fault == Fault::none) {
    code = forward<&sqlite3_io_methods::xRead>(file, data, size, offset);
  } else {
    std::memset(data, 0, static_cast<std::size_t>(size));
    if (done > 0) forward<&sqlite3_io_methods::xRead>(file, data, done, offset);
    code = code_of(Io::read, fault);
  }
  // SQLite takes what is missing of a page for zeros, and may write them back. Right only behind the end.
  if (sqlite3_int64 end = 0; code == SQLITE_IOERR_SHORT_READ && self.is_database &&
                             forward<&sqlite3_io_methods::xFileSize>(file, &end) == SQLITE_OK && end > offset)
    return SQLITE_IOERR_READ;
  return code;
}

int write_as_is(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  const File& self = *File::of(file);
  const auto [fault, done] =
      fate_of(self.watch->hook, {.io = Io::write, .file = self.name, .offset = offset, .size = size, .data = data});
  if (fault != Fault::none) size = done;
  int code = SQLITE_OK;
  if (size > 0) {
    ++self.watch->counters.writes;
    self.watch->counters.bytes_written += static_cast<std::uint64_t>(size);
    code = forward<&sqlite3_io_methods::xWrite>(file, data, size, offset);
  }
  return fault == Fault::none ? code : code_of(Io::write, fault);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return forward_asked<&sqlite3_io_methods::xFileSize, Io::file_size>(file, {}, size);
}

// A WAL that grows with each commit makes the file system write its journal with each sync: more than all that is
// committed. So it grows in steps, and of zeros: room that is only reserved is marked as written later, by each
// commit, in that same journal. Zeros are no frames; SQLite ends there as at the end of the file.
int make_room(sqlite3_file* file, sqlite3_int64 end) {
  // No more: SQLite writes less than 128 KiB at once.
  static constexpr std::array<char, 64 << 10> kZeros{};
  File& self = *File::of(file);
  if (end <= self.wal_room) return SQLITE_OK;
  if (const int code = file_size(file, &self.wal_room); code != SQLITE_OK) return code;
  while (self.wal_room < end) {
    if (const int code = write_as_is(file, kZeros.data(), kZeros.size(), self.wal_room); code != SQLITE_OK)
      return code;
    self.wal_room += kZeros.size();
  }
  return SQLITE_OK;
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (File::of(file)->is_wal)
    if (const int code = make_room(file, offset + size); code != SQLITE_OK) return code;
  return write_as_is(file, data, size, offset);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  File::of(file)->wal_room = 0;
  return forward_asked<&sqlite3_io_methods::xTruncate, Io::truncate>(file, {.offset = size}, size);
}

int sync(sqlite3_file* file, int flags) {
  ++File::of(file)->watch->counters.syncs;
  return forward_asked<&sqlite3_io_methods::xSync, Io::sync>(file, {}, flags);
}

int shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** at) {
  return forward_asked<&sqlite3_io_methods::xShmMap, Io::map>(
      file, {.offset = std::int64_t{region} * size, .size = size}, region, size, extend, at);
}

// Version 2: without xFetch, so that SQLite never maps the file, whatever it is asked for.
constexpr sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = forward<&sqlite3_io_methods::xClose>,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = file_size,
    .xLock = forward<&sqlite3_io_methods::xLock, int>,
    .xUnlock = forward<&sqlite3_io_methods::xUnlock, int>,
    .xCheckReservedLock = forward<&sqlite3_io_methods::xCheckReservedLock, int*>,
    .xFileControl = forward<&sqlite3_io_methods::xFileControl, int, void*>,
    .xSectorSize = forward<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = forward<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = shm_map,
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
    // The rest is the system's: its other methods do not look at which VFS they are called for.
    vfs_ = *real_;
    vfs_.pNext = nullptr;
    vfs_.zName = name_.c_str();
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
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
    opened.is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    opened.is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    opened.wal_room = 0;
    opened.name = name;  // lives as long as the file, by SQLite's contract
    opened.real()->pMethods = nullptr;
    const auto [fault, done] =
        fate_of(self.watch_.hook, {.io = Io::open, .file = name, .size = (flags & SQLITE_OPEN_CREATE) != 0});
    if (fault != Fault::none) return code_of(Io::open, fault);
    const int code = self.real_->xOpen(self.real_, name, opened.real(), flags, out_flags);
    if (opened.real()->pMethods != nullptr) opened.base.pMethods = &kMethods;
    return code;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    const auto& self = *static_cast<Shim*>(vfs->pAppData);
    const auto [fault, done] = fate_of(self.watch_.hook, {.io = Io::remove, .file = name});
    if (fault != Fault::none) return code_of(Io::remove, fault);
    return self.real_->xDelete(self.real_, name, sync_folder);
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
