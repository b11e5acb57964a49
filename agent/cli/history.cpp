// weir history: what the box itself still knows of a signal.
#include <algorithm>
#include <cstdio>
#include <limits>
#include <map>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/plot.h"
#include "cli/readings.h"
#include "cli/store_file.h"
#include "cli/table.h"

namespace weir::cli {
namespace {

constexpr std::size_t kRowsOfATable = 100;

struct Given {
  StoreFile file;
  std::string path, since, until, format = "table";
  std::optional<std::size_t> limit;
  bool plot = false;
};

// Both ends included.
struct Period {
  Timestamp from = std::numeric_limits<Timestamp>::min(), to = std::numeric_limits<Timestamp>::max();
};

// What is shown as one row: a reading, or what stands for those of an interval.
struct Row {
  const SignalName* signal = nullptr;
  model::Reading reading;
  Nanoseconds interval = 0;  // 0: a reading as it was
  std::int64_t count = 0;
  std::optional<std::pair<double, double>> range;  // min and max
};

std::string thinned_text(const Row& row) {
  std::string out = " (";
  if (row.range) out += short_text(row.range->first) + " to " + short_text(row.range->second) + ", ";
  return out + std::to_string(row.count) + " in " + to_text(std::chrono::nanoseconds(row.interval)) + ")";
}

class Output {
 public:
  virtual ~Output() = default;
  virtual void row(const Row& row) = 0;
  virtual void end() {}
};

class TableOutput final : public Output {
 public:
  explicit TableOutput(bool with_path) : with_path_(with_path) {}

  void row(const Row& row) override {
    if (std::exchange(first_, false)) print("TIME", "PATH", "VALUE", "QUALITY");
    std::string value = short_text(row.reading.value);
    if (!row.signal->unit.empty()) value += " " + row.signal->unit;
    const std::string quality = model::to_text(row.reading.quality);
    if (row.interval == 0) {
      print(time_text(row.reading.time), row.signal->path, value, paint_(colour_of(quality), quality));
    } else {
      print(time_text(row.reading.time), row.signal->path, value + thinned_text(row), paint_(Colour::dim, "thinned"));
    }
  }

 private:
  // Columns grow as needed: what comes next is not known.
  void print(const std::string& time, const std::string& path, const std::string& value, const std::string& quality) {
    std::string line = aligned(time, widths_[0]);
    if (with_path_) line += aligned(printable(path), widths_[1]);
    std::printf("%s%s%s\n", line.c_str(), aligned(printable(value), widths_[2]).c_str(), quality.c_str());
  }

  static std::string aligned(const std::string& text, std::size_t& columns) {
    const std::size_t own = width(text);
    columns = std::max(columns, std::min<std::size_t>(own, 60));
    return text + std::string(columns - std::min(columns, own) + 2, ' ');
  }

  const bool with_path_;
  const Paint paint_{stdout};
  bool first_ = true;
  std::size_t widths_[3] = {24, 20, 14};
};

class CsvOutput final : public Output {
 public:
  CsvOutput() { std::puts("time,path,value,unit,quality,min,max,count,interval"); }

  void row(const Row& row) override {
    const model::Reading& reading = row.reading;
    std::printf("%s,%s,%s,%s,%s,", to_iso(reading.time).c_str(), csv(row.signal->path).c_str(),
                csv(model::to_text(reading.value)).c_str(), csv(row.signal->unit).c_str(),
                csv(model::to_text(reading.quality)).c_str());
    if (row.range)
      std::printf("%s,%s,", model::to_text(row.range->first).c_str(), model::to_text(row.range->second).c_str());
    else std::fputs(",,", stdout);
    if (row.interval > 0)
      std::printf("%lld,%s\n", static_cast<long long>(row.count),
                  to_text(std::chrono::nanoseconds(row.interval)).c_str());
    else std::puts(",");
  }
};

// An array, an element a line.
class JsonOutput final : public Output {
 public:
  JsonOutput() { std::fputs("[", stdout); }

