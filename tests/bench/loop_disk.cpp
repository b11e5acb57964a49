#include "loop_disk.h"

#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

namespace weir::bench {
namespace fs = std::filesystem;

namespace {

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
  mounted_ = ::geteuid() == 0 &&
             run({"mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image_.string()}) &&
             run({"mount", "-o", "loop", image_.string(), mount_.string()});
}

LoopDisk::~LoopDisk() {
  if (mounted_ && ::umount2(mount_.c_str(), 0) != 0) ::umount2(mount_.c_str(), MNT_DETACH);
}

double device_bytes(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return 0;
  std::ifstream file("/sys/dev/block/" + std::to_string(major(status.st_dev)) + ":" +
                     std::to_string(minor(status.st_dev)) + "/stat");
  double field = 0;
  for (int i = 0; i < 7; ++i)
    if (!(file >> field)) return 0;
  return field * 512;  // the seventh: sectors written
}

}  // namespace weir::bench
