// weir-bench detect: how much a detector finds, and what it takes for each reading and each signal.
//
// The floor of the time: an exponentially weighted mean over the same readings, the least that a detector could do.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "bench.h"
#include "csv/reader.h"
#include "csv/text.h"
#include "detect/detector.h"
#include "nab_score.h"
#include "rig.h"

namespace weir::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kWindows = 5;

struct Given {
  std::string folder;
  std::vector<std::string> detectors;
  std::string sensitivity = "normal";
  std::size_t folds = 5;
  bool per_file = false;
};

struct Recording {
  std::string key;  // below data/
  std::vector<Timestamp> times;
  std::vector<double> values;
  std::vector<nab::Window> windows;
};

bool is_labelled(const fs::path& path) {
  return fs::is_directory(path / "data") && fs::is_directory(path / "labels");
}

std::optional<fs::path> find_folder(const std::string& given) {
  if (!given.empty() && !is_labelled(given)) give_up(given + " has no folders data and labels");
  for (const fs::path& path : {fs::path(given), fs::path("shared/nab"), fs::path("../shared/nab")})
    if (!path.empty() && is_labelled(path)) return path;
  return std::nullopt;
}

// A row that is no reading is there, too, so that rows keep their numbers: no detector judges what is not finite.
Recording read_recording(const fs::path& path, std::string key) {
  Recording out;
  out.key = std::move(key);
  std::ifstream file(path, std::ios::binary);
  csv::Reader reader(file);
  if (!file) give_up("cannot read " + path.string());
  if (const auto header = reader.read_header(); !header) give_up(path.string() + ": " + header.error().what);
  const auto time_column = reader.column("timestamp"), value_column = reader.column("value");
  if (!time_column || !value_column) give_up(path.string() + " has no columns timestamp and value");
  for (csv::Reader::Step step; (step = reader.next()) != csv::Reader::Step::end;) {
    Timestamp time = 0;
    double value = std::nan("");
    if (step == csv::Reader::Step::wrong || !csv::parse_time(reader.fields()[*time_column], time))
      time = out.times.empty() ? 0 : out.times.back();
    else csv::parse_number(reader.fields()[*value_column], value);
    out.times.push_back(time);
    out.values.push_back(value);
  }
  return out;
}

// Limits of windows are times of rows; where they are none, the window begins and ends with rows within.
nab::Window window_of(const Recording& recording, Timestamp from, Timestamp to) {
  const auto& times = recording.times;
  const auto later = [&](Timestamp than) {
    return std::ranges::find_if(times, [&](Timestamp time) { return time > than; });
  };
  auto first = std::ranges::find(times, from);
  const auto last = std::ranges::find(times, to);
  if (first == times.end()) first = later(from);
  const auto end = last == times.end() ? later(to) : last + 1;
  if (first >= end) give_up(recording.key + ": no row is within a window of its labels");
  return {static_cast<std::size_t>(first - times.begin()), static_cast<std::size_t>(end - times.begin()) - 1};
}

std::vector<Recording> read_folder(const fs::path& folder) {
  const auto text = read_file(folder / "labels" / "combined_windows.json");
  if (!text) give_up(text.error().text());
  const auto labels = parse_json(*text);
  if (!labels || labels->as_map() == nullptr) give_up("labels/combined_windows.json is no object of windows by file");
  std::vector<Recording> out;
  for (const Node::Member& member : *labels->as_map()) {
    Recording recording = read_recording(folder / "data" / member.key, member.key);
    if (member.value.as_list() == nullptr) give_up(member.key + ": its labels are no list");
    for (const Node& window : *member.value.as_list()) {
      Timestamp from = 0, to = 0;
      const Node::List* ends = window.as_list();
      if (ends == nullptr || ends->size() != 2 || !(*ends)[0].as_string() || !(*ends)[1].as_string() ||
          !csv::parse_time(*(*ends)[0].as_string(), from) || !csv::parse_time(*(*ends)[1].as_string(), to))
        give_up(member.key + ": a window is [time, time]");
      recording.windows.push_back(window_of(recording, from, to));
    }
    out.push_back(std::move(recording));
  }
  std::ranges::sort(out, {}, &Recording::key);
  return out;
}

std::unique_ptr<detect::Detector> make(const detect::Settings& settings) {
  auto made = detect::make_detector(settings);
  if (!made) give_up(made.error().text());
  return std::move(*made);
}

// As `weir detect` does it: what is not later than the reading before is not judged.
std::vector<double> judge(const Recording& recording, detect::Detector& detector) {
  std::vector<double> out;
  out.reserve(recording.times.size());
  std::optional<Timestamp> last;
  for (std::size_t i = 0; i < recording.times.size(); ++i) {
    const bool later = std::isfinite(recording.values[i]) && (!last || recording.times[i] > *last);
    out.push_back(later ? detector.judge(recording.times[i], recording.values[i]).score : 0);
    if (later) last = recording.times[i];
  }
  return out;
}

