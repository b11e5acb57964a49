// The simulator's options.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "base/document.h"
#include "driver_simulator/wave.h"
#include "sdk/driver.h"

namespace weir::driver_simulator {

struct Load {
  std::size_t signals = 10;
  std::size_t batch = 1'000;  // readings of one signal that are published at once
  double rate = 0;            // readings/s of all signals; 0: as fast as the agent takes them
};

struct Settings {
  std::uint64_t seed = 1;
  std::vector<Wave> waves;
  std::optional<Load> load;  // instead of waves
};

std::optional<Settings> read_settings(const Node& options, Diagnostics& diagnostics);

// The kind of driver that main() runs.
sdk::Kind kind();

}  // namespace weir::driver_simulator
