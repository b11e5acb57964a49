// weir-bench ingest: from a batch on the bus to "accepted", which is committed and synced.
//
// The agent is the real one, a process of its own, with an empty rule set and no uplink. Signals have a
// reading each millisecond, two decimals, walking: what the codec then does is what it does for sensors.
//
// The floor is a bare Paho subscriber on the same broker, with the same publisher and the same payloads.
// The two run by turns, and of each the best window counts: what else the machine does meets both.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <thread>

#include "bare_client.h"
#include "base/clock.h"
#include "bench.h"
#include "publisher.h"
#include "rig.h"
#include "test_support/mosquitto.h"

namespace weir::bench {
namespace {

struct Settings {
  std::filesystem::path folder = "/var/tmp";
  int turns = 4;
  double seconds = 1.5;  // of a window
};

constexpr std::size_t kSignals = 10, kBodies = 500;

std::string signal_name(std::size_t i) { return "load/" + std::to_string(i % kSignals + 1); }

// Batches of one signal each, signal after signal, ready to be sent again and again.
std::vector<std::string> make_bodies(std::size_t readings) {
  const std::int64_t start = SystemClock().now() - kDay;
  const auto length = static_cast<std::int64_t>(readings) * kMillisecond;
  std::uint64_t seed = 1;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kBodies; ++i)
    out.push_back(
        batch_body(signal_name(i), start + static_cast<std::int64_t>(i / kSignals) * length, readings, seed));
  return out;
}

struct Window {
  double rate = 0;  // readings/s
  double cpu = 0;   // ns per reading
};

Window measure(const Publisher& publisher, std::size_t readings, double seconds, pid_t pid) {
  const auto begin = std::chrono::steady_clock::now();
  const auto before = publisher.accepted();
  const double cpu = pid > 0 ? cpu_time(pid) : 0;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const auto taken = static_cast<double>((publisher.accepted() - before) * readings);
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return {taken / took, pid > 0 && taken > 0 ? (cpu_time(pid) - cpu) / taken : 0};
}

void measure_batches(const Settings& settings, std::size_t readings, const std::string& size, Report& report) {
  const test::Mosquitto broker(broker_config());
  const Folder folder(settings.folder);
  AgentProcess agent(folder.path(), "version: 1\nsite: bench\nbus: {url: \"" + broker.url() +
                                        "\"}\ndrivers: {bench: {external: true}}\nstore: {path: weir.db}\n");
  agent.ready();
  const std::vector<std::string> bodies = make_bodies(readings);
  const auto body = [&](std::uint64_t seq) { return bodies[seq % bodies.size()]; };
  v1::Announcement announcement;
  for (std::size_t i = 0; i < kSignals; ++i) *announcement.add_signals() = double_signal(signal_name(i));
  Publisher driver(broker.port(), "bench", announcement, body);
  Publisher bare(broker.port(), "bare/data", body);
  const BareClient receiver(broker.port(), "receiver", "bare/data", [&](std::string_view) { bare.received(); });

  Window floor, best;
  for (int turn = 0; turn < settings.turns; ++turn) {
    const auto window = [&](Publisher& publisher, pid_t pid, Window& out) {
      publisher.start();
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      const Window now = measure(publisher, readings, settings.seconds, pid);
      publisher.stop();
      if (now.rate > out.rate) out = now;
    };
    window(bare, 0, floor);
    window(driver, agent.pid(), best);
  }
  if (driver.resends() > 0) report.note(std::to_string(driver.resends()) + " resends");
  report.add("batches of " + size + " doubles, QoS 1: bus → accepted", "readings/s", best.rate, floor.rate);
  report.add("batches of " + size + " doubles: agent CPU, fsync included", "ns per reading", best.cpu, 0);
}

}  // namespace

void add_ingest(CLI::App& app, Report& report) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand("ingest", "Readings a second from the bus to the store, and their CPU time");
  command->add_option("--folder", settings->folder, "Where to put the store: on a disk")->capture_default_str();
  command->add_option("--turns", settings->turns, "Windows of each, floor and agent by turns")->capture_default_str();
  command->add_option("--seconds", settings->seconds, "Of a window")->capture_default_str();
  command->callback([settings, &report] {
    if (!test::Mosquitto::installed()) give_up("mosquitto is not installed");
    measure_batches(*settings, 1'000, "1,000", report);
    measure_batches(*settings, 20, "20", report);
  });
}

}  // namespace weir::bench
