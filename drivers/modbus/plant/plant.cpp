#include "driver_modbus/plant/plant.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/random.h"

namespace weir::modbus::plant {
namespace {

constexpr double kStep = 0.1;  // seconds

std::uint16_t to_word(double value) {
  return static_cast<std::uint16_t>(static_cast<std::int64_t>(std::lround(value)));
}

// A value over two registers, the word at `high` the more significant.
template <class Words>
void put32(Words& words, std::size_t high, std::size_t low, std::uint32_t bits) {
  words[high] = static_cast<std::uint16_t>(bits >> 16);
  words[low] = static_cast<std::uint16_t>(bits);
}

std::uint32_t float_bits(double value) { return std::bit_cast<std::uint32_t>(static_cast<float>(value)); }

void put_text(Unit& unit, std::size_t first, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    unit.holding[first + i / 2] |= static_cast<std::uint16_t>(text[i] << (i % 2 == 0 ? 8 : 0));
}

}  // namespace

Plant::Plant(std::uint64_t seed) : random_(seed) {
  unit(1).coils[0] = 1;
  unit(1).holding[2] = 800;
  for (const int pump : {3, 4}) {
    unit(pump).coils[0] = 1;
    put_text(unit(pump), 10, "ACME Pumps");
  }
  pumps_[0].hours = 1'204.6;
  pumps_[1].hours = 8'311.2;
  step(kStep);
  now_ = 0;
}

void Plant::advance(double seconds) {
  while (now_ + kStep <= seconds) step(kStep);
}

double Plant::noise(double amplitude) {
  const double unit_interval = static_cast<double>(split_mix(random_) >> 11) * 0x1p-53;
  return amplitude * (2 * unit_interval - 1);
}

void Plant::step(double dt) {
  now_ += dt;
  // From the 6th second of every 30 to the 16th.
  const double phase = std::fmod(now_, 30);
  pumps_[1].fault = phase >= 6 && phase < 16 ? 1 : 0;
  step_boiler(dt);
  step_tank(dt);
  step_pump(pumps_[0], unit(3), dt);
  step_pump(pumps_[1], unit(4), dt);
}

void Plant::step_boiler(double dt) {
  Unit& boiler = unit(1);
  const double setpoint = static_cast<std::int16_t>(boiler.holding[2]) * 0.1;
  const double goal = boiler.coils[0] != 0 ? setpoint + 3 * std::sin(now_ / 20) : 20;
  boiler_ += (goal - boiler_) * dt / 15 + noise(0.05);
  boiler.holding[0] = to_word(boiler_ * 10);
  boiler.holding[1] = to_word(std::max(0.0, 100 * (0.02 * boiler_ + noise(0.01))));
}

void Plant::step_tank(double dt) {
  Unit& tank = unit(2);
  if (level_ < 1.2) filling_ = true;
  if (level_ > 3.2) filling_ = false;
  level_ += (filling_ ? 0.05 : -0.03) * dt + noise(0.002);
  put32(tank.input, 1, 0, float_bits(level_));
  put32(tank.input, 2, 3, static_cast<std::uint32_t>(std::lround(level_ * 7'069)));
  tank.discrete[0] = filling_ ? 0 : 1;
}

void Plant::step_pump(Pump& pump, Unit& unit, double dt) {
  const double wanted = unit.coils[0] != 0 ? 1 : 0;
  pump.speed += (wanted - pump.speed) * std::min(1.0, dt / 2);
  const double fault = pump.fault * pump.speed;
  // A sound bearing settles at 45 Cel, a faulty one heads for 110 and is past 80 after three seconds.
  const double goal = 20 + 25 * pump.speed + 65 * fault;
  pump.bearing += (goal - pump.bearing) * dt / 4;
  pump.hours += dt * pump.speed / 3'600;
  const double vibration = std::max(0.0, pump.speed * (1.8 + 9 * fault + noise(0.2)));
  put32(unit.input, 0, 1, float_bits(vibration));
  unit.input[2] = to_word((pump.bearing + noise(0.1)) * 10);
  unit.input[3] = to_word(1'000 * std::max(0.0, 1.2 - 0.4 * pump.speed - 0.5 * fault + noise(0.02)));
  put32(unit.holding, 0, 1, static_cast<std::uint32_t>(pump.hours));
}

}  // namespace weir::modbus::plant
