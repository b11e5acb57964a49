// A simulated plant: each signal at its interval, on a grid that starts at the Unix epoch, so that a
// run that starts later goes on where another would be.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "driver_simulator/wave.h"
#include "sdk/driver.h"

namespace weir::driver_simulator {

class Plant final : public sdk::Driver {
 public:
  explicit Plant(std::vector<Wave> waves);

  const std::vector<model::Signal>& signals() const override { return signals_; }
  void run(sdk::Link& link) override;
  Result<sdk::Access> read(std::size_t signal) override;
  Result<sdk::Access> write(std::size_t signal, const model::Value& value) override;

 private:
  bool reading(std::size_t signal, std::uint64_t step, model::Reading& out) const;

  std::vector<Wave> waves_;
  std::vector<model::Signal> signals_;
  SystemClock clock_;
  mutable std::mutex mutex_;
  std::vector<std::optional<model::Value>> written_;  // what constants hold since they were written
};

}  // namespace weir::driver_simulator
