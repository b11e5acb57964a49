// Readings in bulk, for measuring: doubles of a noisy ramp, `batch` of one signal at a time, signal after
// signal.
#pragma once

#include <vector>

#include "driver_simulator/options.h"
#include "sdk/driver.h"

namespace weir::driver_simulator {

class LoadDriver final : public sdk::Driver {
 public:
  LoadDriver(const Load& load, std::uint64_t seed);

  const std::vector<model::Signal>& signals() const override { return signals_; }
  void run(sdk::Link& link) override;

 private:
  const Load load_;
  const std::uint64_t seed_;
  std::vector<model::Signal> signals_;
};

}  // namespace weir::driver_simulator
