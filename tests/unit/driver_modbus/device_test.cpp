#include "driver_modbus/device.h"

#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>

namespace weir::modbus {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;

class FakeLink final : public sdk::Link {
 public:
  void publish(std::size_t signal, model::Reading reading) override {
    readings[signal].push_back(std::move(reading));
  }
  void publish(std::size_t, std::vector<Timestamp>, model::Column, std::vector<std::uint32_t>) override {}
  double pressure() const override { return pressed; }
  void device_state(std::string_view device, sdk::Level level, std::string_view reason) override {
    State state{std::string(device), level, std::string(reason)};
    if (states.empty() || states.back() != state) states.push_back(std::move(state));
  }
  bool wait_until(Nanoseconds) override { return false; }
  bool stopping() const override { return false; }
  const Clock& clock() const override { return time; }

  struct State {
    std::string device;
    sdk::Level level;
    std::string reason;
    friend bool operator==(const State&, const State&) = default;
  };
  std::map<std::size_t, std::vector<model::Reading>> readings;
  std::vector<State> states;
  double pressed = 0;
  ManualClock time;
};

// A device with all registers, but for the holes, each holding its address.
class FakeMaster final : public Master {
 public:
  explicit FakeMaster(ManualClock& clock) : clock_(clock) {}

  Answer<void> read(const Target& target, Table table, int first, std::span<std::uint16_t> out) override {
    requests.push_back(std::string(to_text(table)) + " " + std::to_string(first) + "+" + std::to_string(out.size()));
    if (auto fine = answer(target, first, static_cast<int>(out.size())); !fine) return fine;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const int address = first + static_cast<int>(i);
      out[i] = words.contains(address) ? words[address] : static_cast<std::uint16_t>(address);
    }
    return {};
  }

  Answer<void> write(const Target& target, Table table, int first, std::span<const std::uint16_t> given) override {
    requests.push_back("write " + raw_text(table, first, given));
    if (auto fine = answer(target, first, static_cast<int>(given.size())); !fine) return fine;
    for (std::size_t i = 0; i < given.size(); ++i) words[first + static_cast<int>(i)] = given[i];
    return {};
  }

  std::vector<std::string> taken() { return std::exchange(requests, {}); }

  std::map<int, std::uint16_t> words;
  std::set<int> holes;
  bool silent = false;
  int silent_after = 1'000'000;  // requests
  std::vector<std::string> requests;
  Nanoseconds takes = 5 * kMillisecond;

 private:
  Answer<void> answer(const Target& target, int first, int count) {
    if (silent || silent_after-- <= 0) {
      clock_.advance(target.timeout);
      return std::unexpected(Failure{Failure::Kind::timed_out, 0, "no answer from the fake"});
    }
    clock_.advance(takes);
    const auto hole = holes.lower_bound(first);
    if (hole != holes.end() && *hole < first + count)
      return std::unexpected(
          Failure{Failure::Kind::refused, kIllegalAddress, "the fake refuses " + std::to_string(first)});
    return {};
  }

  ManualClock& clock_;
};

SignalOptions holding(std::string name, int first, Nanoseconds interval = kSecond) {
  SignalOptions out;
  out.name = std::move(name);
  out.first = first;
  out.interval = interval;
  return out;
}

DeviceOptions device_with(std::vector<SignalOptions> signals) {
  DeviceOptions out;
  out.name = "d";
  out.signals = std::move(signals);
  return out;
}

class DeviceTest : public testing::Test {
 protected:
  void start(DeviceOptions options) {
    link.time.set(1'000'000 * kSecond);
    device.emplace(std::move(options), 10, 1);
    device->start(link.time.boottime());
  }

  // As its line does, for so long.
  void run(Nanoseconds duration) {
    const Nanoseconds end = link.time.boottime() + duration;
    for (;;) {
      const Nanoseconds due = device->due();
      if (std::max(due, link.time.boottime()) >= end) break;
      if (due > link.time.boottime()) link.time.advance(due - link.time.boottime());
      device->poll(master, link);
    }
    if (link.time.boottime() < end) link.time.advance(end - link.time.boottime());
  }

  std::vector<std::uint32_t> qualities(std::size_t signal) {
    std::vector<std::uint32_t> out;
    for (const auto& reading : link.readings[signal]) out.push_back(reading.quality.code);
    return out;
  }

  FakeLink link;
  FakeMaster master{link.time};
  std::optional<Device> device;
};

