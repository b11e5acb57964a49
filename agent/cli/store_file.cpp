#include "cli/store_file.h"

#include <CLI/CLI.hpp>

#include "agent/clouds.h"
#include "agent/plan.h"
#include "weir/v1/log.pb.h"
#include "wire/wire.h"

namespace weir::cli {

void add_store_options(CLI::App& app, StoreFile& file) {
  app.add_option("--store", file.store, "The database file; else the one that weir.yaml names");
  app.add_option("--key-file", file.key_file, "The key of an encrypted store; else the one that weir.yaml names");
}

Result<store::Options> store_options(const Context& context, const StoreFile& file) {
  wire::silence_protobuf();
  if (file.store.empty())
    if (const auto there = has_config(context); !there) return std::unexpected(there.error());
  store::Options options;
  options.file = file.store.empty() ? plan::store_path(context.config) : file.store;
  const bool given = !file.key_file.empty();
  const auto key = plan::store_key(given ? file.key_file : plan::store_key_file(context.config));
  if (!key && (given || file.store.empty())) return std::unexpected(key.error());
  if (key) options.key = *key;  // another store's may be plain
  return options;
}

Result<OpenStore> open_to_look(const Context& context, const StoreFile& file, const Clock& clock) {
  auto options = store_options(context, file);
  if (!options) return std::unexpected(options.error());
  options->read_only = true;
  auto database = store::Database::open(*options, clock);
  if (!database) return std::unexpected(database.error());
  OpenStore out{options->file, std::move(*database), std::nullopt};

  // What waits depends on for whom: the config that the agent ran with last says that.
  const auto bytes = out.database->kept("config");
  v1::KeptConfig kept;
  if (!bytes || !*bytes || !kept.ParseFromString(**bytes)) return out;
  out.config = plan::load(kept).config;
  if (!out.config || out.config->uplinks.empty()) return out;
  options->uplinks = Clouds::streams(out.config->uplinks);
  out.database.reset();
  database = store::Database::open(*options, clock);
  if (!database) return std::unexpected(database.error());
  out.database = std::move(*database);
  return out;
}

}  // namespace weir::cli