  void row(const Row& row) override {
    const model::Reading& reading = row.reading;
    Node node = Node::object();
    node.set("time", to_iso(reading.time)).set("path", row.signal->path).set("value", json_value(reading.value));
    node.set("unit", row.signal->unit).set("quality", model::to_text(reading.quality));
    if (row.range) node.set("min", row.range->first).set("max", row.range->second);
    if (row.interval > 0)
      node.set("count", row.count).set("interval", to_text(std::chrono::nanoseconds(row.interval)));
    std::printf("%s\n%s", first_ ? "" : ",", to_json(node).c_str());
    first_ = false;
  }

  void end() override { std::puts("\n]"); }

 private:
  bool first_ = true;
};

std::unique_ptr<Output> make_output(const std::string& format, bool with_path) {
  if (format == "csv") return std::make_unique<CsvOutput>();
  if (format == "json") return std::make_unique<JsonOutput>();
  return std::make_unique<TableOutput>(with_path);
}

// The newest rows, at most so many, in the order of their times.
class Newest {
 public:
  explicit Newest(std::size_t most) : most_(most) {}

  bool wants(Timestamp time) const { return time >= oldest_; }

  void add(Row row) {
    rows_.push_back(std::move(row));
    if (rows_.size() >= 2 * most_ + 1'000) shrink();
  }

  std::vector<Row> take() {
    if (rows_.size() > most_) shrink();
    std::ranges::stable_sort(rows_, {}, [](const Row& row) { return row.reading.time; });
    return std::move(rows_);
  }

 private:
  // Those of the same time that came later are taken for newer.
  void shrink() {
    std::ranges::stable_sort(rows_, {}, [](const Row& row) { return row.reading.time; });
    rows_.erase(rows_.begin(), rows_.end() - static_cast<std::ptrdiff_t>(most_));
    oldest_ = rows_.front().reading.time;
  }

  std::size_t most_;
  std::vector<Row> rows_;
  Timestamp oldest_ = std::numeric_limits<Timestamp>::min();
};

std::optional<double> number_of(const model::Value& value) {
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  return std::nullopt;
}

class Curves {
 public:
  Curves(const Period& period, PlotLook look) : period_(period), look_(look) {}

  void add(const SignalName& signal, const model::Series& series) {
    Curve& curve = this->curve(signal);
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (series.times[i] < period_.from || series.times[i] > period_.to) continue;
      const auto value = number_of(series.value(i));
      if (!value) ++curve.no_number;
      else if (series.quality(i).bad()) ++curve.bad;
      else curve.plot.add(series.times[i], *value);
    }
  }

  void add(const SignalName& signal, const Thinned& thinned) {
    Curve& curve = this->curve(signal);
    for (std::size_t i = 0; i < thinned.values.size(); ++i) {
      const auto value = number_of(thinned.values.value(i));
      if (!value) ++curve.no_number;
      else if (thinned.min.empty()) curve.plot.add(thinned.values.times[i], *value);
      else curve.plot.add(thinned.values.times[i], thinned.min[i], *value, thinned.max[i]);
    }
  }

  // False if there was nothing to be drawn.
  bool print() const {
    const Paint paint(stdout);
    bool first = true;
    for (const auto& [path, curve] : curves_) {
      if (curve.plot.empty() && curve.no_number == 0 && curve.bad == 0) continue;
      std::string about;
      if (!curve.plot.empty())
        about = "min " + short_text(curve.plot.min()) + ", max " + short_text(curve.plot.max()) + ", last " +
                short_text(curve.plot.last()) + (curve.unit.empty() ? "" : " " + curve.unit) + ", of " +
                count_text(curve.plot.count(), "reading");
      if (curve.bad > 0) about += (about.empty() ? "" : "; ") + std::to_string(curve.bad) + " bad ones are left out";
      if (curve.no_number > 0)
        about +=
            (about.empty() ? "" : "; ") + std::to_string(curve.no_number) + " are no numbers; try --format table";
      std::printf("%s%s  %s\n", first ? "" : "\n", paint(Colour::green, printable(path)).c_str(),
                  printable(about).c_str());
      if (!curve.plot.empty()) std::fputs(curve.plot.text().c_str(), stdout);
      first = false;
    }
    return !first;
  }

