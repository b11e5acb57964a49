// weir-bench store: commits, wear, the time to be ready, memory while a backlog drains.
//
// The floor of a commit is the same bytes appended to a bare file with an fdatasync. What a day writes is counted
// by what SQLite writes, for the store alone, and for the whole agent by the block device (wear.h).
#include "store/database.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/random.h"
#include "bench.h"
#include "rig.h"
#include "wear.h"

namespace weir::bench {
namespace {

namespace fs = std::filesystem;
using store::Database;
using store::Stream;
using Stopwatch = std::chrono::steady_clock;

constexpr double kSecondsADay = 86'400;
constexpr std::size_t kFetched = 256 << 10;

struct Settings {
  fs::path folder = "/var/tmp";
  double seconds = 2;  // for each size of commit
  double queued = 1;   // GiB
  bool agent = true;
};

double seconds_since(Stopwatch::time_point start) {
  return std::chrono::duration<double>(Stopwatch::now() - start).count();
}

std::unique_ptr<Database> open(const fs::path& file, const Clock& clock, Nanoseconds retain = 7 * kDay) {
  store::Options options;
  options.file = file;
  options.uplinks = {"cloud"};
  options.retain = retain;
  options.limits.quota = 1ULL << 40;
  return need(Database::open(options, clock));
}

store::Transaction with_raw(std::size_t size, std::uint64_t& seed) {
  store::Transaction transaction;
  transaction.raw.resize(size);
  for (char& c : transaction.raw) c = static_cast<char>(split_mix(seed));
  return transaction;
}

double appends(const fs::path& path, std::string_view body, double seconds) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  double count = 0;
  const auto start = Stopwatch::now();
  while (seconds_since(start) < seconds) {
    if (::write(fd, body.data(), body.size()) != static_cast<ssize_t>(body.size()) || ::fdatasync(fd) != 0)
      give_up("cannot append to " + path.string());
    ++count;
  }
  const double took = seconds_since(start);
  ::close(fd);
  return count / took;
}

void commits(const Settings& settings, Report& report) {
  const SystemClock clock;
  std::uint64_t seed = 1;
  for (const std::size_t size : {4'096, 65'536}) {
    const Folder scratch(settings.folder);
    const auto transaction = with_raw(size, seed);
    auto database = open(scratch / "weir.db", clock);
    // By turns, so that what else the machine does meets both.
    double figure = 0, floor = 0;
    constexpr int kTurns = 4;
    for (int turn = 0; turn < kTurns; ++turn) {
      floor += appends(scratch / "bare", transaction.raw, settings.seconds / kTurns) / kTurns;
      double count = 0;
      const auto start = Stopwatch::now();
      for (; seconds_since(start) < settings.seconds / kTurns; ++count) {
        need(database->commit(transaction));
        need(database->tidy());
      }
      figure += count / seconds_since(start) / kTurns;
    }
    report.add("commits of " + std::to_string(size >> 10) + " KiB, checkpoints included", "1/s", figure, floor);
  }
}

// An hour of a commit a second, each with a reading of 200 signals, as the agent does it.
void wear(const Settings& settings, Report& report) {
  constexpr int kCommits = 3'600;
  constexpr std::size_t kSize = 1'600;
  const Folder scratch(settings.folder);
  ManualClock clock;
  clock.set(kDay);
  std::uint64_t seed = 1;
  auto database = open(scratch / "weir.db", clock, 10 * kMinute);
  const auto before = database->stats().bytes_written;
  const std::string state(20'000, 's');
  for (int i = 1; i <= kCommits; ++i) {
    auto transaction = with_raw(kSize - 100, seed);
    transaction.commit = std::string(100, 'c');
    const auto id = need(database->commit(transaction)).id;
    clock.advance(kSecond);
    need(database->acknowledge("cloud", Stream::raw, id));
    if (i % 60 == 0) need(database->save_snapshot({id, state}));
    if (i % 30 == 0) need(database->trim());
    need(database->tidy());
  }
  const auto written = static_cast<double>(database->stats().bytes_written - before);
  report.add("a commit of 1.6 KB, 200 signals, by SQLite", "bytes", written / kCommits, kSize);
  report.add("written a day, 200 signals at 1 Hz, by SQLite", "GB", written / kCommits * kSecondsADay / 1e9,
             kSize * kSecondsADay / 1e9);
}

double private_dirty_mib() { return memory_of(::getpid()).private_dirty / (1 << 20); }

// Leaves the store as a killed agent does: with a WAL, and some log after the snapshot.
void fill(const fs::path& file, double gib) {
  in_child([&] {
    const SystemClock clock;
    std::uint64_t seed = 1;
    auto database = open(file, clock);
    std::vector<store::Transaction> transactions;
    for (int i = 0; i < 32; ++i) transactions.push_back(with_raw(64 << 10, seed));
    const int rounds = std::max(1, static_cast<int>(gib * 1'024 / 2));
    for (int i = 0; i < rounds; ++i) {
      const auto id = need(database->commit(transactions)).back().id;
      need(database->tidy());
      if (i == rounds - 1) need(database->save_snapshot({id, std::string(1 << 20, 's')}));
    }
    for (int i = 0; i < 60; ++i) need(database->commit(with_raw(1'600, seed)));
  });
}

void backlog(const Settings& settings, Report& report) {
  const Folder scratch(settings.folder);
  const fs::path file = scratch / "weir.db";
  fill(file, settings.queued);
  char size[32];
  std::snprintf(size, sizeof size, "%g GiB queued", settings.queued);

  drop_caches(report);
  const ManualClock clock;
  const auto start = Stopwatch::now();
  auto database = open(file, clock, 0);
  const auto snapshot = need(database->newest_snapshot());
  std::uint64_t replayed = 0;
  need(database->scan(snapshot ? snapshot->at : 0, [&](const store::LogRow&) { return ++replayed > 0; }));
  report.add("open, snapshot and the log since, " + std::string(size), "ms", seconds_since(start) * 1e3, 0);

  const double before = private_dirty_mib();
  double most = before, bytes = 0;
  const auto drain = Stopwatch::now();
  for (store::StreamSeq after = 0;;) {
    const auto records = need(database->fetch(Stream::raw, after, kFetched));
    if (records.empty()) break;
    after = records.back().seq;
    for (const auto& record : records) bytes += static_cast<double>(record.body.size());
    need(database->acknowledge("cloud", Stream::raw, after));
    if (records.front().seq % 64 == 0) most = std::max(most, private_dirty_mib());
  }
  report.add("drain, " + std::string(size), "MB/s", bytes / 1e6 / seconds_since(drain), 0);
  report.add("private memory while it drains, over before", "MiB", std::max(most, private_dirty_mib()) - before, 0);
}

}  // namespace

void add_store(CLI::App& app, Report& report) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand("store", "Commits, bytes written, time to be ready, memory");
  command->add_option("--folder", settings->folder, "Where to put the stores: on the disk that is to be measured")
      ->capture_default_str();
  command->add_option("--seconds", settings->seconds, "For each size of commit")->capture_default_str();
  command->add_option("--queued", settings->queued, "GiB in the backlog")->capture_default_str();
  command->add_flag("!--store-only", settings->agent, "Leave out what takes the whole agent, and minutes");
  command->callback([settings, &report] {
    commits(*settings, report);
    wear(*settings, report);
    if (settings->agent) measure_wear(settings->folder, report);
    backlog(*settings, report);
  });
}

}  // namespace weir::bench
