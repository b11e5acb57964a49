// The agent's own log: spdlog, to stderr, in a form that systemd's journal and a person can read.
//
//   weir::log::info("driver {} is up after {}", name, text);
//
// Thread-safe. Never log a secret, and nothing per reading; for what may come in bursts there is
// BurstLog.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include <spdlog/spdlog.h>

#include "base/clock.h"

namespace weir::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

// Sets up the default logger. `level`: debug, info, warn or error. Under systemd (JOURNAL_STREAM is
// set) lines carry a priority prefix instead of a time.
void start(std::string_view name, std::string_view level = "info");

// Says the first of a burst of like things at once and the rest as one count, when the burst has
// been quiet for `quiet`. Not thread-safe.
class BurstLog {
 public:
  explicit BurstLog(const Clock& clock, Nanoseconds quiet = 10 * kSecond) : clock_(clock), quiet_(quiet) {}

  // Whether to say it now. If so, `repeats` is how often the same key came unsaid before.
  bool first(const std::string& key, std::uint64_t& repeats);

 private:
  struct Burst {
    Nanoseconds last = 0;
    std::uint64_t unsaid = 0;
  };
  const Clock& clock_;
  Nanoseconds quiet_;
  std::unordered_map<std::string, Burst> bursts_;  // bounded: forgets the quiet ones when it is full
};

}  // namespace weir::log
