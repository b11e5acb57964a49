#include <CLI/CLI.hpp>

#include <cstdio>

#include "bench.h"
#include "rig.h"

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
  weir::bench::add_detect(app, report);
  weir::bench::add_footprint(app, report);
  try {
    CLI11_PARSE(app, argc, argv);
  } catch (const weir::bench::GivenUp& given_up) {
    std::fprintf(stderr, "weir-bench: %s\n", given_up.why.c_str());
    return 1;
  }
  report.print(json);
  return 0;
}