 private:
  struct Curve {
    Plot plot;
    std::string unit;
    std::uint64_t bad = 0, no_number = 0;
  };

  Curve& curve(const SignalName& signal) {
    const auto it = curves_.find(signal.path);
    if (it != curves_.end()) return it->second;
    return curves_.emplace(signal.path, Curve{Plot(period_.from, period_.to, look_), signal.unit}).first->second;
  }

  Period period_;
  PlotLook look_;
  std::map<std::string, Curve, std::less<>> curves_;
};

// Hands on the readings of a period as rows: all of them as they come, or the newest of them at the end.
class Rows {
 public:
  Rows(const Period& period, std::unique_ptr<Output> output, std::size_t limit)
      : period_(period), output_(std::move(output)), limit_(limit), newest_(limit) {}

  void add(const SignalName& signal, const model::Series& series) {
    for (std::size_t i = 0; i < series.size(); ++i)
      if (counts(series.times[i])) use({&signal, series.reading(i), 0, 0, {}});
  }

  void add(const SignalName& signal, const Thinned& thinned) {
    for (std::size_t i = 0; i < thinned.values.size(); ++i) {
      if (!counts(thinned.values.times[i])) continue;
      Row row{&signal, thinned.values.reading(i), thinned.interval, thinned.counts[i], {}};
      if (!thinned.min.empty()) row.range.emplace(thinned.min[i], thinned.max[i]);
      use(std::move(row));
    }
  }

  // False if there was none.
  bool end() {
    for (const Row& row : newest_.take()) output_->row(row);
    output_->end();
    std::fflush(stdout);
    if (limit_ > 0 && count_ > limit_)
      std::fprintf(stderr, "weir: the newest %zu of %llu readings; more with --limit, all with --limit 0\n", limit_,
                   static_cast<unsigned long long>(count_));
    return count_ > 0;
  }

 private:
  bool counts(Timestamp time) {
    if (time < period_.from || time > period_.to) return false;
    ++count_;
    return limit_ == 0 || newest_.wants(time);
  }

  void use(Row row) {
    if (limit_ == 0) output_->row(row);
    else newest_.add(std::move(row));
  }

