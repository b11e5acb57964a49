#include "test_support/loop_disk.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

namespace weir::test {
namespace {

namespace fs = std::filesystem;

constexpr unsigned long kExt4Shutdown = 0x8004587D;  // EXT4_IOC_SHUTDOWN of linux/ext4.h
constexpr std::uint32_t kWithoutLogFlush = 2;

bool run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) return false;
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

LoopDisk::LoopDisk(const fs::path& folder, std::uintmax_t bytes) : image_(folder / "image"), mount_(folder / "disk") {
  fs::create_directories(mount_);
  std::ofstream(image_).close();
  fs::resize_file(image_, bytes);
  // All of it made at once: else the kernel goes on writing zeros in the background.
  if (::geteuid() == 0 &&
      run({"mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image_.string()}))
    mount();
}

LoopDisk::~LoopDisk() {
  if (!unmount()) ::umount2(mount_.c_str(), MNT_DETACH);
}

bool LoopDisk::mount() { return mounted_ = run({"mount", "-o", "loop", image_.string(), mount_.string()}); }

bool LoopDisk::unmount() {
  if (mounted_ && ::umount2(mount_.c_str(), 0) == 0) mounted_ = false;
  return !mounted_;
}

bool LoopDisk::set_read_only(bool on) const {
  return ::mount(nullptr, mount_.c_str(), nullptr, MS_REMOUNT | (on ? MS_RDONLY : 0), nullptr) == 0;
}

bool LoopDisk::cut_power() const {
  const int fd = ::open(mount_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  std::uint32_t how = kWithoutLogFlush;
  const bool done = ::ioctl(fd, kExt4Shutdown, &how) == 0;
  ::close(fd);
  return done;
}

}  // namespace weir::test
