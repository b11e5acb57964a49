// The host driver's options.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sdk/driver.h"

namespace weir::driver_host {

struct Settings {
  std::string device = "host";  // first level of every path
  Nanoseconds interval = 10 * kSecond;
  std::filesystem::path proc = "/proc";
  std::filesystem::path sys = "/sys";
  std::vector<std::string> mounts;      // mount points; none: every local file system on a disk
  std::vector<std::string> interfaces;  // none: every one but lo
};

sdk::Kind kind();

}  // namespace weir::driver_host
