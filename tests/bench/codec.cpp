// weir-bench codec: bytes on the wire and nanoseconds per reading.
//
// The floors: raw is 16 bytes, a time and a double; xz -9 packs each whole series raw. For time, zstd's level 1
// over the raw columns of the same batches: what one would do without a codec.
#include "codec/codec.h"

#include <zstd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "base/clock.h"
#include "base/random.h"
#include "bench.h"
#include "model/value.h"

namespace weir::bench {
namespace {

namespace fs = std::filesystem;
using Batch = std::vector<model::Series>;

constexpr std::size_t kBatch = 1'000;
constexpr int kWindows = 15;

std::optional<fs::path> find_nab(const std::string& given) {
  for (const fs::path& path : {fs::path(given), fs::path("shared/nab"), fs::path("../shared/nab")})
    if (!path.empty() && fs::is_directory(path / "data")) return path;
  return std::nullopt;
}

// A CSV of "2014-04-01 00:00:00,20.0" below a line of headings.
std::optional<model::Series> read_csv(const fs::path& path) {
  model::Series out;
  std::vector<double> values;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const std::size_t comma = line.find(',');
    if (comma != 19) return std::nullopt;
    std::string text = line.substr(0, comma) + "Z";
    text[10] = 'T';
    Timestamp time = 0;
    if (!parse_iso(text, time)) return std::nullopt;
    out.times.push_back(time);
    values.push_back(std::strtod(line.c_str() + comma + 1, nullptr));
  }
  out.values = std::move(values);
  return out;
}

std::vector<model::Series> read_nab(const fs::path& root) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root / "data"))
    if (entry.path().extension() == ".csv") paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<model::Series> out;
  for (const fs::path& path : paths) {
    auto series = read_csv(path);
    if (!series) continue;
    series->signal = static_cast<model::SignalId>(out.size() + 1);
    out.push_back(std::move(*series));
  }
  return out;
}

const std::vector<double>& reals_of(const model::Series& series) {
  return std::get<std::vector<double>>(series.values);
}

std::string raw(const model::Series& series) {
  std::string out(reinterpret_cast<const char*>(series.times.data()), series.size() * sizeof(Timestamp));
  out.append(reinterpret_cast<const char*>(reals_of(series).data()), series.size() * sizeof(double));
  return out;
}

std::vector<Batch> in_batches(const std::vector<model::Series>& all) {
  std::vector<Batch> out;
  for (const model::Series& series : all) {
    for (std::size_t from = 0; from < series.size(); from += kBatch) {
      const auto first = static_cast<std::ptrdiff_t>(from);
      const auto last = static_cast<std::ptrdiff_t>(std::min(series.size(), from + kBatch));
      model::Series part;
      part.signal = series.signal;
      part.times.assign(series.times.begin() + first, series.times.begin() + last);
      part.values = std::vector<double>(reals_of(series).begin() + first, reals_of(series).begin() + last);
      out.push_back({std::move(part)});
    }
  }
  return out;
}

// Bytes that xz -9 makes of each series by itself, added up; 0 if there is no xz.
std::uint64_t xz_bytes(const std::vector<model::Series>& all) {
  const fs::path path = fs::temp_directory_path() / ("weir-bench-" + std::to_string(random_u64()));
  const std::unique_ptr<const fs::path, void (*)(const fs::path*)> remover(&path, [](const fs::path* file) {
    std::error_code ignored;
    fs::remove(*file, ignored);
  });
  std::uint64_t total = 0;
  for (const model::Series& series : all) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << raw(series);
    FILE* pipe = popen(("xz -9 -c " + path.string() + " 2>/dev/null | wc -c").c_str(), "r");
    if (pipe == nullptr) return 0;
    unsigned long long size = 0;
    const bool counted = std::fscanf(pipe, "%llu", &size) == 1 && size > 0;
    if (pclose(pipe) != 0 || !counted) return 0;
    total += size;
  }
  return total;
}

// A day of a sensor with two decimals, where there is no other data.
std::vector<model::Series> made_up() {
  std::vector<model::Series> out(8);
  std::uint64_t state = 1;
  for (model::Series& series : out) {
    std::vector<double> values;
    double level = 2'000;
    for (int i = 0; i < 8'000; ++i) {
      level += static_cast<double>(split_mix(state) % 21) - 10;
      series.times.push_back(1'763'683'200 * kSecond + i * kSecond);
      values.push_back(std::round(level) / 100);
    }
    series.values = std::move(values);
  }
  return out;
}

// 200 signals of 20 devices: temperatures and the like, counters, states, and singles that a PLC computed.
// With `apart` each has an instant of its own; else those of a device share one, as when it is polled.
Batch commit(bool apart) {
  Batch out(200);
  std::uint64_t state = 7;
  Timestamp polled = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (apart || i % 10 == 0) polled = 1'763'683'200 * kSecond + static_cast<Timestamp>(split_mix(state) % kSecond);
    const auto number = static_cast<double>(split_mix(state) % 50'000);
    model::Value value = number / 100;
    if (i % 10 >= 4) value = number / 10;
    if (i % 10 == 7) value = static_cast<std::int64_t>(split_mix(state) % 1'000'000);
    if (i % 10 == 8) value = split_mix(state) % 2 == 0;
    if (i % 10 == 9) value = static_cast<double>(static_cast<float>(std::sqrt(number)));
    out[i].signal = static_cast<model::SignalId>(i + 1);
    out[i].append({.time = polled, .value = value, .quality = model::kGood});
  }
  return out;
}

std::string as_json(const Batch& batch) {
  std::string out = "[";
  for (const model::Series& series : batch) {
    if (out.size() > 1) out += ',';
    out += R"({"signal":"device-)" + std::to_string(series.signal / 10) + "/signal-" +
           std::to_string(series.signal % 10) + R"(","time":")" + to_iso(series.times.front()) + R"(","value":)" +
           model::to_text(series.value(0)) + '}';
  }
  return out + ']';
}

