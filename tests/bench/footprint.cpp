// weir-bench footprint: memory of the idle agent with the default config, memory of all its processes,
// bytes per signal, how long it takes to be ready after a SIGKILL with a backlog for the cloud, and memory
// while the backlog drains to a mosquitto without subscribers.
//
// There are no floors: these are budgets in bytes and milliseconds.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
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
  double settle = 8;   // s
  double queued = 10;  // GiB
  int signals = 10'000;
  int turns = 4;
  bool drain = true;
};

constexpr double kMiB = 1 << 20;
constexpr const char* kStore = "path: weir.db";
constexpr const char* kLargeStore = "path: weir.db, quota: 1TiB";

std::string simulator(int signals, double rate) {
  return "  load: {kind: simulator, options: {load: {signals: " + std::to_string(signals) +
         ", batch: 1, rate: " + std::to_string(rate) + "}}}\n";
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
             idle(settings, default_config("", kStore), all).private_dirty / kMiB, 0);
  const double one = idle(settings, default_config(simulator(1, 1), kStore), all).private_dirty;
  report.add("agent + mosquitto + host and simulator drivers, summed PSS", "MiB", all / kMiB, 0);
  const double many = idle(settings, default_config(simulator(settings.signals, 1), kStore), all).private_dirty;
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
  options.limits.quota = 1ULL << 40;
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
  for (double bytes = 0; bytes < gib * kMiB * 1'024; bytes += 64 * static_cast<double>(readings.raw.size())) {
    last = need(database->commit(many)).back().id;
    need(database->tidy());
  }
  need(database->save_snapshot({last, snapshot->state}));
}

struct Waiting {
  double records = 0, of = 0;
};

Waiting raw_waiting(const AgentProcess& agent) {
  const Node status = agent.status();
  const Node* node = &status;
  for (const char* key : {"store", "streams", "raw"})
    if ((node = node->find(key)) == nullptr) give_up("the agent's status does not say what waits");
  Waiting out;
  if (!node->find("waiting")->as_number(out.records) || !node->find("last")->as_number(out.of))
    give_up("the agent's status does not count what waits");
  return out;
}

std::string with_size(const char* what, const Settings& settings) {
  char text[160];
  std::snprintf(text, sizeof text, "%s, %d signals, %g GiB queued", what, settings.signals, settings.queued);
  return text;
}

// From the moment that there is a cloud: the most memory until a tenth of the backlog is gone, and until all is.
void drain(const Settings& settings, const AgentProcess& agent, Report& report) {
  const double backlog = raw_waiting(agent).records;
  double most = 0, early = 0, left = backlog;
  const auto start = std::chrono::steady_clock::now();
  auto moved = start;
  while (left > backlog / 100) {
    for (int i = 0; i < 10; ++i, settle(0.05)) most = std::max(most, memory_of(agent.pid()).private_dirty);
    if (left > backlog * 0.9) early = most;
    const double now = raw_waiting(agent).records;
    if (now < left) moved = std::chrono::steady_clock::now();
    if (std::chrono::steady_clock::now() - moved > std::chrono::seconds(60)) give_up("the backlog does not drain");
    left = now;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.add(with_size("agent, most private dirty while the first tenth drains", settings), "MiB", early / kMiB, 0);
  report.add(with_size("the same, until all has drained", settings), "MiB", most / kMiB, early / kMiB);
  report.add("drained, to a mosquitto on the same machine", "MB/s", settings.queued * kMiB * 1'024 / 1e6 / seconds,
             0);
}

void backlog(const Settings& settings, Report& report) {
  const Folder folder(settings.folder);
  test::Mosquitto cloud(broker_config());
  cloud.kill();
  const std::string text = default_config(simulator(settings.signals, 10'000), kLargeStore,
                                          "uplinks: {cloud: {url: \"" + cloud.url() + "\"}}\n");
  {
    AgentProcess agent(folder.path(), text);
    agent.ready();
    settle(5);
    agent.stop();
  }
  fill(folder / "weir.db", settings.queued);
  double worst = 0, best = 1e9;
  for (int turn = 0; turn <= settings.turns; ++turn) {
    drop_caches(report);
    AgentProcess agent(folder.path(), text);
    const double took = std::chrono::duration<double, std::milli>(agent.ready()).count();
    if (turn > 0) worst = std::max(worst, took), best = std::min(best, took);  // the first was not after a SIGKILL
    settle(5);
    if (turn == settings.turns) {
      report.add(with_size("ready after SIGKILL, caches dropped", settings) + ", best", "ms", best, 0);
      report.add("the same, worst of " + std::to_string(settings.turns), "ms", worst, 0);
      if (!settings.drain) return;
      cloud.start();
      drain(settings, agent, report);
    }
  }
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
  command->add_flag("!--no-drain", settings->drain, "Leave out the draining");
  command->callback([settings, &report] {
    if (!test::Mosquitto::installed()) give_up("mosquitto is not installed");
    memory(*settings, report);
    after_load(*settings, report);
    backlog(*settings, report);
  });
}

}  // namespace weir::bench
