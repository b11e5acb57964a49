// Exponential back-off with full jitter, after M. Brooker, "Exponential Backoff And Jitter" (AWS
// Architecture Blog, 2015): each wait is uniform between zero and a ceiling that doubles.
//
// Not thread-safe; one per thing that is retried.
#pragma once

#include <chrono>
#include <cstdint>

namespace weir {

class Backoff {
 public:
  // `seed` 0 takes one from the system; tests give their own.
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most, std::uint64_t seed = 0);

  std::chrono::milliseconds next();  // how long to wait before the next try
  void reset() { failures_ = 0; }    // after a success
  unsigned failures() const { return failures_; }

 private:
  std::chrono::milliseconds first_, most_;
  std::uint64_t state_;
  unsigned failures_ = 0;
};

}  // namespace weir
