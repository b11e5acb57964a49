// A disk of a test's own: ext4 in a file, on a loop device. It can be full, read-only, or without power.
// Takes root, mkfs.ext4 and a machine that allows loop mounts.
#pragma once

#include <cstdint>
#include <filesystem>

namespace weir::test {

class LoopDisk {
 public:
  // The file is in `folder`, and sparse.
  LoopDisk(const std::filesystem::path& folder, std::uintmax_t bytes);
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;
  ~LoopDisk();

  bool mounted() const { return mounted_; }
  const std::filesystem::path& path() const { return mount_; }
  std::filesystem::path operator/(const char* name) const { return mount_ / name; }

  bool mount();
  bool unmount();
  bool set_read_only(bool on) const;

  // What was not synced is gone, as after a power cut. All that is left to do is to unmount it.
  bool cut_power() const;

 private:
  std::filesystem::path image_, mount_;
  bool mounted_ = false;
};

}  // namespace weir::test
