// The driver against real Modbus servers, over TCP and over a serial line.
#include "driver_modbus/driver.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <poll.h>

#include "base/json.h"
#include "base/random.h"
#include "modbus_plant.h"

namespace weir::modbus {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

// The state follows the readings that it explains.
void expect_state(const test::CollectingLink& link, const std::string& device, const std::string& wanted) {
  EXPECT_TRUE(link.eventually([&] { return link.state(device) == wanted; })) << link.state(device);
}

class Running {
 public:
  Running(test::CollectingLink& link, const std::string& devices) : link_(link) {
    Diagnostics diagnostics;
    const auto options = read_options(*parse_json(R"({"devices": {)" + devices + "}}"), {}, diagnostics);
    for (const Diagnostic& diagnostic : diagnostics) ADD_FAILURE() << render(diagnostic);
    driver_.emplace(options.value());
    thread_ = std::jthread([this] { driver_->run(link_); });
  }
  ~Running() { link_.stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  ModbusDriver& operator*() { return *driver_; }
  ModbusDriver* operator->() { return &*driver_; }

 private:
  test::CollectingLink& link_;
  std::optional<ModbusDriver> driver_;
  std::jthread thread_;
};

std::string tcp(const std::string& name, int port, const std::string& rest) {
  return "\"" + name + R"(": {"tcp": "127.0.0.1:)" + std::to_string(port) + "\", " + rest + "}";
}

constexpr const char* kFast = R"("interval": "50ms", "timeout": "200ms", "signals": {"s": {"holding": 7}})";

TEST(ModbusTcp, ReadsValuesOfEveryTable) {
  test::Server server;
  server.set_holding(5, 0xFFF6);
  test::CollectingLink link;
  Running driver(link, tcp("d", server.port(), R"("interval": "50ms", "signals": {
      "temperature": {"holding": 5, "type": "int16", "scale": 0.1},
      "wide": {"input": 1, "type": "int32"},
      "coil": {"coil": 3, "writable": true},
      "discrete": {"discrete": 4}})"));
  for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(link.eventually_quality(i, model::kGood)) << i;
  EXPECT_EQ(link.readings(0)[0].value, model::Value{-1.0});
  EXPECT_EQ(link.readings(1)[0].value, model::Value{std::int64_t{0x00010002}});
  EXPECT_EQ(link.readings(2)[0].value, model::Value{false});
  EXPECT_EQ(link.readings(3)[0].value, model::Value{false});
  EXPECT_NEAR(static_cast<double>(link.readings(0)[0].time), static_cast<double>(SystemClock().now()), 5e9);
  expect_state(link, "d", "up: answers");
}

TEST(ModbusTcp, WritesAreReadBackWithTheRawRegisters) {
  test::Server server;
  test::CollectingLink link;
  Running driver(link, tcp("d", server.port(), R"("interval": "1h", "signals": {
      "setpoint": {"holding": 40, "type": "uint16", "writable": true},
      "wide": {"holding": 50, "type": "float32", "word_order": "CDAB", "writable": true},
      "coil": {"coil": 3, "writable": true}})"));
  ASSERT_TRUE(link.eventually_quality(2, model::kGood));
  const auto setpoint = driver->write(0, std::int64_t{500});
  ASSERT_TRUE(setpoint) << setpoint.error().text();
  EXPECT_EQ(setpoint->raw, "holding 40: 01 F4");
  EXPECT_EQ(setpoint->reading.value, model::Value{std::int64_t{500}});
  EXPECT_EQ(server.holding(40), 500);
  ASSERT_TRUE(driver->write(1, 1.0));
  EXPECT_EQ(server.holding(50), 0x0000);
  EXPECT_EQ(server.holding(51), 0x3F80);
  const auto coil = driver->write(2, true);
  ASSERT_TRUE(coil) << coil.error().text();
  EXPECT_EQ(coil->raw, "coil 3: 1");
  EXPECT_TRUE(server.coil(3));
  EXPECT_EQ(driver->read(0)->raw, "holding 40: 01 F4");
  EXPECT_EQ(link.readings(0).back().value, model::Value{std::int64_t{500}});
}

TEST(ModbusTcp, ARefusedAddressIsSaidInWords) {
  test::Server server;
  test::CollectingLink link;
  Running driver(link, tcp("d", server.port(),
                           R"("interval": "50ms", "signals": {"far": {"holding": 5000}, "s": {"holding": 7}})"));
  ASSERT_TRUE(link.eventually_quality(0, model::kBadConfiguration));
  ASSERT_TRUE(link.eventually_quality(1, model::kGood));
  expect_state(link, "d",
               "degraded: 127.0.0.1:" + std::to_string(server.port()) +
                   " (unit 1) refuses to read holding 5000: illegal data address (exception 2)");
}

TEST(ModbusTcp, SilenceIsBadQualityWithTheReasonAndEndsWithTheServersReturn) {
  std::optional<test::Server> server(std::in_place);
  const int port = server->port();
  test::CollectingLink link;
  Running driver(link, tcp("d", port, kFast));
  ASSERT_TRUE(link.eventually_quality(0, model::kGood));
  server.reset();
  ASSERT_TRUE(link.eventually_quality(0, model::kBadNotConnected));
  expect_state(link, "d", "down: cannot connect to 127.0.0.1:" + std::to_string(port) + ": connection refused");
  server.emplace(port);
  ASSERT_TRUE(link.eventually_quality(0, model::kGood));
  expect_state(link, "d", "up: answers");
}

TEST(ModbusTcp, ABlackHoleTimesOut) {
  test::HostileServer hole([](const std::string&) { return std::string(); });
  test::CollectingLink link;
  Running driver(link, tcp("d", hole.port(), kFast));
  ASSERT_TRUE(link.eventually_quality(0, model::kBadTimeout));
  expect_state(link, "d", "down: no answer from 127.0.0.1:" + std::to_string(hole.port()) + " within 200ms (unit 1)");
  const auto read = driver->read(0);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().what, StartsWith("no answer from 127.0.0.1:"));
}

TEST(ModbusTcp, ABlackHoleDoesNotDisturbTheOthers) {
  test::Server server;
  test::HostileServer hole([](const std::string&) { return std::string(); });
  test::CollectingLink link;
  constexpr const char* kSteady = R"("interval": "200ms", "timeout": "1s", "signals": {"s": {"holding": 7}})";
  Running driver(link, tcp("a", server.port(), kSteady) + "," + tcp("hole", hole.port(), kSteady) + "," +
                           tcp("b", server.port(), kSteady));
  ASSERT_TRUE(link.eventually([&] { return link.readings(0).size() >= 25 && link.readings(2).size() >= 25; }));
  for (const std::size_t signal : {0U, 2U}) {
    const auto readings = link.readings(signal);
    std::vector<double> off;
    for (std::size_t i = 1; i < 25; ++i) {
      EXPECT_EQ(readings[i].quality, model::kGood);
      off.push_back(
          std::abs(static_cast<double>(readings[i].time - readings[i - 1].time) / (200.0 * kMillisecond) - 1));
    }
    std::ranges::sort(off);
    // One hiccup of the machine that the tests run on touches two intervals.
    EXPECT_LT(off[off.size() - 3], 0.10) << "interval jitter of signal " << signal;
    RecordProperty("jitter_" + std::to_string(signal), std::to_string(off[off.size() - 3]));
  }
}

// Answers that are none. Each is well-formed TCP; what is wrong is the Modbus in it.
struct Hostility {
  const char* name;
  std::function<std::string(const std::string&)> answer;
};

std::string well_formed(const std::string& request) {
  return request.substr(0, 4) + std::string("\x00\x05\x01\x03\x02\x00\x07", 7);
}

class Hostile : public testing::TestWithParam<Hostility> {};

TEST_P(Hostile, AnswersAreBadAndNeverTakenForReadings) {
  test::HostileServer server(GetParam().answer);
  test::CollectingLink link;
  Running driver(link, tcp("d", server.port(), kFast));
  ASSERT_TRUE(link.eventually([&] { return link.readings(0).size() >= 10; }));
  for (const auto& reading : link.readings(0)) EXPECT_TRUE(reading.quality.bad()) << model::to_text(reading.quality);
  EXPECT_THAT(link.state("d"), StartsWith("down: "));
}

INSTANTIATE_TEST_SUITE_P(
    ModbusTcp, Hostile,
    testing::Values(
        Hostility{"wrong_transaction",
                  [](const std::string& r) {
                    auto a = well_formed(r);
                    a[1] = static_cast<char>(a[1] + 1);
                    return a;
                  }},
        Hostility{"wrong_protocol",
                  [](const std::string& r) {
                    auto a = well_formed(r);
                    a[2] = a[3] = 7;  // libmodbus 3.1.6 lets one of them pass
                    return a;
                  }},
        Hostility{"wrong_function",
                  [](const std::string& r) {
                    auto a = well_formed(r);
                    a[7] = 4;
                    return a;
                  }},
        Hostility{"too_many_registers",
                  [](const std::string& r) {
                    return r.substr(0, 4) + std::string("\x00\x07\x01\x03\x04\x00\x07\x00\x07", 9);
                  }},
        Hostility{"length_beyond_all_bounds",
                  [](const std::string& r) {
                    return r.substr(0, 4) + std::string("\xFF\xFF\x01\x03\xFF", 5) + std::string(400, 'x');
                  }},
        Hostility{"cut_off", [](const std::string& r) { return well_formed(r).substr(0, 9); }},
        Hostility{"unknown_exception",
                  [](const std::string& r) { return r.substr(0, 4) + std::string("\x00\x03\x01\x83\x7F", 5); }},
        Hostility{"http", [](const std::string&) { return std::string("HTTP/1.1 400 Bad Request\r\n\r\n"); }},
        Hostility{"noise",
                  [](const std::string&) {
                    static std::uint64_t state = 42;
                    std::string out(split_mix(state) % 300 + 1, '\0');
                    for (char& c : out) c = static_cast<char>(split_mix(state));
                    return out;
                  }}),
    [](const auto& param) { return param.param.name; });

TEST(ModbusTcp, TheHostileAnswersWouldBeReadingsIfTheyWereRight) {
  test::HostileServer server(well_formed);
  test::CollectingLink link;
  Running driver(link, tcp("d", server.port(), kFast));
  EXPECT_TRUE(link.eventually_quality(0, model::kGood));
}

TEST(ModbusTcp, ALateAnswerIsNotTakenForTheNextOne) {
  // Every second answer, with an odd number in it, comes when the driver has given it up.
  std::atomic<int> asked = 0;
  test::HostileServer server([&](const std::string& request) {
    const int number = ++asked;
    if (number % 2 == 1) poll(nullptr, 0, 300);
    return request.substr(0, 4) + std::string("\x00\x05\x01\x03\x02\x00", 6) + static_cast<char>(number);
  });
  test::CollectingLink link;
  Running driver(link, tcp("d", server.port(), kFast));
  const auto good = [&] {
    auto readings = link.readings(0);
    std::erase_if(readings, [](const model::Reading& reading) { return !reading.quality.good(); });
    return readings;
  };
  ASSERT_TRUE(link.eventually([&] { return good().size() >= 3; }));
  for (const model::Reading& reading : good()) EXPECT_EQ(std::get<std::int64_t>(reading.value) % 2, 0);
}

std::string rtu(const std::string& name, const std::string& serial, int unit, const std::string& rest) {
  return "\"" + name + R"(": {"rtu": {"serial": ")" + serial +
         "\", \"parity\": \"none\"}, \"unit\": " + std::to_string(unit) + ", " + rest + "}";
}

TEST(ModbusRtu, ReadsAndWritesOverASerialLine) {
  test::SerialLine line;
  test::Server server(line.other(), 3);
  test::CollectingLink link;
  Running driver(link, rtu("meter", line.one(), 3, R"("interval": "50ms", "timeout": "500ms", "signals": {
      "power": {"input": 1, "type": "int32"}, "limit": {"holding": 40, "writable": true}})"));
  ASSERT_TRUE(link.eventually_quality(0, model::kGood)) << link.state("meter");
  EXPECT_EQ(link.readings(0)[0].value, model::Value{std::int64_t{0x00010002}});
  const auto written = driver->write(1, std::int64_t{500});
  ASSERT_TRUE(written) << written.error().text();
  EXPECT_EQ(written->raw, "holding 40: 01 F4");
  EXPECT_EQ(server.holding(40), 500);
}

TEST(ModbusRtu, AnAbsentUnitIsDownAndItsNeighbourIsRead) {
  test::SerialLine line;
  std::optional<test::Server> server(std::in_place, line.other(), 3);
  test::CollectingLink link;
  constexpr const char* kQuick = R"("interval": "50ms", "timeout": "100ms", "signals": {"s": {"holding": 7}})";
  Running driver(link, rtu("present", line.one(), 3, kQuick) + "," + rtu("absent", line.one(), 4, kQuick));
  ASSERT_TRUE(link.eventually_quality(1, model::kBadTimeout));
  expect_state(link, "absent", "down: no answer from " + line.one() + " within 100ms (unit 4)");
  ASSERT_TRUE(link.eventually(
      [&] { return std::ranges::count(link.readings(0), model::kGood, &model::Reading::quality) >= 10; }));
  // The server goes and comes back; the port stays.
  server.reset();
  ASSERT_TRUE(link.eventually_quality(0, model::kBadTimeout));
  server.emplace(line.other(), 3);
  ASSERT_TRUE(link.eventually_quality(0, model::kGood)) << link.state("present");
}

TEST(ModbusRtu, APortThatIsNotThereIsSaid) {
  test::CollectingLink link;
  Running driver(link, rtu("meter", "/dev/weir-has-no-such-port", 1, kFast));
  ASSERT_TRUE(link.eventually_quality(0, model::kBadNotConnected));
  expect_state(link, "meter", "down: cannot open /dev/weir-has-no-such-port: No such file or directory");
}

}  // namespace
}  // namespace weir::modbus
