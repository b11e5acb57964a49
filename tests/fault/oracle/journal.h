// What the numbering driver made: a line per reading, written before the reading is published. Nothing is
// synced, as only processes are killed here; a line that a kill cut short was not published and does not
// count.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace weir::oracle {

// The driver's files, all in the folder that its options name.
inline std::filesystem::path journal_file(const std::filesystem::path& folder) { return folder / "journal"; }
inline std::filesystem::path lives_file(const std::filesystem::path& folder) { return folder / "lives"; }
// While it is there, a life of the driver makes the readings of one cycle and then no more.
inline std::filesystem::path pause_file(const std::filesystem::path& folder) { return folder / "pause"; }

inline constexpr std::size_t kSignals = 6;
std::string signal_path(std::size_t signal);

// Never twice, over all lives of the driver.
constexpr std::int64_t numbered(std::uint32_t life, std::uint32_t n) {
  return (static_cast<std::int64_t>(life) << 32) | n;
}

struct Made {
  std::string path;
  std::int64_t value = 0;
  Timestamp time = 0;
};

class Journal {
 public:
  explicit Journal(const std::filesystem::path& file);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  void add(const Made& made);
  void write();  // what was added, in one call

 private:
  int fd_;
  std::string lines_;
};

std::vector<Made> read_journal(const std::filesystem::path& file);
std::optional<Made> read_last(const std::filesystem::path& file);

}  // namespace weir::oracle
