// What a simulated signal is worth at each step: pure functions of (seed, signal, step), so that two
// runs agree whatever happened in between.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/series.h"
#include "model/signal.h"

namespace weir::driver_simulator {

enum class Shape { sine, ramp, noise, step, counter, constant };

struct Fault {
  enum class Kind { bad, stuck, spike, silent };
  Kind kind = Kind::bad;
  Nanoseconds every = kMinute;  // from the start of one to the start of the next; the first after one `every`
  Nanoseconds lasts = 10 * kSecond;
};

struct Wave {
  model::Signal signal;
  Shape shape = Shape::sine;
  Nanoseconds interval = kSecond;
  double amplitude = 1;
  double offset = 0;
  Nanoseconds period = kMinute;
  double noise = 0;  // standard deviation of what is added
  std::vector<Fault> faults;
  std::uint64_t seed = 0;  // of this signal: from the seed of all and its path
};

// A number from 0 to 1 (never 1) and one of the standard normal distribution (Box and Muller, Annals of
// Mathematical Statistics, 1958), for a step.
double uniform_at(std::uint64_t seed, std::uint64_t step);
double normal_at(std::uint64_t seed, std::uint64_t step);

// The seed of a signal: FNV-1a of its path, mixed with the seed of all.
std::uint64_t seed_of(std::uint64_t seed, std::string_view path);

// Without faults, at the time step * interval.
double value_at(const Wave& wave, std::uint64_t step);

// What is read at a step, as its type; nothing while a fault keeps the signal silent. Its time is
// step * interval.
bool reading_at(const Wave& wave, std::uint64_t step, model::Reading& out);

}  // namespace weir::driver_simulator
