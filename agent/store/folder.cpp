#include "store/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace weir::store {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

void sync_folder(const fs::path& file) {
  const int fd = ::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

Result<void> sync_file(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) return fail("cannot sync " + file.string() + ": " + std::strerror(error), "see 'dmesg'");
  return {};
}

Result<void> move_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error)
    return fail("cannot move " + from.string() + " to " + to.string() + ": " + error.message(),
                "is the folder writable for the user weir?");
  sync_folder(to);
  return {};
}

bool is_blank(const fs::path& file) {
  std::error_code error;
  for (const char* suffix : {"", "-wal"})
    if (const auto size = fs::file_size(file.string() + suffix, error);
        error ? error != std::errc::no_such_file_or_directory : size > 0)
      return false;
  return true;
}

void remove_store(const fs::path& file) {
  std::error_code ignored;
  for (const char* suffix : kStoreSuffixes) fs::remove(file.string() + suffix, ignored);
}

}  // namespace weir::store
