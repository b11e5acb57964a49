#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string hint_for(int error) {
  switch (error) {
    case EACCES: return "is the file readable for the user that weir runs as?";
    case ENOENT: return "is the path right?";
    case ENOSPC: return "free some space on that file system";
    case EROFS: return "the file system is mounted read-only";
    default: return {};
  }
}

std::unexpected<Error> failed(const char* doing, const std::filesystem::path& path) {
  const int error = errno;
  return fail(std::string("cannot ") + doing + " " + path.string() + ": " + std::strerror(error), hint_for(error));
}

Result<void> write_beside(const std::filesystem::path& path, const std::filesystem::path& beside,
                          std::string_view content, unsigned mode, bool sync) {
  {
    const Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (file.get() < 0) return failed("write", beside);
    if (::fchmod(file.get(), mode) != 0) return failed("set the mode of", beside);
    while (!content.empty()) {
      const ssize_t done = ::write(file.get(), content.data(), content.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return failed("write", beside);
      content.remove_prefix(static_cast<std::size_t>(done));
    }
    if (sync && ::fsync(file.get()) != 0) return failed("sync", beside);
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return failed("replace", path);
  return {};
}

Result<void> write(const std::filesystem::path& path, std::string_view content, unsigned mode, bool sync) {
  std::filesystem::path beside = path;
  beside += ".new";
  if (auto written = write_beside(path, beside, content, mode, sync); !written) {
    ::unlink(beside.c_str());  // half a file would keep the space that it lacked
    return written;
  }
  if (sync) {
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.get() < 0 || ::fsync(parent.get()) != 0) return failed("sync", folder);
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t most) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return failed("open", path);
  std::string out;
  char buffer[16'384];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
    if (out.size() > most)
      return fail(path.string() + " is larger than " + std::to_string(most) + " bytes", "is it the right file?");
  }
}

Result<void> write_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  return write(path, content, mode, true);
}

Result<void> write_volatile_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  return write(path, content, mode, false);
}

Result<std::string> read_secret(const std::filesystem::path& path) {
  auto text = read_file(path, 64 << 10);
  if (!text) return text;
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  if (text->empty()) return fail(path.string() + " is empty", "put the secret into it, and nothing else");
  return text;
}

}  // namespace weir
