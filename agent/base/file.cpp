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

std::string hint_for(int error, Doing doing) {
  switch (error) {
    case EACCES:
    case EPERM:
      return doing == Doing::read ? "may the user that weir runs as read it, and enter the folders above it?"
                                  : "may the user that weir runs as write to that folder?";
    case ENOENT: return doing == Doing::read ? "is the path right?" : "does its folder exist?";
    case ENOTDIR: return "a part of that path is a file, and no folder";
    case EISDIR: return "it is a folder: name a file";
    case ELOOP: return "it is a link that leads back to itself: name what it should lead to";
    case ENOSPC: return "free some space on that file system";
    case EROFS: return "the file system is mounted read-only";
    default: return {};
  }
}

std::unexpected<Error> failed(const char* doing, const std::filesystem::path& path, Doing how = Doing::write) {
  return std::unexpected(file_error(std::string("cannot ") + doing + " " + path.string(), errno, how));
}

Result<void> write_all(const Descriptor& file, const std::filesystem::path& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t done = ::write(file.get(), content.data(), content.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return failed("write", path);
    content.remove_prefix(static_cast<std::size_t>(done));
  }
  return {};
}

Result<void> write_beside(const std::filesystem::path& path, const std::filesystem::path& beside,
                          std::string_view content, unsigned mode, bool sync) {
  {
    const Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (file.get() < 0) return failed("write", beside);
    if (::fchmod(file.get(), mode) != 0) return failed("set the mode of", beside);
    if (auto written = write_all(file, beside, content); !written) return written;
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

Error file_error(const std::string& what, int error, Doing doing) {
  return {what + ": " + std::strerror(error), hint_for(error, doing)};
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t most) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return failed("open", path, Doing::read);
  std::string out;
  char buffer[16'384];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path, Doing::read);
    if (got == 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
    if (out.size() > most)
      return fail(path.string() + " is larger than " + std::to_string(most) + " bytes", "is it the right file?");
  }
}

Result<void> write_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  struct ::stat about{};
  if (::lstat(path.c_str(), &about) != 0 || S_ISREG(about.st_mode)) return write(path, content, mode, true);
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (file.get() < 0) return failed("write", path);
  return write_all(file, path, content);
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
