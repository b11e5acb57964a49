#include <CLI/CLI.hpp>

#include "bench.h"

int main(int argc, char** argv) {
  CLI::App app{"What Weir costs, beside a floor measured in the same run", "weir-bench"};
  weir::bench::Report report;
  bool json = false;
  app.add_flag("--json", json, "An array of {name, unit, figure, floor, ratio} instead of a table");
  app.require_subcommand(1);
  app.fallthrough();
  weir::bench::add_codec(app, report);
  weir::bench::add_seal(app, report);
  weir::bench::add_store(app, report);
  weir::bench::add_rules(app, report);
  weir::bench::add_ingest(app, report);
  weir::bench::add_alert_latency(app, report);
  weir::bench::add_footprint(app, report);
  CLI11_PARSE(app, argc, argv);
  report.print(json);
  return 0;
}
