// weir detect: what is unusual in a file of readings.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "base/file.h"
#include "base/text.h"
#include "calendar/calendar.h"
#include "cli/chart.h"
#include "cli/cli.h"
#include "cli/judged_file.h"
#include "cli/table.h"
#include "detect/detector.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostSaid = 10;      // rows of a file that are wrong
constexpr std::size_t kAlarmsOfAFolder = 3;  // of each file

struct Given {
  fs::path input;
  std::string sensitivity = "normal", window, timezone;
  detect::Settings settings;
  std::shared_ptr<const calendar::Calendar> calendar;
  std::optional<fs::path> out;
  bool plot = false;
};

// A file that has its name only once it is whole.
class NewFile {
 public:
  explicit NewFile(fs::path path) : path_(std::move(path)), part_(path_.string() + ".part") {
    file_ = std::fopen(part_.c_str(), "wb");
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (file_ != nullptr) std::fclose(file_);
    std::error_code ignored;
    if (!done_) fs::remove(part_, ignored);
  }

  std::FILE* file() { return file_; }
  Result<void> finish() {
    const bool written = file_ != nullptr && std::fflush(file_) == 0 && std::ferror(file_) == 0;
    std::error_code error;
    if (written) fs::rename(part_, path_, error);
    if (!written || error) return fail("cannot write " + path_.string(), "is there room, and may it be written to?");
    done_ = true;
    return {};
  }

 private:
  fs::path path_, part_;
  std::FILE* file_ = nullptr;
  bool done_ = false;
};

void say(const std::string& text) { std::fprintf(stderr, "weir: %s\n", printable(text).c_str()); }

std::string score_text(double score) {
  char text[16];
  std::snprintf(text, sizeof text, "%.2f", score);
  return text;
}

void report(const std::string& name, const Findings& findings, std::size_t most_alarms) {
  std::string about =
      name + ": " + count_text(findings.readings, "reading") + " from " + findings.first + " to " + findings.last;
  if (findings.not_judged > 0) about += ", " + count_text(findings.not_judged, "row") + " not judged";
  std::fprintf(stderr, "%s; %s\n", printable(about).c_str(), count_text(findings.alarms, "alarm").c_str());
  if (findings.older > findings.readings)
    say("most rows of " + name + " are older than the one before: sort it by time");
  std::vector<Alarm> shown = findings.worst;
  keep_worst(shown, most_alarms);
  if (shown.empty()) return;
  Table table({{"  WHEN"}, {"READINGS", true}, {"SCORE", true}, {"VALUE", true}, {"WHY"}});
  for (const Alarm& alarm : shown)
    table.add(
        {"  " + alarm.from, std::to_string(alarm.readings), score_text(alarm.score), alarm.value, alarm.reason});
  std::fputs(table.text(Paint(stderr)).c_str(), stderr);
  if (findings.alarms > shown.size())
    std::fprintf(stderr, "  the %zu with the highest scores; %llu more\n", shown.size(),
                 static_cast<unsigned long long>(findings.alarms - shown.size()));
}

// `output` is nowhere for standard output.
Result<Findings> detect_file(const Given& given, const fs::path& input, const std::string& name,
                             const std::optional<fs::path>& output) {
  std::error_code ignored;
  if (output && fs::equivalent(input, *output, ignored))
    return fail("it would be overwritten", "give --out another folder");
  auto detector = detect::make_detector(given.settings, given.calendar);
  if (!detector) return std::unexpected(detector.error());
  std::ifstream in(input, std::ios::binary);
  if (!in) return std::unexpected(file_error("it cannot be opened", errno));
  std::optional<NewFile> file;
  if (output) {
    fs::create_directories(output->parent_path(), ignored);
    file.emplace(*output);
    if (file->file() == nullptr)
      return fail("cannot write " + output->string(), "does the folder exist, and may it be written to?");
  }
  std::FILE* const to = file ? file->file() : stdout;
  std::uint64_t wrong = 0;
  Chart chart;
  JudgeHandlers handlers;
  handlers.row = [&](std::string_view row) { std::fwrite(row.data(), 1, row.size(), to); };
  handlers.wrong = [&](std::uint64_t line, const std::string& why) {
    if (++wrong <= kMostSaid) say(name + ":" + std::to_string(line) + ": not judged: " + why);
  };
  if (given.plot)
    handlers.reading = [&](const JudgedReading& reading) {
      chart.add(reading.time, reading.value, reading.verdict.score);
      if (reading.verdict.anomalous) chart.mark(reading.reason);
    };
  auto findings = judge_file(in, **detector, handlers);
  if (wrong > kMostSaid) say(name + ": and " + count_text(wrong - kMostSaid, "row") + " more that are not judged");
  if (!findings) return findings;
  if (file) {
    if (auto done = file->finish(); !done) return std::unexpected(done.error());
  }
  if (given.plot) {
    const std::string title =
        name + ": " + count_text(findings->alarms, "alarm") + " (" + given.settings.method + ")";
    const fs::path picture = fs::path(*output).replace_extension(".svg");
    if (auto drawn = write_volatile_file(picture, chart.svg(title, detect::threshold(given.settings))); !drawn)
      return std::unexpected(drawn.error());
  }
  return findings;
}