std::string encoded(const Batch& batch) {
  std::string out;
  codec::encode(batch, out);
  return out;
}

void measure_size(const std::vector<model::Series>& nab, Report& report) {
  double readings = 0, bytes = 0;
  for (const model::Series& series : nab) readings += static_cast<double>(series.size());
  for (const Batch& batch : in_batches(nab)) bytes += static_cast<double>(encoded(batch).size());
  const std::string name = "wire bytes per reading, nab in batches of 1,000";
  report.add(name + ", raw", "bytes", bytes / readings, 16);
  if (const std::uint64_t xz = xz_bytes(nab); xz > 0) {
    report.add(name + ", xz -9 of whole series", "bytes", bytes / readings, static_cast<double>(xz) / readings);
  } else {
    report.note("xz is not installed: its floor is left out");
  }
}

void measure_commit(Report& report) {
  for (const bool apart : {false, true}) {
    const Batch batch = commit(apart);
    const auto readings = static_cast<double>(batch.size());
    report.add(std::string("wire bytes per reading, commit of 200 signals, ") +
                   (apart ? "an instant each" : "polled by device") + ", JSON",
               "bytes", static_cast<double>(encoded(batch).size()) / readings,
               static_cast<double>(as_json(batch).size()) / readings);
  }
}

// Nanoseconds for all items, as the sum of the best windows of groups of them: a group is short enough to be
// run undisturbed on a busy machine, and large enough not to be learned by heart by the processor.
template <class Item>
double best_in_groups(const std::vector<Item>& items, const std::function<void(const Item&)>& run) {
  constexpr std::size_t kGroup = 20;
  double total = 0;
  for (std::size_t from = 0; from < items.size(); from += kGroup) {
    const std::span<const Item> group = std::span(items).subspan(from, std::min(kGroup, items.size() - from));
    total += best_of(kWindows, [&] {
      for (const Item& item : group) run(item);
    });
  }
  return total;
}

void measure_time(const std::vector<Batch>& batches, const std::string& what, Report& report) {
  double readings = 0;
  std::vector<std::string> blocks, columns, frames;
  for (const Batch& batch : batches) {
    readings += static_cast<double>(batch.front().size());
    blocks.push_back(encoded(batch));
    columns.push_back(raw(batch.front()));
    std::string frame(ZSTD_compressBound(columns.back().size()), '\0');
    frame.resize(ZSTD_compress(frame.data(), frame.size(), columns.back().data(), columns.back().size(), 1));
    frames.push_back(std::move(frame));
  }
  std::string out;
  const double encoding = best_in_groups<Batch>(batches, [&](const Batch& batch) {
    out.clear();
    codec::encode(batch, out);
  });
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  std::string room(ZSTD_compressBound(kBatch * 16), '\0');
  const double packing = best_in_groups<std::string>(columns, [&](const std::string& column) {
    ZSTD_compressCCtx(context.get(), room.data(), room.size(), column.data(), column.size(), 1);
  });
  report.add("encoding with compression, " + what + ", zstd -1 of raw columns", "ns per reading", encoding / readings,
             packing / readings);

  bool fine = true;
  const double decoding = best_in_groups<std::string>(
      blocks, [&](const std::string& block) { fine = codec::decode(block).has_value() && fine; });
  if (!fine) report.note("a block did not decode: the figure for decoding is worth nothing");
  const double unpacking = best_in_groups<std::string>(frames, [&](const std::string& frame) {
    ZSTD_decompress(room.data(), room.size(), frame.data(), frame.size());
  });
  report.add("decoding, " + what + ", zstd of raw columns", "ns per reading", decoding / readings,
             unpacking / readings);
}

void measure_small(Report& report) {
  const Batch batch = commit(false);
  std::string out;
  const double encoding = best_of(kWindows * 20, [&] {
    out.clear();
    codec::encode(batch, out);
  });
  report.add("encoding with compression, commit of 200 signals", "ns per reading",
             encoding / static_cast<double>(batch.size()), 0);
}

}  // namespace

void add_codec(CLI::App& app, Report& report) {
  const auto path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("codec", "Bytes on the wire and nanoseconds per reading");
  command->add_option("--nab", *path,
                      "The folder of the Numenta Anomaly Benchmark's data (else shared/nab or ../shared/nab)");
  command->callback([path, &report] {
    const auto folder = find_nab(*path);
    const std::vector<model::Series> nab = folder ? read_nab(*folder) : std::vector<model::Series>{};
    if (nab.empty()) report.note("there is no NAB data (--nab): its sizes are left out, times are of made-up data");
    else measure_size(nab, report);
    measure_commit(report);
    if (nab.empty()) measure_time(in_batches(made_up()), "made-up batches of 1,000", report);
    else measure_time(in_batches(nab), "nab in batches of 1,000", report);
    measure_small(report);
  });
}

}  // namespace weir::bench
