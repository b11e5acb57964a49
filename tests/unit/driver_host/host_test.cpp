#include "driver_host/host.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <unistd.h>

namespace weir::driver_host {
namespace {

namespace fs = std::filesystem;

// What a driver does with the agent, kept.
class KeepingLink final : public sdk::Link {
 public:
  void publish(std::size_t signal, model::Reading reading) override { readings[signal] = std::move(reading); }
  void publish(std::size_t, std::vector<Timestamp>, model::Column, std::vector<std::uint32_t>) override {
    FAIL() << "the host driver publishes one by one";
  }
  double pressure() const override { return 0; }
  void device_state(std::string_view, sdk::Level level_in, std::string_view reason_in) override {
    level = level_in;
    reason = reason_in;
  }
  bool wait_until(Nanoseconds) override { return false; }
  bool stopping() const override { return true; }
  const Clock& clock() const override { return time; }

  std::map<std::size_t, model::Reading> readings;
  sdk::Level level = sdk::Level::up;
  std::string reason;
  ManualClock time;
};

// A copy of the fixtures, to change.
class HostTest : public ::testing::Test {
 protected:
  HostTest() : root_(fs::temp_directory_path() / ("weir-host-test-" + std::to_string(getpid()))) {
    fs::remove_all(root_);
    fs::copy(fs::path(__FILE__).parent_path() / "fixtures", root_, fs::copy_options::recursive);
    settings_.proc = root_ / "proc";
    settings_.sys = root_ / "sys";
  }
  ~HostTest() override { fs::remove_all(root_); }

  void write(const std::string& file, std::string_view text) { std::ofstream(root_ / file) << text; }

  const model::Reading* find(const Host& host, const std::string& path) const {
    for (std::size_t i = 0; i < host.signals().size(); ++i)
      if (host.signals()[i].path == "host/" + path)
        if (const auto it = link_.readings.find(i); it != link_.readings.end()) return &it->second;
    return nullptr;
  }
  double real(const Host& host, const std::string& path) const {
    const model::Reading* reading = find(host, path);
    return reading == nullptr ? -1 : std::get<double>(reading->value);
  }
  std::int64_t integer(const Host& host, const std::string& path) const {
    const model::Reading* reading = find(host, path);
    return reading == nullptr ? -1 : std::get<std::int64_t>(reading->value);
  }

  fs::path root_;
  Settings settings_;
  KeepingLink link_;
};

TEST_F(HostTest, ReadsWhatThereIs) {
  Host host(settings_);
  write("proc/stat", "cpu  130 0 60 840 60 10 0 0 0 0\n");
  host.cycle(link_);
  EXPECT_EQ(link_.level, sdk::Level::up) << link_.reason;
  EXPECT_DOUBLE_EQ(real(host, "cpu_used"), 50);
  EXPECT_DOUBLE_EQ(real(host, "cpu_user"), 30);
  EXPECT_DOUBLE_EQ(real(host, "cpu_idle"), 40);
  EXPECT_DOUBLE_EQ(real(host, "load_5m"), 0.25);
  EXPECT_DOUBLE_EQ(real(host, "uptime"), 12345.67);
  EXPECT_EQ(integer(host, "memory_total"), 1'024'000'000);
  EXPECT_DOUBLE_EQ(real(host, "memory_used"), 75);
  EXPECT_EQ(integer(host, "io_sda_read"), 200 * 512);
  EXPECT_EQ(integer(host, "io_sda_written"), 400 * 512);
  EXPECT_EQ(integer(host, "io_sda_busy"), 70);
  EXPECT_EQ(integer(host, "net_eth0_received"), 1'000);
  EXPECT_EQ(integer(host, "net_eth0_send_errors"), 4);
  EXPECT_DOUBLE_EQ(real(host, "temperature_zone0_cpu-thermal"), 48.5);
  EXPECT_DOUBLE_EQ(real(host, "temperature_hwmon0_nvme_Composite"), 31.85);
  EXPECT_DOUBLE_EQ(real(host, "cpu0_frequency"), 1'500);
  EXPECT_EQ(integer(host, "throttled_flags"), 0x50000);
}

TEST_F(HostTest, DoesNotAnnounceWhatDoesNotExist) {
  const Host host(settings_);
  for (const model::Signal& signal : host.signals()) {
    for (const char* absent : {"swap", "net_lo", "net_eth1", "io_sda1", "io_loop0", "zone1", "disk_"})
      EXPECT_EQ(signal.path.find(absent), std::string::npos) << signal.path;
  }
}

TEST_F(HostTest, WhatVanishesIsBadWithTheReason) {
  Host host(settings_);
  fs::remove(root_ / "sys/class/thermal/thermal_zone0/temp");
  write("proc/net/dev", "no interfaces at all\n");
  host.cycle(link_);
  EXPECT_EQ(find(host, "temperature_zone0_cpu-thermal")->quality, model::kBadNotConnected);
  EXPECT_EQ(find(host, "net_eth0_received")->quality, model::kBadNotConnected);
  EXPECT_EQ(find(host, "uptime")->quality, model::kGood);
  EXPECT_EQ(link_.level, sdk::Level::degraded);
  EXPECT_NE(link_.reason.find("net_eth0_received: eth0 is gone"), std::string::npos) << link_.reason;
}

TEST_F(HostTest, PutsUpWithAnyContent) {
  Host host(settings_);
  const std::string odd[] = {"",
                             "\n",
                             std::string(300, '\0'),
                             "cpu",
                             "cpu 99999999999999999999999 1 1 1 1 1 1 1",
                             "cpu 0 0 0 0 0 0 0 0",
                             ":::::",
                             std::string(100'000, 'x'),
                             "\xFF\xFE: 1 kB\n",
                             "nan",
                             "-1"};
  for (const std::string& text : odd) {
    for (const auto& entry : fs::recursive_directory_iterator(root_))
      if (entry.is_regular_file()) std::ofstream(entry.path()) << text;
    host.cycle(link_);
    const Host fresh(settings_);
    for (const model::Signal& signal : fresh.signals()) EXPECT_LT(signal.path.size(), 200);
  }
}

TEST_F(HostTest, SaysSoWhenThereIsNothing) {
  settings_.proc = settings_.sys = root_ / "nothing";
  Host host(settings_);
  EXPECT_TRUE(host.signals().empty());
  host.run(link_);
  EXPECT_EQ(link_.level, sdk::Level::down);
}

TEST(LevelName, FitsIntoAPath) {
  EXPECT_EQ(level_name("/"), "root");
  EXPECT_EQ(level_name("/var/lib"), "var_lib");
  EXPECT_EQ(level_name("a b#c"), "a_b_c");
  EXPECT_EQ(level_name(""), "unnamed");
}

TEST(Mounts, UnescapesNames) {
  const auto mounts = parse_mounts("/dev/sda1 /my\\040disk ext4 rw 0 0\n");
  ASSERT_EQ(mounts.size(), 1);
  EXPECT_EQ(mounts[0].point, "/my disk");
}

}  // namespace
}  // namespace weir::driver_host
