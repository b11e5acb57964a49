#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "cli/table.h"

namespace weir::cli {

void add_reload(CLI::App& app, Context& context) {
  CLI::App* reload = app.add_subcommand(
      "reload", "Put the configuration and the rules in place: all, or nothing if there are errors");
  reload->footer(
      "Example: weir reload\nweir check says beforehand whether it would be refused.\n"
      "Drivers and rules that did not change go on undisturbed. Exits with 1 if it was refused; what ran before goes "
      "on.");
  reload->callback([&context] {
    // Each driver is asked about its options, which may take it a while.
    const auto answer = ask(context, Node::object().set("do", "reload"), std::chrono::minutes(1));
    if (!answer) return failed(context, answer.error());
    std::string done = printable(text_of(*answer, "done"), kLines);
    if (!done.ends_with('\n')) done += '\n';
    std::fputs(done.c_str(), stdout);
  });
}

}  // namespace weir::cli
