// Time. Rules never see a clock; whoever needs one is given this seam.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

using Timestamp = std::int64_t;  // nanoseconds since the Unix epoch
using Nanoseconds = std::int64_t;

inline constexpr Nanoseconds kMicrosecond = 1'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;
inline constexpr Nanoseconds kMinute = 60 * kSecond;
inline constexpr Nanoseconds kHour = 60 * kMinute;
inline constexpr Nanoseconds kDay = 24 * kHour;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;         // wall clock
  virtual Nanoseconds boottime() const = 0;  // monotonic since boot, suspended time included
  virtual bool synced() const = 0;           // whether the kernel says that the wall clock is disciplined
};

class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
  Nanoseconds boottime() const override;
  bool synced() const override;
};

// A clock that moves only when told, for tests.
class ManualClock final : public Clock {
 public:
  Timestamp now() const override { return now_; }
  Nanoseconds boottime() const override { return boottime_; }
  bool synced() const override { return synced_; }

  void set(Timestamp now) { now_ = now; }
  void advance(Nanoseconds by) {
    now_ += by;
    boottime_ += by;
  }
  void set_synced(bool synced) { synced_ = synced; }

 private:
  Timestamp now_ = 0;
  Nanoseconds boottime_ = 0;
  bool synced_ = true;
};

// "2026-11-21T01:18:39.123Z"; the fraction only as long as it has to be.
std::string to_iso(Timestamp time);

// "1h30m", "30s", "250ms", "0s": the duration literals of rules and config.
std::string to_text(std::chrono::nanoseconds duration);

// Reads what to_text writes: one or more of a number and ns, us, ms, s, m, h, d, w. False if it is none.
bool parse_duration(std::string_view text, Nanoseconds& out);

// Reads ISO 8601 with Z or an offset ("2026-11-21T01:18:39Z"). False if it is none.
bool parse_iso(std::string_view text, Timestamp& out);

}  // namespace weir
