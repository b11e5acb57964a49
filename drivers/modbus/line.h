// One TCP connection or one serial port, the devices on it, and the thread that serves them.
//
// Who is due first is served first; whoever was served is due in the future, so that each of many
// that are late gets its turn. Requests by hand go before what is due, one at a time.
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "driver_modbus/device.h"
#include "driver_modbus/master.h"

namespace weir::modbus {

class Line {
 public:
  Line(std::unique_ptr<Master> master, std::vector<Device> devices);

  // On the line's own thread, until link.stopping(). Call wake() then, as it may sleep.
  void run(sdk::Link& link);
  void wake();

  // From any thread. Waits for the line's thread: at most kPatience until its turn (then it is
  // given up, and never done later), and a few time-outs of the device from there.
  Result<sdk::Access> read(std::size_t device, std::size_t signal);
  Result<sdk::Access> write(std::size_t device, std::size_t signal, model::Value value);

  static constexpr auto kPatience = std::chrono::seconds(5);

 private:
  struct Errand {
    std::size_t device = 0;
    std::size_t signal = 0;
    std::optional<model::Value> value;  // none: read
    std::promise<Result<sdk::Access>> answer;
    bool begun = false;  // guarded by mutex_
  };

  Result<sdk::Access> ask(Errand errand);
  std::shared_ptr<Errand> next_errand();
  void do_errand(Errand& errand, sdk::Link& link);
  Device& first_due();

  std::unique_ptr<Master> master_;
  std::vector<Device> devices_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Errand>> errands_;
  bool running_ = false;
};

}  // namespace weir::modbus
