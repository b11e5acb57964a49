// fork and exec, with nothing inherited that the child should not have. Linux only.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <utility>

#include "base/error.h"
#include "process/process.h"

namespace weir::process {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void close() {
    if (fd_ >= 0) ::close(release());
  }

 private:
  int fd_ = -1;
};

struct Spawned {
  pid_t pid = 0;
  Descriptor pidfd;
  Descriptor out, error;  // our ends, non-blocking; none if not asked for
};

Result<Spawned> spawn(const Command& command, bool with_out, bool with_error);

}  // namespace weir::process
