// weir-bench seal: what encryption at rest costs. The floor is the same without a key, where a record ends in a
// CRC-32C.
#include "store/seal.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/random.h"
#include "bench.h"
#include "store/database.h"

namespace weir::bench {
namespace {

namespace fs = std::filesystem;
using store::Place;
using store::Seal;

store::Key random_key() { return store::Key(random_bytes(store::Key::kSize)); }

struct Cost {
  double close = 0, open = 0;  // ns a record
};

Cost cost_of(const Seal& seal, std::size_t size) {
  constexpr int kWindows = 15;
  const int records = size < 10'000 ? 2'000 : 200;
  const Place place{store::Role::raw, 7, 5, 3};
  const std::string bytes = random_bytes(size), sealed = seal.close(place, bytes);
  std::size_t total = 0;
  Cost cost;
  cost.close = best_of(kWindows,
                       [&] {
                         for (int i = 0; i < records; ++i) total += seal.close(place, bytes).size();
                       }) /
               records;
  cost.open = best_of(kWindows,
                      [&] {
                        for (int i = 0; i < records; ++i) total += seal.open(place, sealed)->size();
                      }) /
              records;
  if (total == 0) std::abort();
  return cost;
}

// Written to the files for a commit of readings, each second for an hour and moved into the file as the agent does
// it.
double written_for_a_commit(const fs::path& folder, bool encrypted) {
  constexpr int kCommits = 3'600;
  constexpr std::size_t kReadings = 1'600;  // of 200 signals
  std::string name = (folder / "weir-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    std::fprintf(stderr, "weir-bench seal: cannot make a folder in %s\n", folder.c_str());
    std::exit(1);
  }
  double out = 0;
  {
    store::Options options;
    options.file = fs::path(name) / "weir.db";
    options.uplinks = {"cloud"};
    if (encrypted) options.key = random_key();
    const SystemClock clock;
    auto database = store::Database::open(options, clock);
    store::Transaction transaction;
    transaction.commit = random_bytes(60);
    transaction.raw = random_bytes(kReadings);
    bool good = database.has_value();
    const auto before = good ? (*database)->stats().bytes_written : 0;
    for (int i = 0; good && i < kCommits; ++i) good = (*database)->commit(transaction) && (*database)->tidy();
    if (good) out = static_cast<double>((*database)->stats().bytes_written - before) / kCommits;
  }
  fs::remove_all(name);
  if (out > 0) return out;
  std::fprintf(stderr, "weir-bench seal: the store in %s does not work\n", folder.c_str());
  std::exit(1);
}

void measure(const fs::path& folder, Report& report) {
  const Seal sealed(random_key(), random_bytes(Seal::kSaltSize), 0), plain;
  for (const std::size_t kib : {1, 64}) {
    const Cost with = cost_of(sealed, kib << 10), without = cost_of(plain, kib << 10);
    const auto size = static_cast<double>(kib);
    const std::string of = " a record of " + std::to_string(kib) + " KiB";
    report.add("encrypting" + of, "ns/KiB", with.close / size, without.close / size);
    report.add("decrypting" + of, "ns/KiB", with.open / size, without.open / size);
  }
  report.add("written for a commit of 200 readings", "bytes", written_for_a_commit(folder, true),
             written_for_a_commit(folder, false));
}

}  // namespace

void add_seal(CLI::App& app, Report& report) {
  auto folder = std::make_shared<fs::path>(fs::temp_directory_path());
  CLI::App* seal = app.add_subcommand("seal", "Encryption at rest: nanoseconds a KiB, and bytes written");
  seal->add_option("--folder", *folder, "Where the stores are made")->capture_default_str();
  seal->callback([folder, &report] { measure(*folder, report); });
}

}  // namespace weir::bench
