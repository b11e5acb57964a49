#include <cstdio>
#include <map>

#include <CLI/CLI.hpp>

#include "agent/plan.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "supervisor/driver.h"

namespace weir::cli {
namespace {

// What the agent that runs knows; nothing if none does, or if it may not be asked.
std::vector<model::Signal> announced(const Context& context) {
  std::vector<model::Signal> out;
  const auto answer = ask(context, Node::object().set("do", "drivers"), std::chrono::seconds(5));
  if (!answer) return out;
  for (const Node& driver : list_of(*answer, "drivers"))
    for (const Node& node : list_of(driver, "signals")) {
      model::Signal signal;
      signal.path = text_of(node, "path");
      signal.unit = text_of(node, "unit");
      signal.writable = is_true(node, "writable");
      if (Nanoseconds interval = 0; parse_duration(text_of(node, "interval"), interval))
        signal.interval = std::chrono::milliseconds(interval / kMillisecond);
      if (model::parse_type(text_of(node, "type"), signal.type)) out.push_back(std::move(signal));
    }
  return out;
}

Node to_node(const Diagnostic& diagnostic) {
  const Position& at = diagnostic.position;
  Node node = Node::object();
  node.set("file", at.file ? *at.file : std::string()).set("line", at.line).set("column", at.column);
  node.set("severity", diagnostic.severity == Diagnostic::Severity::error ? "error" : "warning");
  node.set("message", diagnostic.message).set("hint", diagnostic.hint);
  return node;
}

std::string verdict(const config::Loaded& loaded, const std::filesystem::path& config) {
  std::uint64_t errors = 0;
  for (const Diagnostic& diagnostic : loaded.diagnostics)
    errors += diagnostic.severity == Diagnostic::Severity::error;
  const std::uint64_t warnings = loaded.diagnostics.size() - errors;
  std::string counts;
  if (errors > 0) counts = count_text(errors, "error");
  if (warnings > 0) counts += (counts.empty() ? "" : " and ") + count_text(warnings, "warning");
  if (errors > 0) return counts;
  const std::size_t rules = loaded.sources.size() - 1;
  return config.filename().string() +
         (rules > 0 ? " and " + count_text(rules, "rule file") + " are fine" : " is fine") +
         (counts.empty() ? "" : ", with " + counts);
}

// What the agent that runs would forget; empty if none runs, or another configuration.
std::string would_forget(const Context& context) {
  const auto answer = ask(context, Node::object().set("do", "losing"), std::chrono::seconds(10));
  std::error_code unknown;
  if (!answer || !std::filesystem::equivalent(text_of(*answer, "config"), context.config, unknown)) return {};
  std::string names;
  for (const Node& rule : list_of(*answer, "rules"))
    if (rule.as_string() != nullptr) names += (names.empty() ? "" : ", ") + printable(*rule.as_string());
  if (names.empty()) return {};
  return "a reload would lose the state of these rules, because they compute something else now or are gone: " +
         names +
         "\n  open windows begin anew, raised alerts are forgotten; another message or severity alone loses "
         "nothing\n";
}

}  // namespace

void add_check(CLI::App& app, Context& context) {
  struct Given {
    std::filesystem::path drivers;
    bool json = false;
    bool schema = false;
  };
  auto given = std::make_shared<Given>();
  CLI::App* check =
      app.add_subcommand("check", "Say what is wrong with the configuration, the rules and the drivers' options");
  check->footer(
      "Example: weir check --config /etc/weir/weir.yaml\n"
      "Beside a running agent it also warns of rules that match no signal. Exits with 1 if there are errors.\n"
      "For editors: weir check --schema > weir.schema.json");
  check->add_option("--drivers", given->drivers, "Folder with weir-driver-KIND executables, searched first");
  check->add_flag("--json", given->json, "An array of {file, line, column, severity, message, hint}");
  check->add_flag("--schema", given->schema, "The JSON Schema of weir.yaml, and no check");
  check->callback([given, &context] {
    if (given->schema) {
      std::puts(config::schema().c_str());
      return;
    }
    plan::set_config_folder(context.config);
    const std::vector<model::Signal> known = announced(context);
    const plan::Checked checked =
        plan::check(config::load(context.config), supervisor::driver_folders(given->drivers), known);
    if (given->json) {
      Node::List list;
      for (const Diagnostic& diagnostic : checked.loaded.diagnostics) list.push_back(to_node(diagnostic));
      std::puts(to_json(Node::of(std::move(list))).c_str());
    } else {
      std::fputs(printable(plan::render(checked.loaded), kLines).c_str(), stdout);
      if (checked.good()) std::fputs(would_forget(context).c_str(), stdout);
      std::puts(printable(verdict(checked.loaded, context.config)).c_str());
    }
    if (!checked.good()) context.exit_code = 1;
  });
}

}  // namespace weir::cli
