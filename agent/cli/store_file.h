// The store that a command looks at, of a running agent or of none.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "config/config.h"
#include "store/database.h"

namespace weir::cli {

// --store and --key-file; what is empty is as weir.yaml says.
struct StoreFile {
  std::filesystem::path store, key_file;
};

void add_store_options(CLI::App& app, StoreFile& file);

// What to open it with: its path, and its key if it has one.
Result<store::Options> store_options(const Context& context, const StoreFile& file);

struct OpenStore {
  std::filesystem::path path;
  std::unique_ptr<store::Database> database;
  std::optional<config::Config> config;  // that the agent ran with last, if the store tells
};

// To look at, never to change; also beside a running agent.
Result<OpenStore> open_to_look(const Context& context, const StoreFile& file, const Clock& clock);

}  // namespace weir::cli
