#include <CLI/CLI.hpp>

#include "agent/agent.h"
#include "base/log.h"
#include "cli/cli.h"

namespace weir::cli {

void add_run(CLI::App& app, Context& context) {
  struct Given {
    AgentOptions agent;
    std::string level = "info";
  };
  auto given = std::make_shared<Given>();
  CLI::App* run = app.add_subcommand("run", "Run the agent, until SIGTERM or Ctrl-C");
  run->footer(
      "Example: weir run --config /etc/weir/weir.yaml\nSIGHUP, or weir reload, reads the configuration anew.");
  run->add_option("--drivers", given->agent.drivers_dir, "Folder with weir-driver-KIND executables, searched first");
  run->add_option("--log", given->level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  run->callback([given, &context] {
    log::start("weir", given->level);
    given->agent.config = context.config;
    given->agent.runtime_dir = context.runtime_dir;
    if (auto ended = run_agent(given->agent); !ended) failed(context, ended.error());
  });
}

}  // namespace weir::cli
