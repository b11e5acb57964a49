#include "cli/queue.h"

#include <CLI/CLI.hpp>

namespace weir::cli {

void add_queue(CLI::App& app, Context& context) {
  auto file = std::make_shared<StoreFile>();
  CLI::App* queue = app.add_subcommand("queue", "Look at a store, check it, mend it");
  queue->require_subcommand(1);
  queue->footer("Example: weir queue ls\nMay have to be run as root or as the user weir, whose file it is.");
  add_store_options(*queue, *file);
  for (const auto add : {add_queue_ls, add_queue_verify, add_queue_export, add_queue_repair, add_queue_vacuum})
    add(*queue, context, file);
}

}  // namespace weir::cli
