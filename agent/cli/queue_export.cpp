// weir queue export: the readings of the log, for other programs.
#include <cstdio>
#include <limits>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "cli/queue.h"
#include "cli/readings.h"
#include "cli/table.h"

namespace weir::cli {
namespace {

struct Given {
  std::string format = "csv", since, path;
};

void print(const SignalName& name, const model::Series& series, Timestamp since, bool as_csv) {
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series.times[i] < since) continue;
    const std::string time = to_iso(series.times[i]), quality = model::to_text(series.quality(i));
    const model::Value value = series.value(i);
    if (as_csv) {
      std::printf("%s,%s,%s,%s,%s\n", time.c_str(), csv(name.path).c_str(), csv(model::to_text(value)).c_str(),
                  csv(name.unit).c_str(), csv(quality).c_str());
    } else {
      Node node = Node::object();
      node.set("time", time).set("path", name.path).set("value", json_value(value));
      node.set("unit", name.unit).set("quality", quality);
      std::puts(to_json(node).c_str());
    }
  }
}

Result<void> run_export(const Context& context, const StoreFile& file, const Given& given, bool& whole) {
  const SystemClock clock;
  Timestamp since = std::numeric_limits<Timestamp>::min();
  if (!given.since.empty()) {
    const auto from = parse_when("--since", given.since, clock.now());
    if (!from) return std::unexpected(from.error());
    since = *from;
  }
  std::optional<model::PathPattern> pattern;
  if (!given.path.empty()) {
    auto parsed = parse_pattern("--path", given.path);
    if (!parsed) return std::unexpected(parsed.error());
    pattern = std::move(*parsed);
  }
  auto store = open_to_look(context, file, clock);
  if (!store) return std::unexpected(store.error());
  const bool as_csv = given.format == "csv";
  if (as_csv) std::puts("time,path,value,unit,quality");
  whole =
      Readings(*store->database, std::move(pattern))
          .run(1, {.series = [&](const SignalName& name,
                                 const model::Series& series) { print(name, series, since, as_csv); },
                   .thinned = {},
                   .wrong =
                       [](const std::string& what) { std::fprintf(stderr, "weir: %s\n", printable(what).c_str()); }});
  return {};
}

}  // namespace

void add_queue_export(CLI::App& queue, Context& context, QueueFile file) {
  auto given = std::make_shared<Given>();
  CLI::App* exported = queue.add_subcommand("export", "The readings that are still in the log");
  exported->footer(
      "Example: weir queue export --since 2h --path 'boiler-{n}/temperature' > boilers.csv\n"
      "As they were taken. What was thinned since is shown by weir history.");
  exported->add_option("--format", given->format, "csv or jsonl (JSON lines)")
      ->check(CLI::IsMember({"csv", "jsonl"}))
      ->capture_default_str();
  exported->add_option("--since", given->since, "Only readings since this time, or this long ago: 2h");
  exported->add_option("--path", given->path, "Only signals that match this pattern, as in rules");
  exported->callback([given, file, &context] {
    bool whole = true;
    if (auto ok = run_export(context, *file, *given, whole); !ok) return failed(context, ok.error());
    if (!whole) context.exit_code = 1;
  });
}

}  // namespace weir::cli
