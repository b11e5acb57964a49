// weir queue vacuum: what the store's file does not use, given back to the file system.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "base/text.h"
#include "cli/queue.h"
#include "cli/table.h"
#include "store/maintenance.h"

namespace weir::cli {

void add_queue_vacuum(CLI::App& queue, Context& context, QueueFile file) {
  auto json = std::make_shared<bool>(false);
  CLI::App* vacuum = queue.add_subcommand("vacuum", "Make the store's file as small as what is in it");
  vacuum->footer(
      "Example: weir queue vacuum\n"
      "The agent uses free pages again, so this is for a disk that others need. While it runs, this is refused:\n"
      "systemctl stop weir. It needs room for a copy, and writes all of it once.");
  vacuum->add_flag("--json", *json, "As a document: {before, after}, in bytes");
  vacuum->callback([json, file, &context] {
    const auto options = store_options(context, *file);
    if (!options) return failed(context, options.error());
    // What is no store says so, before anything is made beside it.
    const SystemClock clock;
    if (const auto looked = open_to_look(context, *file, clock); !looked) return failed(context, looked.error());
    const auto vacuumed = store::vacuum(options->file);
    if (!vacuumed) return failed(context, vacuumed.error());
    if (*json)
      std::puts(to_json(Node::object().set("before", vacuumed->before).set("after", vacuumed->after)).c_str());
    else
      std::printf("%s: %s, it was %s\n", printable(options->file.string()).c_str(),
                  bytes_text(vacuumed->after).c_str(), bytes_text(vacuumed->before).c_str());
  });
}

}  // namespace weir::cli
