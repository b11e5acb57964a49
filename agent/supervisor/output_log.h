// What drivers write to standard error, into our log: each line said once a burst, and not more than a
// budget however different the lines are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"

namespace weir::supervisor {

// For one driver. Not thread-safe.
class OutputLog {
 public:
  static constexpr std::uint64_t kLines = 50;  // in each …
  static constexpr Nanoseconds kPeriod = 10 * kSecond;

  OutputLog(const Clock& clock, std::string name) : clock_(clock), name_(std::move(name)), bursts_(clock, kPeriod) {}

  // A line may begin with a priority as sd-daemon(3) has it: "<4>the port is gone".
  void add(std::string_view line);

  // Says what was left out, if anything. Call it when the driver has ended.
  void flush();

  // `line` without its priority.
  static std::string_view text_of(std::string_view line);

 private:
  const Clock& clock_;
  std::string name_;
  log::BurstLog bursts_;
  Nanoseconds period_began_ = 0;
  std::uint64_t said_ = 0;
  std::uint64_t unsaid_ = 0;
};

}  // namespace weir::supervisor
