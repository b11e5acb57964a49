#include "store/raw_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::store {

Result<RawFile> RawFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail("cannot read " + path.string() + ": " + std::strerror(errno), "may this user read it?");
  RawFile file(fd, 0);
  struct ::stat about{};
  if (::fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) file.size_ = about.st_size;
  static_cast<void>(::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
  return file;
}

RawFile::RawFile(RawFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

RawFile& RawFile::operator=(RawFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

RawFile::~RawFile() {
  if (fd_ >= 0) ::close(fd_);
}

bool RawFile::read(std::span<unsigned char> out, std::int64_t offset) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(fd_, out.data() + done, out.size() - done, offset + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      std::ranges::fill(out, 0);
      return false;
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  std::ranges::fill(out.subspan(done), 0);
  return true;
}

}  // namespace weir::store
