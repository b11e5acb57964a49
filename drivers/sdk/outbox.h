// From publish() to the queue of batches: gathers readings column by column and closes a batch when it
// lingered long enough or is full. Thread-safe: drivers put in from any thread, the I/O thread takes out.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "model/signal.h"
#include "sdk/body.h"
#include "sdk/queue.h"

namespace weir::sdk {

inline constexpr Nanoseconds kLinger = 50 * kMillisecond;
inline constexpr std::size_t kFullReadings = 1'000;
inline constexpr std::size_t kFullBytes = 64 << 10;
// One publish of many stays one batch up to this, and is split beyond.
inline constexpr std::size_t kMostReadings = 8'192;
inline constexpr std::size_t kMostBytes = 256 << 10;
// A longer text or blob is not a reading; it is sent as an empty one of bad quality.
inline constexpr std::size_t kMostValueBytes = 64 << 10;

class Outbox {
 public:
  // `wake` is called on the publishing thread, outside of any lock, when the I/O thread has something
  // to do that it does not know of: a batch to send, or a linger to wait for.
  Outbox(const std::vector<model::Signal>& signals, std::size_t most_bytes, const Clock& clock,
         std::function<void()> wake);

  // Throw std::invalid_argument for what a driver may never do: an index beyond the signals, a type
  // other than announced, columns of unequal length.
  void publish(std::size_t signal, model::Reading reading);
  void publish(std::size_t signal, std::vector<Timestamp> times, model::Column values,
               std::vector<std::uint32_t> qualities);
  void flush();  // closes the batch that is open

  double pressure() const;

  // When the open batch has lingered long enough (CLOCK_BOOTTIME); nothing if none is open.
  std::optional<Nanoseconds> linger_due() const;
  void close_if_due(Nanoseconds now);

  // The queue, for as long as it is not shared: f(Queue&) under the lock.
  template <class F>
  auto with_queue(F&& f) {
    const std::lock_guard lock(mutex_);
    return f(queue_);
  }

 private:
  void check(std::size_t signal, model::ValueType type) const;
  void close();
  bool opened_or_full();

  const std::vector<model::Signal>& signals_;
  const Clock& clock_;
  const std::function<void()> wake_;

  mutable std::mutex mutex_;
  Queue queue_;
  std::vector<model::Series> open_;   // by signal
  std::vector<std::size_t> touched_;  // those of open_ that hold something, in order of their first reading
  std::size_t readings_ = 0, bytes_ = 0;
  std::optional<Nanoseconds> opened_;  // when the first reading of the open batch came
};

}  // namespace weir::sdk
