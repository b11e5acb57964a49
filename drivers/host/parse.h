// The text files of /proc and /sys, read with distrust: bounded, and whatever does not parse is left out.
// Formats: proc(5), Documentation/admin-guide/iostats.rst of the kernel. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::driver_host {

// A whole number at the front of the text, after blanks, with nothing but blanks behind it.
std::optional<std::int64_t> parse_number(std::string_view text);
std::optional<double> parse_decimal(std::string_view text);
std::vector<std::string_view> words(std::string_view line, std::size_t most = 64);

// The first line of /proc/stat, in clock ticks.
struct CpuTimes {
  static constexpr std::array<const char*, 8> kNames{"user",   "nice", "system",  "idle",
                                                     "iowait", "irq",  "softirq", "steal"};
  std::array<std::uint64_t, 8> ticks{};
  std::uint64_t total() const;
};
std::optional<CpuTimes> parse_stat(std::string_view text);

// /proc/meminfo, in bytes, by name.
std::map<std::string, std::int64_t, std::less<>> parse_meminfo(std::string_view text);

// /proc/diskstats: whole disks' bytes read and written and ms busy, by name.
struct DiskIo {
  std::uint64_t read_bytes = 0, written_bytes = 0, busy_ms = 0;
};
std::map<std::string, DiskIo, std::less<>> parse_diskstats(std::string_view text);

// /proc/net/dev, by interface.
struct NetIo {
  std::uint64_t received_bytes = 0, sent_bytes = 0, received_errors = 0, sent_errors = 0;
};
std::map<std::string, NetIo, std::less<>> parse_net_dev(std::string_view text);

// /proc/mounts.
struct Mount {
  std::string source, point, type;
};
std::vector<Mount> parse_mounts(std::string_view text);

// A name for a level of a path out of anything: "/var/lib" is var_lib, "/" is root.
std::string level_name(std::string_view text);

}  // namespace weir::driver_host
