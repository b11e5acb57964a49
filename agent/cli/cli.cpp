#include "cli/cli.h"

#include <cstdio>

#include <CLI/CLI.hpp>

namespace weir::cli {

void failed(Context& context, const Error& error) {
  std::fprintf(stderr, "weir: %s\n", error.what.c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "      %s\n", error.hint.c_str());
  context.exit_code = 1;
}

int main(int argc, char** argv) {
  CLI::App app("Weir: an IoT edge gateway agent. Readings from devices, through rules, into a store, to the cloud.");
  app.name("weir");
  app.set_version_flag("--version", std::string("weir ") + WEIR_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  Context context;
  app.add_option("--config,-c", context.config, "weir.yaml; rules.d/ is beside it")->capture_default_str();
  app.add_option("--runtime-dir", context.runtime_dir, "Where the agent keeps its socket and status file")
      ->capture_default_str();
  // In the order in which help shows them.
  for (const auto add : {add_run, add_check, add_test, add_replay, add_status, add_alerts, add_tap, add_history,
                         add_detect, add_queue, add_drivers, add_read, add_write, add_explain, add_reload})
    add(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return context.exit_code;
}

}  // namespace weir::cli
