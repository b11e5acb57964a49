#include "agent/startup.h"

#include "agent/clouds.h"
#include "agent/plan.h"
#include "base/log.h"
#include "line/digest.h"
#include "rules/engine.h"
#include "weir/v1/log.pb.h"

namespace weir {
namespace {

// What recovery makes of the store: the state as of the last row. What cannot be read is left out and said: the box
// goes on with what is left. An error is the disk's, and may pass.
Result<line::State> recover(store::Database& database, Startup& out) {
  line::State state(plan::compile);
  out.last = 0;
  auto snapshot = database.newest_snapshot();
  if (!snapshot) return std::unexpected(snapshot.error());
  if (*snapshot) {
    out.last = (*snapshot)->at;
    if (auto ok = state.restore((*snapshot)->state); !ok) {
      out.notes.push_back("the snapshot at log row " + std::to_string(out.last) + " is no state (" + ok.error().what +
                          "): rules and signals begin anew with what the log still says");
      state = line::State(plan::compile);
      out.last = 0;
    }
  }
  rules::Outputs repeated;  // they were committed with what caused them
  std::uint64_t unreadable = 0;
  std::string first;
  v1::Commit commit;
  v1::RawRecord raw;
  auto scanned = database.scan(out.last, [&](store::LogRow row) {
    out.last = row.id;
    ++out.replayed;
    Result<void> ok = fail("it is no commit");
    if (commit.ParseFromString(row.commit) && raw.ParseFromString(row.raw)) ok = state.replay(commit, raw, repeated);
    if (!ok && ++unreadable == 1) first = "row " + std::to_string(row.id) + ": " + ok.error().what;
    repeated.clear();
    return true;
  });
  if (!scanned) return std::unexpected(scanned.error());
  if (unreadable > 0)
    out.notes.push_back(std::to_string(unreadable) + " rows of the log cannot be replayed (" + first +
                        "): the state of the rules may lack what they said");
  return state;
}

std::optional<v1::KeptConfig> kept_config(store::Database& database) {
  const auto bytes = database.kept("config");
  v1::KeptConfig kept;
  if (!bytes || !*bytes || !kept.ParseFromString(**bytes)) return std::nullopt;
  return kept;
}

void keep_config(Startup& out) {
  const std::string kept = out.kept.SerializeAsString();
  const auto before = out.database->kept("config");
  if (before && *before == kept) return;  // a flash is not written to without need
  if (auto ok = out.database->keep("config", kept); !ok) log::warn("the config is not kept: {}", ok.error().text());
}

Result<std::unique_ptr<store::Database>> open_database(const config::Config& config, const Clock& clock) {
  const auto options = store_options(config);
  if (!options) return std::unexpected(options.error());
  std::error_code ignored;  // open() says what is wrong with the folder, and better
  std::filesystem::create_directories(options->file.parent_path(), ignored);
  return store::Database::open(*options, clock);
}

// The last good config that a store keeps. Only a look: whose uplinks the store has to keep records for is
// in the config that is looked for.
Result<std::optional<v1::KeptConfig>> look_for_config(const std::filesystem::path& file,
                                                      const std::filesystem::path& key_file, const Clock& clock) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return std::nullopt;
  auto key = plan::store_key(key_file);
  if (!key) return std::unexpected(std::move(key.error()));
  store::Options options;
  options.file = file;
  options.key = *key;
  options.read_only = true;
  const auto database = store::Database::open(options, clock);
  if (!database) return std::unexpected(database.error());
  return kept_config(**database);
}

// The config of the file; if that is bad, the last good one out of the store. The store is opened for
// writing only with a config that is good: one that is not must not touch it.
Result<void> choose_config(const std::filesystem::path& file,
                           const std::vector<std::filesystem::path>& driver_folders, const Clock& clock,
                           Startup& out) {
  config::Loaded loaded = config::load(file);
  // The kept one is read with the store's path and key, however bad the rest of the file is.
  const auto key_file = loaded.config ? loaded.config->store.key_file : plan::store_key_file(file);
  auto found = look_for_config(loaded.config ? loaded.config->store.path : plan::store_path(file), key_file, clock);
  std::optional<v1::KeptConfig> last_good = found ? *found : std::nullopt;
  // What ran before was checked before: only what is new has to be.
  const bool known =
      loaded.config && last_good &&
      last_good->SerializeAsString() == plan::kept(*loaded.config, file.parent_path()).SerializeAsString();
  if (loaded.config && !known) loaded = plan::check(std::move(loaded), driver_folders).loaded;

  if (loaded.config && !has_errors(loaded.diagnostics)) {
    out.kept = plan::kept(*loaded.config, file.parent_path());
    out.config = std::move(*loaded.config);
  } else {
    const std::string why = plan::render(loaded);
    // It may name another store than the one that knows better.
    if (!last_good)
      if (const auto usual = look_for_config(plan::kUsualStore, key_file, clock)) last_good = *usual;
    if (!last_good) {
      const std::string none = found ? "there is no earlier one to run instead" : "an earlier one cannot be read";
      return fail("the configuration has errors, and " + none + ":\n" + why + (found ? "" : found.error().text()),
                  "mend it, and see with: weir check --config " + file.string());
    }
    log::error("the configuration has errors; the last good one runs instead:\n{}", why);
    out.config_problem = ConfigProblem{clock.now(), why};
    config::Loaded before = plan::load(*last_good);
    if (!before.config) return fail("neither the configuration nor the last good one can be used:\n" + why);
    out.kept = *last_good;
    out.config = std::move(*before.config);
  }
  return {};
}

}  // namespace

Result<store::Options> store_options(const config::Config& config) {
  static const line::Digest digest;
  store::Options options;
  options.digest = &digest;
  options.file = config.store.path;
  auto key = plan::store_key(config.store.key_file);
  if (!key) return std::unexpected(std::move(key.error()));
  options.key = *key;
  options.retain = config.store.retain;
  options.limits = plan::limits(config.store);
  options.volatile_bytes = config.store.volatile_bytes;
  options.uplinks = Clouds::streams(config.uplinks);
  return options;
}

Result<Startup> start_up(const std::filesystem::path& config_file,
                         const std::vector<std::filesystem::path>& driver_folders, const Clock& clock,
                         const std::function<void(const config::Config&)>& chosen) {
  Startup out{{}, {}, {}, {}, line::State(plan::compile), 0, 0, {}};
  if (auto ok = choose_config(config_file, driver_folders, clock, out); !ok) return std::unexpected(ok.error());
  chosen(out.config);
  auto database = open_database(out.config, clock);
  if (!database) return std::unexpected(database.error());
  out.database = std::move(*database);
  keep_config(out);

  auto state = recover(*out.database, out);
  if (!state) return context("the store cannot be read now", state.error());
  out.notes.insert(out.notes.end(), state->notes().begin(), state->notes().end());
  for (const std::string& note : out.notes) log::warn("store: {}", note);
  // Those it has logged itself.
  out.notes.insert(out.notes.end(), out.database->notes().begin(), out.database->notes().end());
  out.state = std::move(*state);
  return out;
}

}  // namespace weir
