// Writes and reads by hand: which are allowed, each write once, and the leases of writes.
//
// Requests come in on the I/O thread and are done one at a time on a worker's thread, because a device
// may take its time. All functions are thread-safe; step() is the worker's.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "base/clock.h"
#include "model/signal.h"
#include "sdk/driver.h"
#include "weir/v1/bus.pb.h"

namespace weir::sdk {

class Requests {
 public:
  // answer(message): on the thread that found it. A write's answer is given again when its id comes again.
  using Answer = std::function<void(std::variant<v1::Written, v1::ReadOut>)>;

  Requests(Driver& driver, const Clock& clock, Answer answer);

  void write(std::string_view payload);  // what came on weir/v1/write/NAME, whatever it is
  void read(std::string_view payload);

  // Does the oldest request, or else writes the fallback of a lease that has run out. False if there was
  // nothing to do.
  bool step();

  // When the next lease runs out (CLOCK_BOOTTIME), if there is one.
  std::optional<Nanoseconds> due() const;

  // step() again and again, until stop(); then every lease that is left ends with its fallback.
  void work();
  void stop();

 private:
  struct Lease {
    Nanoseconds until = 0;
    model::Value fallback;
    unsigned failures = 0;
  };
  using Request = std::variant<v1::Write, v1::Read>;

  void submit(Request request);
  v1::Written done(const v1::Write& request);
  v1::ReadOut done(const v1::Read& request);
  Result<Access> device_write(std::size_t signal, const model::Value& value);
  bool fall_back(Nanoseconds now);
  void remember(const v1::Written& answer);

  Driver& driver_;
  const Clock& clock_;
  const Answer answer_;
  std::unordered_map<std::string, std::size_t> by_path_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> waiting_;
  std::map<std::size_t, Lease> leases_;                   // by signal
  std::unordered_map<std::string, v1::Written> answers_;  // to the ids of answered_
  std::deque<std::string> answered_;                      // oldest first
  bool stopping_ = false;
};

}  // namespace weir::sdk