TEST_F(DeviceTest, PublishesWhatItReadsWithTheTimeOfTheAnswer) {
  start(device_with({holding("a", 3), holding("b", 7)}));
  run(kSecond);
  EXPECT_THAT(master.taken(), ElementsAre("holding 3+5"));
  const Timestamp answered = 1'000'000 * kSecond + 5 * kMillisecond;
  EXPECT_THAT(link.readings[10], ElementsAre(model::Reading{answered, std::int64_t{3}, model::kGood}));
  EXPECT_THAT(link.readings[11], ElementsAre(model::Reading{answered, std::int64_t{7}, model::kGood}));
  EXPECT_THAT(link.states, ElementsAre(FakeLink::State{"d", sdk::Level::up, "answers"}));
}

TEST_F(DeviceTest, DeadlinesLieOnAGridHoweverLongAnAnswerTakes) {
  start(device_with({holding("a", 0, 100 * kMillisecond)}));
  master.takes = 30 * kMillisecond;
  run(kSecond);
  ASSERT_EQ(link.readings[10].size(), 10U);
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(link.readings[10][i].time - 1'000'000 * kSecond,
              static_cast<Nanoseconds>(i) * 100 * kMillisecond + 30 * kMillisecond);
}

TEST_F(DeviceTest, MissedDeadlinesAreNotMadeUpFor) {
  start(device_with({holding("a", 0, 100 * kMillisecond)}));
  master.takes = 250 * kMillisecond;
  run(kSecond);
  EXPECT_EQ(master.taken().size(), 4U);  // at 0, 300, 600 and 900 ms
}

TEST_F(DeviceTest, SlowsDownUnderPressure) {
  start(device_with({holding("a", 0)}));
  link.pressed = 0.6;
  run(10 * kSecond);
  EXPECT_EQ(master.taken().size(), 5U);
}

TEST_F(DeviceTest, ASilentDeviceIsBadAtEachDeadlineAndAskedSeldom) {
  start(device_with({holding("a", 0), holding("b", 100)}));
  master.silent = true;
  run(60 * kSecond);
  EXPECT_THAT(qualities(10), testing::Each(model::kBadTimeout.code));
  EXPECT_GE(qualities(10).size(), 45U);
  EXPECT_EQ(link.readings[10][0].value, model::Value{std::int64_t{0}});
  EXPECT_THAT(link.states, ElementsAre(FakeLink::State{"d", sdk::Level::down, "no answer from the fake"}));
  const auto asked = master.taken().size();
  EXPECT_GE(asked, 4U);
  EXPECT_LE(asked, 20U);
}

TEST_F(DeviceTest, EverythingThatWentBadIsReadAsSoonAsTheDeviceIsBack) {
  start(device_with({holding("often", 0), holding("seldom", 100, kHour)}));
  run(kSecond / 2);
  master.silent = true;
  run(kHour);
  ASSERT_EQ(qualities(11).size(), 2U);
  EXPECT_EQ(qualities(11)[1], model::kBadTimeout.code);
  master.silent = false;
  run(31 * kSecond);
  ASSERT_EQ(qualities(11).size(), 3U);
  EXPECT_EQ(qualities(11)[2], model::kGood.code);
  EXPECT_EQ(link.states.back(), (FakeLink::State{"d", sdk::Level::up, "answers"}));
}

TEST_F(DeviceTest, TheRequestThatFoundItSilentIsRepeatedWhenItIsBack) {
  start(device_with({holding("often", 0), holding("seldom", 100, kHour)}));
  master.silent_after = 1;
  run(kSecond);
  EXPECT_THAT(qualities(11), ElementsAre(model::kBadTimeout.code));
  master.silent_after = 1'000'000;
  run(31 * kSecond);
  EXPECT_THAT(qualities(11), ElementsAre(model::kBadTimeout.code, model::kGood.code));
}

TEST_F(DeviceTest, AMissedRequestDoesNotCostAnHour) {
  start(device_with({holding("seldom", 0, kHour)}));
  master.silent_after = 0;
  run(kSecond);
  EXPECT_THAT(qualities(10), ElementsAre(model::kBadTimeout.code));
  master.silent_after = 1'000'000;
  run(31 * kSecond);
  EXPECT_THAT(qualities(10), ElementsAre(model::kBadTimeout.code, model::kGood.code));
}

TEST_F(DeviceTest, ABlockWithAHoleIsCutAndThatIsRemembered) {
  start(device_with({holding("a", 0), holding("b", 1), holding("c", 6), holding("e", 7)}));
  master.holes = {3};
  run(kSecond);
  EXPECT_THAT(master.taken(), ElementsAre("holding 0+8", "holding 0+2", "holding 6+2"));
  for (std::size_t i = 10; i < 14; ++i) EXPECT_THAT(qualities(i), ElementsAre(model::kGood.code)) << i;
  EXPECT_THAT(link.states, ElementsAre(FakeLink::State{"d", sdk::Level::up, "answers"}));
  run(kSecond);
  EXPECT_THAT(master.taken(), ElementsAre("holding 0+2", "holding 6+2"));
}