  const Period period_;
  std::unique_ptr<Output> output_;
  const std::size_t limit_;
  std::uint64_t count_ = 0;
  Newest newest_;
};

Result<std::optional<Timestamp>> last_commit(store::Database& database) {
  std::optional<Timestamp> time;
  const store::LogId last = database.stats().last;
  if (last == 0) return time;
  const auto scanned = database.scan(last - 1, [&](const store::LogRow& row) {
    time = row.time;
    return false;
  });
  if (!scanned) return std::unexpected(scanned.error());
  return time;
}

// What is asked for, as far as it is; the hour before the log ends if nothing is.
Result<Period> period(const Given& given, Timestamp now, Timestamp log_end) {
  Period out;
  if (!given.until.empty()) {
    const auto until = parse_when("--until", given.until, now);
    if (!until) return std::unexpected(until.error());
    out.to = *until;
  } else if (given.plot) {
    out.to = log_end;
  }
  if (!given.since.empty()) {
    const auto since = parse_when("--since", given.since, now);
    if (!since) return std::unexpected(since.error());
    out.from = *since;
  } else {
    out.from = std::min(out.to, log_end) - kHour;
  }
  if (out.from > out.to && !given.until.empty())
    return fail("--since " + time_text(out.from) + " is later than --until " + time_text(out.to), "swap them");
  return out;
}

Error nothing_found(const Readings& readings, const std::string& path, const Period& period, Timestamp log_end) {
  bool known = false;
  std::vector<std::string_view> paths;
  for (const auto& [id, name] : readings.names()) {
    known = known || name.wanted;
    paths.push_back(name.path);
  }
  if (known)
    return {"no readings of " + path + " since " + time_text(period.from),
            "the log ends at " + time_text(log_end) +
                "; ask for more with --since 7d. Values that rules derive are not in it"};
  const std::string meant = did_you_mean(path, paths);
  return {"no signal that the store knows matches '" + path + "'",
          meant.empty() ? "weir drivers --paths lists them" : meant};
}

Result<void> run_history(const Context& context, const Given& given, bool& whole) {
  const SystemClock clock;
  auto pattern = parse_pattern("PATH", given.path);
  if (!pattern) return std::unexpected(pattern.error());
  const bool one = pattern->is_literal();
  auto opened = open_to_look(context, given.file, clock);
  if (!opened) return std::unexpected(opened.error());
  store::Database& database = *opened->database;
  const auto log_end = last_commit(database);
  if (!log_end) return std::unexpected(log_end.error());
  if (!*log_end)
    return fail("the log of " + opened->path.string() + " is empty", "has the agent taken anything yet?");
  const auto asked = period(given, clock.now(), **log_end);
  if (!asked) return std::unexpected(asked.error());

  // A reading may have been committed this much before its own time.
  const Nanoseconds ahead = opened->config ? opened->config->future_tolerance : config::Config().future_tolerance;
  const auto begin =
      database.first_since(std::max(asked->from, std::numeric_limits<Timestamp>::min() + ahead) - ahead);
  if (!begin) return std::unexpected(begin.error());

  Readings readings(database, std::move(*pattern));
  const auto run = [&](auto& shown) {
    return readings.run(
        *begin,
        {.series = [&](const SignalName& name, const model::Series& series) { shown.add(name, series); },
         .thinned = [&](const SignalName& name, const Thinned& thinned) { shown.add(name, thinned); },
         .wrong = [](const std::string& what) { std::fprintf(stderr, "weir: %s\n", printable(what).c_str()); }});
  };
  bool any = false;
  if (given.plot) {
    Curves curves(*asked, {.width = terminal_width(stdout), .unicode = is_utf8_locale()});
    whole = run(curves);
    any = curves.print();
  } else {
    const std::size_t usual = given.format == "table" ? kRowsOfATable : 0;
    Rows rows(*asked, make_output(given.format, !one), given.limit.value_or(usual));
    whole = run(rows);
    any = rows.end();
  }
  if (!any) return std::unexpected(nothing_found(readings, given.path, *asked, **log_end));
  return {};
}

}  // namespace

void add_history(CLI::App& app, Context& context) {
  auto given = std::make_shared<Given>();
  CLI::App* history = app.add_subcommand("history", "The readings of a signal that the box still has");
  history->footer(
      "Example: weir history boiler-1/temperature --since 2h --plot\n"
      "Of a running or a stopped agent, or of a store that was set aside (--store). May have to be run as root or "
      "as\n"
      "the user weir. Exits with 1 if there is nothing to show, or if a part could not be read.");
  history->add_option("path", given->path, "device/signal, or a pattern: 'boiler-{n}/temperature', '*/temperature'")
      ->required();
  history->add_option("--since", given->since, "A time, or so long ago: 2h; else the last hour of the log");
  history->add_option("--until", given->until, "A time, or so long ago");
  CLI::Option* format = history->add_option("--format", given->format, "table, csv or json")
                            ->check(CLI::IsMember({"table", "csv", "json"}))
                            ->capture_default_str();
  history->add_flag("--plot", given->plot, "A curve for each signal, as wide as the terminal")->excludes(format);
  history->add_option("--limit", given->limit, "Only the newest so many, by time; 0: all. Of a table, else 100");
  add_store_options(*history, given->file);
  history->callback([given, &context] {
    bool whole = true;
    if (auto ok = run_history(context, *given, whole); !ok) return failed(context, ok.error());
    if (!whole) context.exit_code = 1;
  });
}

}  // namespace weir::cli
