#include "store/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace weir::store {

Result<Lock> Lock::take(const std::filesystem::path& store) {
  std::filesystem::path path = store;
  path += ".lock";
  Lock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (lock.fd_ < 0)
    return fail("cannot open " + path.string() + ": " + std::strerror(errno),
                "the folder of the store must exist and be writable for the user weir");
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail("cannot lock " + path.string() + ": " + std::strerror(errno));
    char holder[24] = {};
    const ssize_t size = ::pread(lock.fd_, holder, sizeof holder - 1, 0);
    const std::string who(holder, size > 0 ? static_cast<std::size_t>(size) : 0);
    return fail("the store " + store.string() + " is in use by another agent" +
                    (who.empty() ? std::string() : " (process " + who.substr(0, who.find('\n')) + ")"),
                "stop that one ('systemctl stop weir'), or give this one a store of its own");
  }
  const std::string self = std::to_string(::getpid()) + "\n";
  // Only for the message above; the lock holds without it, so a full disk does not matter.
  if (::ftruncate(lock.fd_, 0) == 0) static_cast<void>(::pwrite(lock.fd_, self.data(), self.size(), 0) == 0);
  return lock;
}

Lock::Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Lock::~Lock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace weir::store
