// The end, for threads that wait: a flag that wakes. Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"

namespace weir::sdk {

class Stopper {
 public:
  explicit Stopper(const Clock& clock) : clock_(clock) {}

  void stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }

  bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  // Until a time on CLOCK_BOOTTIME, or the end: then false.
  bool wait_until(Nanoseconds until) {
    std::unique_lock lock(mutex_);
    for (;;) {
      const Nanoseconds left = until - clock_.boottime();
      if (stopping_ || left <= 0) return !stopping_;
      // In steps: condition variables wait on a clock that stands still while the machine sleeps.
      changed_.wait_for(lock, std::chrono::nanoseconds(std::min(left, kMinute)));
    }
  }

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
};

}  // namespace weir::sdk
