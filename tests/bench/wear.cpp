#include "wear.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "rig.h"
#include "test_support/loop_disk.h"
#include "test_support/mosquitto.h"

namespace weir::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kDevices = 20;
constexpr double kSecondsADay = 86'400;
constexpr double kRawBytes = 200 * 16;  // a second: times and doubles
constexpr auto kSettle = std::chrono::seconds(10);
constexpr auto kPatience = std::chrono::minutes(15);

// Ten signals each: four of doubles to the last bit, five of integers, one of states.
std::string plant() {
  std::string out = "  plant:\n    kind: simulator\n    options:\n      signals:\n";
  for (int i = 0; i < kDevices; ++i) {
    const auto signal = [&, device = "        device-" + std::to_string(i) + "/"](const char* what) {
      out += device + what + "\n";
    };
    signal("temperature: {wave: noise, amplitude: 5, offset: 60, unit: Cel}");
    signal("pressure: {wave: sine, amplitude: 2, offset: 6, noise: 0.1, unit: bar}");
    signal("flow: {wave: sine, amplitude: 3, noise: 0.2}");
    signal("level: {wave: ramp, noise: 0.3}");
    signal("power: {wave: noise, type: int, amplitude: 200, offset: 5000}");
    signal("speed: {wave: sine, type: int, amplitude: 900}");
    signal("current: {wave: noise, type: int, amplitude: 3}");
    signal("position: {wave: ramp, type: int, amplitude: 1000}");
    signal("energy: {wave: counter, type: int, amplitude: 7}");
    signal("run: {wave: step, type: bool}");
  }
  return out;
}

constexpr const char* kRules = R"(rules:
  - name: hot
    from: {t: "{device}/temperature"}
    when: t > 90
    for: 30s
    clear: t < 85
    alert: {severity: critical, message: "{device} is at {t:.1f} °C"}
  - name: means
    from: {t: "{device}/temperature"}
    window: 10s
    emit: {"{device}/temperature_mean": mean(t), "{device}/temperature_max": max(t)}
)";

// Makes the WAL as long as it gets: how it grows is a matter of the first minutes, not of a day. Zeros behind its
// end are what the store puts there itself.
void lengthen(const fs::path& wal) {
  std::ofstream(wal, std::ios::binary | std::ios::app) << std::string(4 << 20, '\0') << std::flush;
  ::sync();
}

// A checkpoint is what writes to the database file itself.
void until_checkpoint(const fs::path& file) {
  const auto before = fs::last_write_time(file);
  for (const auto start = Clock::now(); fs::last_write_time(file) == before;) {
    if (Clock::now() - start > kPatience) give_up("the store moved nothing from its WAL into the file");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));  // and it is done
}

// Bytes that the block device under `path` has been given to write so far; 0: it shows no counters.
double device_bytes(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return 0;
  std::ifstream file("/sys/dev/block/" + std::to_string(major(status.st_dev)) + ":" +
                     std::to_string(minor(status.st_dev)) + "/stat");
  double field = 0;
  for (int i = 0; i < 7; ++i)
    if (!(file >> field)) return 0;
  return field * 512;  // the seventh: sectors written
}

double bytes_of_sqlite(const AgentProcess& agent) {
  const Node status = agent.status();
  const Node* store = status.find("store");
  const Node* bytes = store != nullptr ? store->find("bytes_written") : nullptr;
  double out = 0;
  if (bytes == nullptr || !bytes->as_number(out)) give_up("the agent's status does not say what it wrote");
  return out;
}

}  // namespace

void measure_wear(const fs::path& parent, Report& report) {
  const Folder folder(parent);  // the runtime folder, too: on a box it is in memory
  const test::LoopDisk disk(folder.path(), 256 << 20);
  if (!disk.mounted() || device_bytes(disk.path()) == 0 || !test::Mosquitto::installed()) {
    report.note("what the agent writes a day is not measured: it takes root, mkfs.ext4, loop mounts and mosquitto");
    return;
  }
  const test::Mosquitto cloud(broker_config());
  const fs::path file = disk / "weir.db";
  fs::create_directories(folder / "rules.d");
  need(write_volatile_file(folder / "rules.d/wear.yaml", kRules));
  AgentProcess agent(folder.path(), default_config(plant(), "path: \"" + file.string() + "\"",
                                                   "uplinks: {cloud: {url: \"" + cloud.url() + "\"}}\n"));
  agent.ready();

  std::this_thread::sleep_for(kSettle);
  lengthen(disk / "weir.db-wal");
  const auto start = Clock::now();
  const double device = device_bytes(disk.path()), sqlite = bytes_of_sqlite(agent);
  until_checkpoint(file);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const auto a_day = [seconds](double bytes) { return bytes / seconds * kSecondsADay / 1e9; };
  const double floor = kRawBytes * kSecondsADay / 1e9;
  report.add("written a day, 200 signals at 1 Hz, rules, agent and broker, by SQLite", "GB",
             a_day(bytes_of_sqlite(agent) - sqlite), floor);
  report.add("the same, by the block device", "GB", a_day(device_bytes(disk.path()) - device), floor);
}

}  // namespace weir::bench
