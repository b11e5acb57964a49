#include "driver_simulator/wave.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/json.h"
#include "driver_simulator/options.h"

namespace weir::driver_simulator {
namespace {

Settings settings(std::string_view json) {
  Diagnostics diagnostics;
  auto out = read_settings(*parse_json(json), diagnostics);
  for (const Diagnostic& diagnostic : diagnostics) ADD_FAILURE() << render(diagnostic);
  return out.value_or(Settings{});
}

Diagnostics mistakes(std::string_view json) {
  Diagnostics diagnostics;
  EXPECT_FALSE(read_settings(*parse_json(json), diagnostics).has_value());
  return diagnostics;
}

double real(const Wave& wave, std::uint64_t step) {
  model::Reading reading;
  EXPECT_TRUE(reading_at(wave, step, reading));
  return std::get<double>(reading.value);
}

TEST(Wave, HasItsShape) {
  Wave wave;
  wave.period = 4 * kSecond;
  wave.amplitude = 2;
  wave.offset = 10;
  EXPECT_DOUBLE_EQ(real(wave, 1), 12);
  EXPECT_NEAR(real(wave, 2), 10, 1e-12);
  wave.shape = Shape::ramp;
  EXPECT_DOUBLE_EQ(real(wave, 5), 10.5);
  wave.shape = Shape::step;
  EXPECT_DOUBLE_EQ(real(wave, 1), 10);
  EXPECT_DOUBLE_EQ(real(wave, 2), 12);
  wave.shape = Shape::counter;
  EXPECT_DOUBLE_EQ(real(wave, 7), 24);
  wave.shape = Shape::constant;
  EXPECT_DOUBLE_EQ(real(wave, 3), 10);
}

TEST(Wave, IsTheSameFromTheSameSeed) {
  const char* options =
      R"({"seed": 5, "signals": {"a/x": {"wave": "noise", "noise": 0.5}, "a/y": {"wave": "noise"}}})";
  const Settings one = settings(options), two = settings(options);
  ASSERT_EQ(one.waves.size(), 2);
  for (std::uint64_t step = 0; step < 100; ++step) EXPECT_EQ(real(one.waves[0], step), real(two.waves[0], step));
  EXPECT_NE(real(one.waves[0], 1), real(one.waves[1], 1));
}

TEST(Wave, NoiseIsNormal) {
  double sum = 0, squares = 0;
  constexpr int kCount = 20'000;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const double x = normal_at(3, i);
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kCount, 0, 0.03);
  EXPECT_NEAR(squares / kCount, 1, 0.05);
}

TEST(Wave, HasItsFaults) {
  Wave wave;
  wave.shape = Shape::counter;
  model::Reading reading;
  wave.faults = {{Fault::Kind::bad, 10 * kSecond, 2 * kSecond}};
  for (std::uint64_t step = 0; step < 30; ++step) {
    ASSERT_TRUE(reading_at(wave, step, reading));
    EXPECT_EQ(reading.quality.bad(), step >= 10 && step % 10 < 2) << step;
    EXPECT_EQ(reading.time, static_cast<Timestamp>(step) * kSecond);
  }
  wave.faults[0].kind = Fault::Kind::silent;
  EXPECT_FALSE(reading_at(wave, 11, reading));
  EXPECT_TRUE(reading_at(wave, 12, reading));
  wave.faults[0].kind = Fault::Kind::stuck;
  EXPECT_EQ(real(wave, 11), 10);
  wave.faults[0].kind = Fault::Kind::spike;
  EXPECT_EQ(real(wave, 11), 21);
}

TEST(Wave, ComesAsItsType) {
  const Settings all = settings(R"({"signals": {"a/b": {"wave": "constant", "offset": 1, "type": "bool"},
      "a/i": {"wave": "constant", "offset": 2.6, "type": "int"}, "a/s": {"wave": "constant", "offset": 2.5, "type": "string"}}})");
  model::Reading reading;
  for (const Wave& wave : all.waves) {
    ASSERT_TRUE(reading_at(wave, 1, reading));
    EXPECT_EQ(model::type_of(reading.value), wave.signal.type);
  }
}

TEST(Options, SayWhatIsWrongAndWhere) {
  const Diagnostics found = mistakes(
      R"({"signals": {"a/x": {"wave": "sin", "perod": "1s", "interval": 5, "faults": [{"kind": "dead"}]}, "b": {}}})");
  ASSERT_EQ(found.size(), 5);
  EXPECT_EQ(*found[0].position.file, "/signals/a~1x/wave");
  EXPECT_EQ(found[0].hint, "did you mean 'sine'?");
  EXPECT_EQ(*found[1].position.file, "/signals/a~1x/interval");
  EXPECT_EQ(*found[2].position.file, "/signals/a~1x/faults/0/kind");
  EXPECT_EQ(found[3].hint, "did you mean 'period'?");
  EXPECT_EQ(*found[4].position.file, "/signals/b");
  EXPECT_EQ(mistakes("{}").size(), 1);
  EXPECT_EQ(mistakes(R"({"signals": {"a/b": {"writable": true}}})").size(), 1);
  EXPECT_EQ(mistakes(R"({"load": {"rate": "fast"}})").size(), 1);
  EXPECT_EQ(mistakes("[]").size(), 2);
}

}  // namespace
}  // namespace weir::driver_simulator
