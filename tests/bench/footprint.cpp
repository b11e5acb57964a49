// weir-bench footprint: memory of the idle agent with the default config, memory of all its processes,
// bytes per signal, and how long it takes to be ready after a SIGKILL with a backlog for the cloud.
//
// There are no floors: these are budgets in bytes and milliseconds.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "bench.h"
#include "publisher.h"
#include "rig.h"
#include "store/database.h"
#include "test_support/mosquitto.h"

namespace weir::bench {
namespace {

struct Settings {
  std::filesystem::path folder = "/var/tmp";
  double settle = 8;  // s
  double queued = 1;  // GiB
  int signals = 10'000;
  int turns = 3;
};

constexpr double kMiB = 1 << 20;

std::string default_config() { return need(read_file(WEIR_DEFAULT_CONFIG, 1 << 20)); }

// The default, its store in the agent's folder, with what stands below `drivers:` and at its end.
std::string config(const std::string& drivers, const std::string& more) {
  std::string out = default_config();
  const std::string head = "drivers:\n";
  const std::size_t at = out.find(head);
  if (at == std::string::npos) give_up("the default config has no drivers:");
  out.insert(at + head.size(), drivers);
  return out + "\nstore: {path: weir.db}\n" + more;
}

std::string simulator(int signals, double rate) {
  return "  load: {kind: simulator, options: {load: {signals: " + std::to_string(signals) +
         ", batch: 1, rate: " + std::to_string(rate) + "}}}\n";
}

// With nothing to be sent to but a port where nobody is.
std::string dead_uplink() {
  return "uplinks: {cloud: {url: \"mqtt://127.0.0.1:" + std::to_string(test::free_port()) + "\"}}\n";
}

void settle(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

Memory idle(const Settings& settings, const std::string& text, double& everything) {
  const Folder folder(settings.folder);
  AgentProcess agent(folder.path(), text);
  agent.ready();
  settle(settings.settle);
  everything = 0;
  for (const pid_t pid : family_of(agent.pid())) everything += memory_of(pid).pss;
  const Memory out = memory_of(agent.pid());
  agent.stop();
  return out;
}

void memory(const Settings& settings, Report& report) {
  double all = 0;
  report.add("agent, private dirty, default config, idle", "MiB",
             idle(settings, config("", ""), all).private_dirty / kMiB, 0);
  const double one = idle(settings, config(simulator(1, 1), ""), all).private_dirty;
  report.add("agent + mosquitto + host and simulator drivers, summed PSS", "MiB", all / kMiB, 0);
  const double many = idle(settings, config(simulator(settings.signals, 1), ""), all).private_dirty;
  report.add("agent, per announced signal", "bytes", (many - one) / settings.signals, 0);
}

// What the agent still holds when half a minute has passed since it took all that it could.
void after_load(const Settings& settings, Report& report) {
  constexpr double kBurst = 3, kAfter = 35;  // s
  const test::Mosquitto broker(broker_config());
  const Folder folder(settings.folder);
  AgentProcess agent(folder.path(), "version: 1\nsite: bench\nbus: {url: \"" + broker.url() +
                                        "\"}\ndrivers: {bench: {external: true}}\nstore: {path: weir.db}\n");
  agent.ready();
  std::uint64_t seed = 1;
  const std::string body = batch_body("load/1", SystemClock().now() - kDay, 1'000, seed);
  v1::Announcement announcement;
  *announcement.add_signals() = double_signal("load/1");
  Publisher driver(broker.port(), "bench", announcement, [&](std::uint64_t) { return body; });
  driver.start();
  settle(kBurst);
  driver.stop();
  settle(kAfter);
  report.add("agent, private dirty, 35 s after a burst of full load", "MiB",
             memory_of(agent.pid()).private_dirty / kMiB, 0);
}

// Repeats the last readings of the log until there is enough.
void fill(const std::filesystem::path& file, double gib) {
  store::Options options;
  options.file = file;
  options.uplinks = {"cloud"};
  const SystemClock clock;
  auto database = need(store::Database::open(options, clock));
  const auto snapshot = need(database->newest_snapshot());
  store::Transaction readings;
  need(database->scan(0, [&](const store::LogRow& row) {
    if (row.raw.size() > readings.raw.size()) readings.raw = row.raw, readings.commit = row.commit;
    return true;
  }));
  if (!snapshot || readings.raw.empty()) give_up("the agent has kept no readings, or no snapshot");
  const std::vector<store::Transaction> many(64, readings);
  store::LogId last = 0;
  for (double bytes = 0; bytes < gib * kMiB * 1'024; bytes += 64 * static_cast<double>(readings.raw.size()))
    last = need(database->commit(many)).back().id;
  need(database->save_snapshot({last, snapshot->state}));
}

void drop_caches(Report& report) {
  ::sync();
  std::ofstream drop("/proc/sys/vm/drop_caches");
  if (!(drop << "3" << std::flush)) report.note("caches are warm: dropping them needs root");
}

void readiness(const Settings& settings, Report& report) {
  const Folder folder(settings.folder);
  const std::string text = config(simulator(settings.signals, 10'000), dead_uplink());
  {
    AgentProcess agent(folder.path(), text);
    agent.ready();
    settle(5);
    agent.stop();
  }
  fill(folder / "weir.db", settings.queued);
  double worst = 0;
  for (int turn = 0; turn < settings.turns; ++turn) {
    AgentProcess agent(folder.path(), text);
    if (turn > 0) worst = std::max(worst, std::chrono::duration<double, std::milli>(agent.ready()).count());
    else agent.ready();
    settle(3);
    agent.kill();
    drop_caches(report);
  }
  AgentProcess agent(folder.path(), text);
  worst = std::max(worst, std::chrono::duration<double, std::milli>(agent.ready()).count());
  char what[128];
  std::snprintf(what, sizeof what, "ready after SIGKILL, caches dropped, %d signals, %g GiB queued, worst of %d",
                settings.signals, settings.queued, settings.turns);
  report.add(what, "ms", worst, 0);
}

}  // namespace

void add_footprint(CLI::App& app, Report& report) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand("footprint", "Memory, and time to be ready after a SIGKILL");
  command->add_option("--folder", settings->folder, "Where to put the stores: on a disk")->capture_default_str();
  command->add_option("--settle", settings->settle, "Seconds from ready to the look at memory")
      ->capture_default_str();
  command->add_option("--queued", settings->queued, "GiB in the backlog")->capture_default_str();
  command->add_option("--signals", settings->signals, "Announced, for bytes per signal and for the start")
      ->capture_default_str();
  command->add_option("--turns", settings->turns, "Kills")->capture_default_str();
  command->callback([settings, &report] {
    if (!test::Mosquitto::installed()) give_up("mosquitto is not installed");
    memory(*settings, report);
    after_load(*settings, report);
    readiness(*settings, report);
  });
}

}  // namespace weir::bench