bool is_csv(const fs::path& path) { return lower(path.extension().string()) == ".csv"; }

// The CSV files below, in the order of their names.
Result<std::vector<fs::path>> csv_files(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (is_csv(at->path()) && at->is_regular_file(error)) out.push_back(at->path());
  if (error) return std::unexpected(file_error("cannot read " + folder.string(), error.value()));
  if (out.empty()) return fail("there is no file *.csv in " + folder.string(), "files of readings are NAME.csv");
  std::ranges::sort(out);
  return out;
}

// Whether `inner` is `outer` or somewhere below.
bool is_within(const fs::path& inner, const fs::path& outer) {
  std::error_code ignored;  // what leads nowhere is within nothing
  const fs::path a = fs::weakly_canonical(inner, ignored), b = fs::weakly_canonical(outer, ignored);
  return std::ranges::mismatch(b, a).in1 == b.end();
}

Result<void> detect_folder(const Given& given, bool& whole) {
  if (is_within(*given.out, given.input))
    return fail("--out is within " + given.input.string(), "what is written there would be read the next time");
  const auto files = csv_files(given.input);
  if (!files) return std::unexpected(files.error());
  std::uint64_t readings = 0, alarms = 0, with_alarms = 0;
  for (const fs::path& file : *files) {
    const fs::path relative = file.lexically_relative(given.input);
    const auto findings = detect_file(given, file, relative.string(), *given.out / relative);
    if (!findings) {
      say(relative.string() + ": " + findings.error().text());
      whole = false;
      continue;
    }
    report(relative.string(), *findings, kAlarmsOfAFolder);
    readings += findings->readings;
    alarms += findings->alarms;
    with_alarms += findings->alarms > 0 ? 1 : 0;
  }
  std::fprintf(stderr, "in all %s in %s; %s in %llu of them\n", count_text(readings, "reading").c_str(),
               count_text(files->size(), "file").c_str(), count_text(alarms, "alarm").c_str(),
               static_cast<unsigned long long>(with_alarms));
  return {};
}

Result<void> run_detect(Given& given, bool& whole) {
  detect::parse_sensitivity(given.sensitivity, given.settings.sensitivity);
  if (!given.window.empty()) {
    Nanoseconds window = 0;
    if (!parse_duration(given.window, window))
      return fail("--window: '" + given.window + "' is no duration", "30m, 1h");
    given.settings.window = window;
  }
  if (!given.timezone.empty()) {
    auto calendar = calendar::Calendar::make(given.timezone, {});
    if (!calendar) return context("--timezone", calendar.error());
    given.calendar = std::move(*calendar);
  }
  if (const auto made = detect::make_detector(given.settings); !made) return std::unexpected(made.error());
  std::error_code ignored;
  if (fs::is_directory(given.input, ignored)) {
    if (!given.out) throw CLI::RequiredError("--out, where the results of a folder go,");
    return detect_folder(given, whole);
  }
  if (given.plot && !given.out) throw CLI::RequiredError("--out, beside which --plot puts its picture,");
  const std::string name = given.input.string();
  std::optional<fs::path> output;
  if (given.out) output = *given.out / given.input.filename();
  const auto findings = detect_file(given, given.input, name, output);
  if (!findings) return context(name, findings.error());
  report(name, *findings, Findings::kWorst);
  return {};
}

}  // namespace

void add_detect(CLI::App& app, Context& context) {
  auto given = std::make_shared<Given>();
  std::vector<std::string> methods(detect::methods().begin(), detect::methods().end());
  CLI::App* command = app.add_subcommand("detect", "What is unusual in files of readings");
  command->footer(
      "Example: weir detect pump-3.csv --out results --plot\n"
      "A file is CSV with a header: timestamp,value. Times are ISO 8601 or seconds, ms, us or ns since 1970.\n"
      "Writes timestamp,value,anomaly_score,is_anomaly,reason; on standard error what was found.\n"
      "Exits with 1 if a file could not be read; rows that are no readings are said, counted and not judged.");
  command->add_option("input", given->input, "A CSV file, or a folder: all *.csv below it")->required();
  command->add_option("--detector", given->settings.method, join(methods, ", "))->capture_default_str();
  command->add_option("--sensitivity", given->sensitivity, "Of the default detector: low, normal or high")
      ->check(CLI::IsMember({"low", "normal", "high"}))
      ->capture_default_str();
  command->add_option("--threshold", given->settings.threshold, "Of the others: from where on it is an alarm");
  command->add_option("--window", given->window, "How far back they look: 1h; of flatline, how long is fine");
  command->add_option("--alpha", given->settings.alpha, "Of zscore and ewma: what the newest reading weighs");
  command->add_option("--drift", given->settings.drift, "Of cusum: what is not summed, in standard deviations");
  command->add_option("--timezone", given->timezone, "That days and weeks go by: Europe/Berlin; else UTC");
  command->add_option("--out", given->out, "The folder for the results, else standard output");
  command->add_flag("--plot", given->plot, "A picture (SVG) beside each result");
  command->callback([given, &context] {
    bool whole = true;
    if (auto ok = run_detect(*given, whole); !ok) return failed(context, ok.error());
    if (!whole) context.exit_code = 1;
  });
}

}  // namespace weir::cli
