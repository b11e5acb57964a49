#include "driver_simulator/wave.h"

#include <cmath>
#include <numbers>

#include "base/random.h"

namespace weir::driver_simulator {
namespace {

std::uint64_t mix(std::uint64_t seed, std::uint64_t step) {
  std::uint64_t state = seed ^ (step * 0x9E3779B97F4A7C15ULL);
  return split_mix(state);
}

model::Value as_type(double value, model::ValueType type) {
  switch (type) {
    case model::ValueType::boolean: return value > 0.5;
    case model::ValueType::integer: return static_cast<std::int64_t>(std::llround(value));
    case model::ValueType::real: return value;
    case model::ValueType::string: return model::to_text(model::Value(value));
    case model::ValueType::bytes: return model::Bytes{model::to_text(model::Value(value))};
  }
  return value;
}

// Whether the fault is on at a time, and if so, since when.
bool is_on(const Fault& fault, Nanoseconds time, Nanoseconds& since) {
  if (time < fault.every) return false;
  since = time - time % fault.every;
  return time - since < fault.lasts;
}

}  // namespace

double uniform_at(std::uint64_t seed, std::uint64_t step) {
  return static_cast<double>(mix(seed, step) >> 11) * 0x1.0p-53;
}

double normal_at(std::uint64_t seed, std::uint64_t step) {
  const double a = 1 - uniform_at(seed, 2 * step);  // never 0
  const double b = uniform_at(seed, 2 * step + 1);
  return std::sqrt(-2 * std::log(a)) * std::cos(2 * std::numbers::pi * b);
}

std::uint64_t seed_of(std::uint64_t seed, std::string_view path) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : path) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3ULL;
  return mix(seed, hash);
}

double value_at(const Wave& wave, std::uint64_t step) {
  const auto period = static_cast<double>(wave.period);
  const double turns = static_cast<double>(step) * static_cast<double>(wave.interval) / period;
  const double phase = turns - std::floor(turns);
  double value = wave.offset;
  switch (wave.shape) {
    case Shape::sine: value += wave.amplitude * std::sin(2 * std::numbers::pi * phase); break;
    case Shape::ramp: value += wave.amplitude * phase; break;
    case Shape::noise: value += wave.amplitude * (2 * uniform_at(wave.seed, step) - 1); break;
    case Shape::step: value += phase < 0.5 ? 0 : wave.amplitude; break;
    case Shape::counter: value += wave.amplitude * static_cast<double>(step); break;
    case Shape::constant: break;
  }
  if (wave.noise > 0) value += wave.noise * normal_at(wave.seed + 1, step);
  return value;
}

bool reading_at(const Wave& wave, std::uint64_t step, model::Reading& out) {
  const Nanoseconds time = static_cast<Nanoseconds>(step) * wave.interval;
  out.time = time;
  out.quality = model::kGood;
  std::uint64_t shown = step;
  double spike = 0;
  for (const Fault& fault : wave.faults) {
    Nanoseconds since = 0;
    if (!is_on(fault, time, since)) continue;
    switch (fault.kind) {
      case Fault::Kind::silent: return false;
      case Fault::Kind::bad: out.quality = model::kBadSensorFailure; break;
      case Fault::Kind::stuck: shown = static_cast<std::uint64_t>(since / wave.interval); break;
      case Fault::Kind::spike: spike = 10 * (wave.amplitude == 0 ? 1 : wave.amplitude); break;
    }
  }
  out.value = as_type(value_at(wave, shown) + spike, wave.signal.type);
  return true;
}

}  // namespace weir::driver_simulator
