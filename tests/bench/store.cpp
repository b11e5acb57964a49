// weir-bench store: commits, wear, the time to be ready, memory while a backlog drains.
//
// The floor of a commit is the same bytes appended to a bare file with an fdatasync. What reaches the disk is
// counted twice: by what SQLite writes, and by the counters of the block device under the folder, which see
// the file system's journal too and everybody else who writes there: give a quiet one with --folder.
#include "store/database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "base/random.h"
#include "bench.h"

namespace weir::bench {
namespace {

namespace fs = std::filesystem;
using store::Database;
using store::Stream;
using Stopwatch = std::chrono::steady_clock;

constexpr double kSecondsADay = 86'400;
constexpr std::size_t kFetched = 256 << 10;

struct Settings {
  fs::path folder = fs::temp_directory_path();
  double seconds = 2;  // for each size of commit
  double queued = 1;   // GiB
};

double seconds_since(Stopwatch::time_point start) {
  return std::chrono::duration<double>(Stopwatch::now() - start).count();
}

template <class T>
T must(Result<T> result) {
  if (result) {
    if constexpr (std::is_void_v<T>) return;
    else return std::move(*result);
  }
  std::fprintf(stderr, "weir-bench store: %s\n", result.error().text().c_str());
  std::exit(1);
}

// A folder that goes away.
class Scratch {
 public:
  explicit Scratch(const fs::path& parent) {
    std::string name = (parent / "weir-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      std::fprintf(stderr, "weir-bench store: cannot make a folder in %s\n", parent.c_str());
      std::exit(1);
    }
    path_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { fs::remove_all(path_); }
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::unique_ptr<Database> open(const fs::path& file, const Clock& clock, Nanoseconds retain = 7 * kDay) {
  store::Options options;
  options.file = file;
  options.uplinks = {"cloud"};
  options.retain = retain;
  return must(Database::open(options, clock));
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
    if (::write(fd, body.data(), body.size()) != static_cast<ssize_t>(body.size()) || ::fdatasync(fd) != 0) {
      std::perror("weir-bench store");
      std::exit(1);
    }
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
    const Scratch scratch(settings.folder);
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
        must(database->commit(transaction));
        must(database->tidy());
      }
      figure += count / seconds_since(start) / kTurns;
    }
    report.add("commits of " + std::to_string(size >> 10) + " KiB, checkpoints included", "1/s", figure, floor);
  }
}

// Bytes that the device under `path` has been given to write so far.
std::optional<double> device_bytes(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  std::ifstream file("/sys/dev/block/" + std::to_string(major(status.st_dev)) + ":" +
                     std::to_string(minor(status.st_dev)) + "/stat");
  double field = 0;
  for (int i = 0; i < 7; ++i)
    if (!(file >> field)) return std::nullopt;
  return field * 512;  // the seventh: sectors written
}

// An hour of a commit a second, each with a reading of 200 signals, as the agent does it.
void wear(const Settings& settings, Report& report) {
  constexpr int kCommits = 3'600;
  constexpr std::size_t kSize = 1'600;
  const Scratch scratch(settings.folder);
  ManualClock clock;
  clock.set(kDay);
  std::uint64_t seed = 1;
  auto database = open(scratch / "weir.db", clock, 10 * kMinute);
  ::sync();
  const auto device = device_bytes(settings.folder);
  const auto before = database->stats().bytes_written;
  const std::string state(20'000, 's');
  for (int i = 1; i <= kCommits; ++i) {
    auto transaction = with_raw(kSize - 100, seed);
    transaction.commit = std::string(100, 'c');
    const auto id = must(database->commit(transaction)).id;
    clock.advance(kSecond);
    must(database->acknowledge("cloud", Stream::raw, id));
    if (i % 60 == 0) must(database->save_snapshot({id, state}));
    if (i % 30 == 0) must(database->trim());
    must(database->tidy());
  }
  const auto written = static_cast<double>(database->stats().bytes_written - before);
  report.add("a commit of 1.6 KB, 200 signals, by SQLite", "bytes", written / kCommits, kSize);
  report.add("written a day, 200 signals at 1 Hz, by SQLite", "GB", written / kCommits * kSecondsADay / 1e9,
             kSize * kSecondsADay / 1e9);
  ::sync();
  const auto after = device_bytes(settings.folder);
  if (!device || !after || *after == *device) {
    report.note("the device under " + settings.folder.string() + " shows no counters: not measured there");
    return;
  }
  report.add("written a day, 200 signals at 1 Hz, by the block device", "GB",
             (*after - *device) / kCommits * kSecondsADay / 1e9, kSize * kSecondsADay / 1e9);
}

double private_dirty_mib() {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string word; file >> word;)
    if (word == "Private_Dirty:") {
      double kib = 0;
      file >> kib;
      return kib / 1'024;
    }
  return 0;
}

// Leaves the store as a killed agent does: with a WAL, and some log after the snapshot.
void fill(const fs::path& file, double gib) {
  const pid_t child = ::fork();
  if (child == 0) {
    const SystemClock clock;
    std::uint64_t seed = 1;
    auto database = open(file, clock);
    std::vector<store::Transaction> transactions;
    for (int i = 0; i < 32; ++i) transactions.push_back(with_raw(64 << 10, seed));
    const auto rounds = static_cast<int>(gib * 1'024 / 2);
    for (int i = 0; i < rounds; ++i) {
      const auto id = must(database->commit(transactions)).back().id;
      must(database->tidy());
      if (i == rounds - 1) must(database->save_snapshot({id, std::string(1 << 20, 's')}));
    }
    for (int i = 0; i < 60; ++i) must(database->commit(with_raw(1'600, seed)));
    ::_exit(0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) std::exit(1);
}

void backlog(const Settings& settings, Report& report) {
  const Scratch scratch(settings.folder);
  const fs::path file = scratch / "weir.db";
  fill(file, settings.queued);
  char size[32];
  std::snprintf(size, sizeof size, "%g GiB queued", settings.queued);

  ::sync();
  std::ofstream drop("/proc/sys/vm/drop_caches");
  if (!(drop << "3" << std::flush)) report.note("caches are warm: dropping them needs root");
  const ManualClock clock;
  const auto start = Stopwatch::now();
  auto database = open(file, clock, 0);
  const auto snapshot = must(database->newest_snapshot());
  std::uint64_t replayed = 0;
  must(database->scan(snapshot ? snapshot->at : 0, [&](const store::LogRow&) { return ++replayed > 0; }));
  report.add("open, snapshot and the log since, " + std::string(size), "ms", seconds_since(start) * 1e3, 0);

  const double before = private_dirty_mib();
  double most = before, bytes = 0;
  const auto drain = Stopwatch::now();
  for (store::StreamSeq after = 0;;) {
    const auto records = must(database->fetch(Stream::raw, after, kFetched));
    if (records.empty()) break;
    after = records.back().seq;
    for (const auto& record : records) bytes += static_cast<double>(record.body.size());
    must(database->acknowledge("cloud", Stream::raw, after));
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
  command->callback([settings, &report] {
    commits(*settings, report);
    wear(*settings, report);
    backlog(*settings, report);
  });
}

}  // namespace weir::bench
