// weir queue: each of its subcommands in a file of its own, adding itself.
#pragma once

#include <memory>

#include "cli/cli.h"
#include "cli/store_file.h"

namespace weir::cli {

// `file`: which store, as the options of `queue` say once they are parsed.
using QueueFile = std::shared_ptr<StoreFile>;

void add_queue_ls(CLI::App& queue, Context& context, QueueFile file);
void add_queue_verify(CLI::App& queue, Context& context, QueueFile file);
void add_queue_export(CLI::App& queue, Context& context, QueueFile file);
void add_queue_repair(CLI::App& queue, Context& context, QueueFile file);
void add_queue_vacuum(CLI::App& queue, Context& context, QueueFile file);

}  // namespace weir::cli
