#include <gtest/gtest.h>

#include "driver_simulator/load.h"
#include "driver_simulator/plant.h"

namespace weir::driver_simulator {
namespace {

// A link whose time passes only by waiting, and that ends at a given time.
class SteppedLink final : public sdk::Link {
 public:
  explicit SteppedLink(Nanoseconds end) : end_(end) { time.advance(kMillisecond); }
  void publish(std::size_t signal, model::Reading reading) override {
    readings.emplace_back(signal, std::move(reading));
  }
  void publish(std::size_t, std::vector<Timestamp> times, model::Column, std::vector<std::uint32_t>) override {
    for (const Timestamp t : times) EXPECT_LE(t, time.now() + kMillisecond);
    bulk += times.size();
  }
  double pressure() const override { return 0; }
  void device_state(std::string_view, sdk::Level, std::string_view) override {}
  bool wait_until(Nanoseconds until) override {
    if (until > time.boottime()) time.advance(until - time.boottime());
    return time.boottime() <= end_;
  }
  bool stopping() const override { return time.boottime() > end_; }
  const Clock& clock() const override { return time; }

  std::vector<std::pair<std::size_t, model::Reading>> readings;
  std::size_t bulk = 0;
  ManualClock time;

 private:
  Nanoseconds end_;
};

Wave constant(std::string path, Nanoseconds interval) {
  Wave wave;
  wave.shape = Shape::constant;
  wave.signal.path = std::move(path);
  wave.signal.writable = true;
  wave.interval = interval;
  wave.offset = 5;
  return wave;
}

TEST(Plant, PublishesEachSignalAtItsInterval) {
  Plant plant({constant("a/x", kSecond), constant("a/y", 3 * kSecond)});
  SteppedLink link(9 * kSecond + kSecond / 2);
  plant.run(link);
  std::size_t x = 0, y = 0;
  for (const auto& [signal, reading] : link.readings) {
    ++(signal == 0 ? x : y);
    EXPECT_EQ(reading.time % (signal == 0 ? kSecond : 3 * kSecond), 0);
  }
  EXPECT_EQ(x, 9);
  EXPECT_EQ(y, 3);
}

TEST(Plant, HoldsWhatIsWritten) {
  Plant plant({constant("a/x", kSecond)});
  EXPECT_EQ(std::get<double>(plant.read(0)->reading.value), 5);
  EXPECT_EQ(std::get<double>(plant.write(0, 7.0)->reading.value), 7);
  EXPECT_EQ(std::get<double>(plant.read(0)->reading.value), 7);
}

TEST(Load, KeepsItsRate) {
  LoadDriver driver({.signals = 3, .batch = 100, .rate = 1'000}, 1);
  SteppedLink link(10 * kSecond);
  driver.run(link);
  EXPECT_NEAR(static_cast<double>(link.bulk), 10'000, 200);
}

}  // namespace
}  // namespace weir::driver_simulator