TEST_F(DeviceTest, ASignalThatTheDeviceDoesNotHaveIsBadAndTheOthersAreNot) {
  start(device_with({holding("a", 0), holding("missing", 1), holding("b", 2)}));
  master.holes = {1};
  run(kSecond);
  EXPECT_THAT(qualities(10), ElementsAre(model::kGood.code));
  EXPECT_THAT(qualities(11), ElementsAre(model::kBadConfiguration.code));
  EXPECT_THAT(qualities(12), ElementsAre(model::kGood.code));
  EXPECT_THAT(link.states, ElementsAre(FakeLink::State{"d", sdk::Level::degraded, "the fake refuses 1"}));
}

TEST_F(DeviceTest, ADeviceThatRefusesEverythingIsAskedWholeAgain) {
  start(device_with({holding("a", 0), holding("b", 1)}));
  master.holes = {0, 1};
  run(kSecond);
  EXPECT_THAT(master.taken(), ElementsAre("holding 0+2", "holding 0+1", "holding 1+1"));
  run(kSecond);
  EXPECT_THAT(master.taken(), ElementsAre("holding 0+2"));
  EXPECT_THAT(qualities(11), ElementsAre(model::kBadConfiguration.code, model::kBadConfiguration.code));
  master.holes.clear();  // it has started up
  run(kSecond);
  EXPECT_THAT(master.taken(), ElementsAre("holding 0+2"));
  EXPECT_EQ(qualities(11).back(), model::kGood.code);
  EXPECT_EQ(link.states.back().level, sdk::Level::up);
}

TEST_F(DeviceTest, SilenceWhileABlockIsCutLeavesItWhole) {
  start(device_with({holding("a", 0), holding("b", 8)}));
  master.holes = {4};
  master.silent_after = 2;
  run(kSecond);
  EXPECT_THAT(device->blocks(), testing::SizeIs(1));
  EXPECT_EQ(qualities(11), std::vector{model::kBadTimeout.code});
  EXPECT_EQ(link.states.back().level, sdk::Level::down);
  master.silent_after = 1'000'000;
  run(31 * kSecond);
  EXPECT_THAT(device->blocks(), testing::SizeIs(2));
  EXPECT_EQ(qualities(11).back(), model::kGood.code);
}

TEST_F(DeviceTest, ByHandShowsTheRawRegisters) {
  start(device_with({holding("a", 500)}));
  const auto access = device->read(0, master, link);
  ASSERT_TRUE(access);
  EXPECT_EQ(access->reading.value, model::Value{std::int64_t{500}});
  EXPECT_EQ(access->raw, "holding 500: 01 F4");
  master.silent = true;
  EXPECT_EQ(device->read(0, master, link).error().what, "no answer from the fake");
  EXPECT_EQ(link.states.back().level, sdk::Level::down);
}

TEST_F(DeviceTest, AWriteIsReadBackAndPublished) {
  SignalOptions setpoint = holding("setpoint", 2);
  setpoint.writable = true;
  setpoint.format.type = Type::int16;
  setpoint.format.scaling = Scaling{0.1, 0};
  start(device_with({setpoint, holding("fixed", 9)}));
  const auto written = device->write(0, 81.5, master, link);
  ASSERT_TRUE(written) << written.error().text();
  EXPECT_THAT(master.taken(), ElementsAre("write holding 2: 03 2F", "holding 2+1"));
  EXPECT_EQ(written->raw, "holding 2: 03 2F");
  EXPECT_EQ(written->reading.value, model::Value{81.5});
  EXPECT_THAT(link.readings[10], ElementsAre(written->reading));

  EXPECT_EQ(device->write(0, 1e6, master, link).error().text(),
            "d/setpoint: 1e+06 does not fit (int16 with its scale holds -3276.8 to 3276.7)");
  EXPECT_EQ(device->write(1, std::int64_t{1}, master, link).error().text(),
            "d/fixed is not writable (add writable: true to it in the driver's options)");
  EXPECT_THAT(master.taken(), IsEmpty());
  master.silent_after = 1;
  EXPECT_EQ(device->write(0, 1.0, master, link).error().text(),
            "written, but not read back: no answer from the fake (read d/setpoint to see what it is now)");
}

TEST_F(DeviceTest, WritingOneBitOfARegisterKeepsTheOthers) {
  SignalOptions bit = holding("bit", 4);
  bit.writable = true;
  bit.format.type = Type::bit;
  bit.format.bit = 0;
  start(device_with({bit}));
  master.words[4] = 0xA5A4;
  ASSERT_TRUE(device->write(0, true, master, link));
  EXPECT_THAT(master.taken(), ElementsAre("holding 4+1", "write holding 4: A5 A5", "holding 4+1"));
}

}  // namespace
}  // namespace weir::modbus
