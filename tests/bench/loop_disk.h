// A disk of its own: ext4 in a file, on a loop device. What reaches it is counted by the kernel, and nobody
// else writes there. Takes root, mkfs.ext4 and a machine that allows loop mounts.
#pragma once

#include <cstdint>
#include <filesystem>

namespace weir::bench {

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

 private:
  std::filesystem::path image_, mount_;
  bool mounted_ = false;
};

// Bytes that the block device under `path` has been given to write so far; 0: it shows no counters.
double device_bytes(const std::filesystem::path& path);

}  // namespace weir::bench
