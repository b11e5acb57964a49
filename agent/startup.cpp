#include "agent/startup.h"

#include "agent/clouds.h"
#include "agent/plan.h"
#include "base/log.h"
#include "rules/engine.h"
#include "weir/v1/log.pb.h"

namespace weir {
namespace {

// What recovery makes of the store: the state as of the last row.
Result<line::State> recover(store::Database& database, store::LogId& last, std::uint64_t& replayed) {
  line::State state(plan::compile);
  store::LogId after = 0;
  auto snapshot = database.newest_snapshot();
  if (!snapshot) return std::unexpected(snapshot.error());
  if (*snapshot) {
    if (auto ok = state.restore((*snapshot)->state); !ok) {
      ok.error().damage = true;
      return std::unexpected(ok.error());
    }
    after = (*snapshot)->at;
  }
  last = after;
  rules::Outputs repeated;  // they were committed with what caused them
  std::optional<Error> damage;
  v1::Commit commit;
  v1::RawRecord raw;
  auto scanned = database.scan(after, [&](store::LogRow row) {
    if (!commit.ParseFromString(row.commit) || !raw.ParseFromString(row.raw)) {
      damage = Error{"row " + std::to_string(row.id) + " of the log is no commit", "weir queue verify", true};
      return false;
    }
    if (auto ok = state.replay(commit, raw, repeated); !ok) {
      damage = Error{"row " + std::to_string(row.id) + " of the log: " + ok.error().what, ok.error().hint, true};
      return false;
    }
    repeated.clear();
    last = row.id;
    ++replayed;
    return true;
  });
  if (!scanned) return std::unexpected(scanned.error());
  if (damage) return std::unexpected(*damage);
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
  store::Options options;
  options.file = config.store.path;
  auto key = plan::store_key(config.store.key_file);
  if (!key) return std::unexpected(std::move(key.error()));
  options.key = *key;
  options.retain = config.store.retain;
  options.limits = plan::limits(config.store);
  options.volatile_bytes = config.store.volatile_bytes;
  options.uplinks = Clouds::streams(config.uplinks);
  std::error_code ignored;  // open() says what is wrong with the folder, and better
  std::filesystem::create_directories(options.file.parent_path(), ignored);
  return store::Database::open(options, clock);
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
Result<void> choose_config(const std::filesystem::path& file, const std::vector<std::filesystem::path>& driver_folders,
                           const Clock& clock, Startup& out) {
  config::Loaded loaded = config::load(file);
  // The kept one is read with the store's path and key, however bad the rest of the file is.
  const auto key_file = loaded.config ? loaded.config->store.key_file : plan::store_key_file(file);
  auto found = look_for_config(loaded.config ? loaded.config->store.path : plan::store_path(file), key_file, clock);
  std::optional<v1::KeptConfig> last_good = found ? *found : std::nullopt;
  // What ran before was checked before: only what is new has to be.
  const bool known = loaded.config && last_good &&
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

  auto database = open_database(out.config, clock);
  if (!database) return std::unexpected(database.error());
  out.database = std::move(*database);
  keep_config(out);
  return {};
}

}  // namespace

Result<Startup> start_up(const std::filesystem::path& config_file,
                         const std::vector<std::filesystem::path>& driver_folders, const Clock& clock) {
  Startup out{{}, {}, {}, {}, line::State(plan::compile), 0, 0, {}};
  if (auto ok = choose_config(config_file, driver_folders, clock, out); !ok) return std::unexpected(ok.error());

  auto state = recover(*out.database, out.last, out.replayed);
  // What may pass (no memory, a lock, a bad cable) is no reason to give up what is in there.
  if (!state && !state.error().damage) return context("the store cannot be read now", state.error());
  if (!state) {
    // Damage that only reading showed. What is there is kept for people; the box goes on with a new one.
    const std::string why = state.error().text();
    out.database.reset();
    auto aside = store::Database::set_aside(out.config.store.path, clock);
    if (!aside) return context(why, aside.error());
    auto database = open_database(out.config, clock);
    if (!database) return std::unexpected(database.error());
    out.database = std::move(*database);
    keep_config(out);
    out.notes.push_back("the store was damaged (" + why + ") and is set aside as " + aside->string() +
                        "; a new one, with a new incarnation, takes its place");
    out.replayed = 0;
    state = recover(*out.database, out.last, out.replayed);
    if (!state) return context(out.config.store.path.string(), state.error());
  }
  out.notes.insert(out.notes.end(), out.database->notes().begin(), out.database->notes().end());
  out.notes.insert(out.notes.end(), state->notes().begin(), state->notes().end());
  out.state = std::move(*state);
  return out;
}

}  // namespace weir
