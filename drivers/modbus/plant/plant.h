// The example plant: what its devices' registers hold at each moment. Pure: the same seed and the same
// steps give the same registers.
//
//   unit 1  boiler-1   holding 0 temperature (int16, 0.1 Cel), 1 pressure (uint16, 0.01 bar),
//                      2 setpoint (int16, 0.1 Cel, writable); coil 0 burner (writable)
//   unit 2  tank-1     input 0 level (float32 CDAB, m), 2 volume (uint32, l); discrete 0 outlet open
//   unit 3  pump-1     input 0 vibration (float32, mm/s), 2 bearing temperature (int16, 0.1 Cel),
//   unit 4  pump-2     3 suction (uint16, 0.001 bar); coil 0 running (writable);
//                      holding 0 running hours (uint32), 10 maker (string of 16)
//
// Pump 2 is faulty: for about ten seconds of every thirty its bearing runs hot and it shakes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::modbus::plant {

inline constexpr int kRegisters = 32;
inline constexpr int kBits = 8;

struct Unit {
  std::array<std::uint8_t, kBits> coils{};
  std::array<std::uint8_t, kBits> discrete{};
  std::array<std::uint16_t, kRegisters> holding{};
  std::array<std::uint16_t, kRegisters> input{};
};

class Plant {
 public:
  static constexpr int kUnits = 4;

  explicit Plant(std::uint64_t seed);

  // To `seconds` after the start; not back.
  void advance(double seconds);

  // 1 to kUnits. What is written into coils and holding registers takes effect with the next step.
  Unit& unit(int number) { return units_.at(static_cast<std::size_t>(number - 1)); }

 private:
  struct Pump {
    double speed = 1;  // 0 standing still to 1
    double bearing = 45;
    double hours = 0;
    double fault = 0;  // 0 sound to 1
  };

  void step(double dt);
  void step_boiler(double dt);
  void step_tank(double dt);
  void step_pump(Pump& pump, Unit& unit, double dt);
  double noise(double amplitude);

  std::array<Unit, kUnits> units_{};
  std::array<Pump, 2> pumps_{};
  double now_ = 0;
  double boiler_ = 74;
  double level_ = 2.4;
  bool filling_ = false;
  std::uint64_t random_;
};

}  // namespace weir::modbus::plant
