// A small disk whose power can be cut: ext4 on a loop device, shut down without a flush (EXT4_IOC_SHUTDOWN).
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

extern char** environ;

namespace weir {

class PoweredDisk {
 public:
  PoweredDisk(const std::filesystem::path& folder, std::uintmax_t size)
      : image_(folder / "image"), mount_(folder / "mount") {
    std::filesystem::create_directories(mount_);
    std::ofstream(image_).close();
    std::filesystem::resize_file(image_, size);
    ready_ = run({"mkfs.ext4", "-q", "-F", image_.string()}) && mount();
  }
  PoweredDisk(const PoweredDisk&) = delete;
  PoweredDisk& operator=(const PoweredDisk&) = delete;
  ~PoweredDisk() { unmount(); }

  bool ready() const { return ready_; }
  const std::filesystem::path& path() const { return mount_; }

  bool mount() { return mounted_ = run({"mount", "-o", "loop", image_.string(), mount_.string()}); }
  bool unmount() {
    if (mounted_ && ::umount2(mount_.c_str(), 0) == 0) mounted_ = false;
    return !mounted_;
  }

  bool cut() const {
    const int fd = ::open(mount_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    std::uint32_t how = kWithoutLogFlush;
    const bool done = fd >= 0 && ::ioctl(fd, kExt4Shutdown, &how) == 0;
    ::close(fd);
    return done;
  }

 private:
  static constexpr unsigned long kExt4Shutdown = 0x8004587D;  // EXT4_IOC_SHUTDOWN of linux/ext4.h
  static constexpr std::uint32_t kWithoutLogFlush = 2;

  static bool run(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    if (::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) return false;
    int status = 0;
    return ::waitpid(child, &status, 0) == child && status == 0;
  }

  std::filesystem::path image_, mount_;
  bool mounted_ = false, ready_ = false;
};

}  // namespace weir