void score(const std::vector<Recording>& recordings, const detect::Settings& settings, const Given& given,
           Report& report) {
  std::vector<nab::File> files;
  for (const Recording& recording : recordings) {
    const auto detector = make(settings);
    files.emplace_back(recording.key, judge(recording, *detector), recording.windows);
  }
  std::vector<const nab::File*> all;
  for (const nab::File& file : files) all.push_back(&file);
  const double shipped = detect::threshold(settings);
  const std::string name = settings.method + ", ";
  char text[160];
  for (const nab::Profile& profile : nab::kProfiles) {
    const nab::Tally tally = nab::tally(files, profile, shipped);
    const double best = nab::best_threshold(all, profile);
    report.add(name + profile.name + ", shipped threshold", "points", tally.points(profile), 0);
    report.add(name + profile.name + ", best threshold, in-sample", "points",
               nab::tally(files, profile, best).points(profile), 0);
    report.add(name + profile.name + ", nested " + std::to_string(given.folds) + "-fold", "points",
               nab::nested(files, profile, given.folds).points(profile), 0);
    std::snprintf(text, sizeof text, "%s%s: threshold %.6g shipped, %.6g best; %zu of %zu windows, %zu false rows",
                  name.c_str(), profile.name, shipped, best, tally.found, tally.windows, tally.false_rows);
    report.note(text);
  }
  if (!given.per_file) return;
  for (const nab::File& file : files) {
    const nab::Tally tally = nab::tally(file, nab::kProfiles[0], shipped);
    std::snprintf(text, sizeof text, "  %-58s raw %7.3f, %zu of %zu windows, %zu false rows", file.key().c_str(),
                  tally.raw, tally.found, tally.windows, tally.false_rows);
    report.note(text);
  }
}

// Where there is no other data: a wave with noise.
std::vector<Recording> made_up() {
  std::vector<Recording> out(20);
  std::uint64_t state = 1;
  for (Recording& recording : out)
    for (int i = 0; i < 5'000; ++i) {
      recording.times.push_back(1'763'683'200 * kSecond + i * kMinute);
      recording.values.push_back(20 + i % 1'440 / 100.0 + static_cast<double>(split_mix(state) % 1'000) / 1'000);
    }
  return out;
}

double mean_loop(const std::vector<Recording>& recordings) {
  volatile double sink = 0;
  return best_of(kWindows, [&] {
    for (const Recording& recording : recordings) {
      double mean = 0;
      for (std::size_t i = 0; i < recording.times.size(); ++i)
        if (recording.times[i] != 0) mean += 0.01 * (recording.values[i] - mean);
      sink = sink + mean;
    }
  });
}

void measure(const std::vector<Recording>& recordings, const detect::Settings& settings, Report& report) {
  double readings = 0;
  for (const Recording& recording : recordings) readings += static_cast<double>(recording.times.size());
  std::size_t bytes = 0, saved = 0;
  double nanoseconds = 0;
  // Each by itself and best of a few: the machine's own troubles are no part of the figure.
  for (const Recording& recording : recordings) {
    nanoseconds += best_of(kWindows, [&] { judge(recording, *make(settings)); });
    const auto detector = make(settings);
    judge(recording, *detector);
    std::string state;
    detector->save(state);
    bytes = std::max(bytes, detector->bytes());
    saved = std::max(saved, state.size());
  }
  report.add(settings.method + ", time", "ns/reading", nanoseconds / readings, mean_loop(recordings) / readings);
  report.add(settings.method + ", state in memory", "bytes/signal", static_cast<double>(bytes), 0);
  report.add(settings.method + ", state saved", "bytes/signal", static_cast<double>(saved), 0);
}

}  // namespace

void add_detect(CLI::App& app, Report& report) {
  const auto given = std::make_shared<Given>();
  CLI::App* command = app.add_subcommand("detect", "How much a detector finds, and what it takes for each reading");
  command->add_option("--folder", given->folder,
                      "Labelled data as the Numenta Anomaly Benchmark has it: data/ and labels/combined_windows.json "
                      "(else shared/nab or ../shared/nab)");
  command->add_option("--detector", given->detectors, "Which, may be repeated; else default");
  command->add_option("--sensitivity", given->sensitivity, "Of the default detector")
      ->check(CLI::IsMember({"low", "normal", "high"}))
      ->capture_default_str();
  command->add_option("--folds", given->folds, "Of the nested k-fold by file")
      ->check(CLI::Range(2, 100))
      ->capture_default_str();
  command->add_flag("--per-file", given->per_file, "What each file adds, standard profile, to stderr");
  command->callback([given, &report] {
    const auto folder = find_folder(given->folder);
    if (!folder) report.note("there is no NAB data (--folder): no scores, and times are of made-up data");
    const std::vector<Recording> recordings = folder ? read_folder(*folder) : made_up();
    if (given->detectors.empty()) given->detectors = {"default"};
    for (const std::string& name : given->detectors) {
      detect::Settings settings;
      settings.method = name;
      detect::parse_sensitivity(given->sensitivity, settings.sensitivity);
      if (folder) score(recordings, settings, *given, report);
      measure(recordings, settings, report);
    }
  });
}

}  // namespace weir::bench
