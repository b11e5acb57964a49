// Reads this machine at an interval.
#pragma once

#include <mutex>
#include <vector>

#include "driver_host/options.h"
#include "driver_host/sources.h"
#include "sdk/driver.h"

namespace weir::driver_host {

class Host final : public sdk::Driver {
 public:
  // What the machine has is looked up here, once: signals that come later need a restart of the driver.
  explicit Host(Settings settings);

  const std::vector<model::Signal>& signals() const override { return signals_; }
  void run(sdk::Link& link) override;
  Result<sdk::Access> read(std::size_t signal) override;

  void cycle(sdk::Link& link);  // reads everything once

 private:
  const Settings settings_;
  SystemClock clock_;
  std::mutex mutex_;  // run() and read() are on two threads
  Files files_;
  std::vector<Source> sources_;
  std::vector<model::Signal> signals_;
};

}  // namespace weir::driver_host
