#include "driver_simulator/load.h"

#include <algorithm>

#include "base/random.h"

namespace weir::driver_simulator {

LoadDriver::LoadDriver(const Load& load, std::uint64_t seed) : load_(load), seed_(seed) {
  signals_.reserve(load.signals);
  for (std::size_t i = 0; i < load.signals; ++i) {
    model::Signal signal;
    signal.path = "load/" + std::to_string(i + 1);
    signal.description = "load";
    signals_.push_back(std::move(signal));
  }
}

void LoadDriver::run(sdk::Link& link) {
  link.device_state("load", sdk::Level::up, "");
  const Nanoseconds start = link.clock().boottime();
  Timestamp time = link.clock().now();
  std::uint64_t random = seed_;
  std::uint64_t published = 0;
  for (std::size_t signal = 0; !link.stopping(); signal = (signal + 1) % signals_.size()) {
    // Full enough that the agent never waits for us, and never so full that something is pushed out.
    while (load_.rate == 0 && link.pressure() > 0.75)
      if (!link.wait_until(link.clock().boottime() + kMillisecond)) return;
    if (load_.rate > 0) {
      const auto due = static_cast<Nanoseconds>(static_cast<double>(published) / load_.rate * 1e9);
      if (!link.wait_until(start + due)) return;
    }
    // Times never run ahead of the clock: the agent would take them for readings from the future.
    const Timestamp now = link.clock().now();
    const Nanoseconds step =
        std::clamp<Nanoseconds>((now - time) / static_cast<Nanoseconds>(load_.batch), 1, kSecond);
    std::vector<Timestamp> times(load_.batch);
    std::vector<double> values(load_.batch);
    for (std::size_t i = 0; i < load_.batch; ++i) {
      time += step;
      times[i] = time;
      const double noise = static_cast<double>(split_mix(random) >> 44) * 0x1.0p-20;
      values[i] = static_cast<double>((published + i) % 100'000) * 0.01 + noise;
    }
    time = std::min(time, std::max(now, times.front()));
    link.publish(signal, std::move(times), std::move(values));
    link.flush();
    published += load_.batch;
  }
}

}  // namespace weir::driver_simulator
