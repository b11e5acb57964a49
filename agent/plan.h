// From a config to what runs: functions without state, each from config's structs to another room's.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/diagnostic.h"
#include "base/error.h"
#include "bus/broker.h"
#include "config/config.h"
#include "model/path.h"
#include "mqtt/client.h"
#include "rules/engine.h"
#include "store/database.h"
#include "supervisor/supervisor.h"
#include "weir/v1/log.pb.h"

namespace weir::plan {

// Rule files and the site they are for, as they stand in the log, and back to what the engine runs.
v1::RulesChanged rule_files(const config::Config& config);
rules::Compiled compile(const v1::RulesChanged& rules);

// What rules know of the site.
rules::Site site(const config::Site& site);

v1::KeptConfig kept(const config::Config& config, const std::filesystem::path& folder);
config::Loaded load(const v1::KeptConfig& kept);

inline constexpr const char* kUsualStore = "/var/lib/weir/weir.db";

// The store's file that a config names, even if the rest of it is wrong; else the default.
std::filesystem::path store_path(const std::filesystem::path& config_file);

// The same of the file that its key is in; empty if it names none.
std::filesystem::path store_key_file(const std::filesystem::path& config_file);

// The key in the file; none if `file` is empty.
Result<std::optional<store::Key>> store_key(const std::filesystem::path& file);

// Where drivers, and their checks, find the files that their options name: told to them by the environment.
void set_config_folder(const std::filesystem::path& config_file);

// Checks all of it: the config's own errors, the rules, each driver's options; with errors in the config,
// whatever else can be checked all the same. Blocking: a driver's check runs its executable. Positions are
// in the files as they were written. `announced`: the signals that are known, for warnings about rules
// that match none of them; may be empty.
struct Checked {
  config::Loaded loaded;
  bool good() const { return loaded.config.has_value() && !has_errors(loaded.diagnostics); }
};
Checked check(config::Loaded loaded, const std::vector<std::filesystem::path>& driver_folders,
              std::span<const model::Signal> announced = {});

// All diagnostics as text, with the lines they speak of.
std::string render(const config::Loaded& loaded);

// What is wrong with good rules while signals are announced as they are, as text: a unit that cannot be converted, a
// pattern that nothing matches. Empty if nothing is.
std::string remarks(const config::Loaded& good, std::span<const model::Signal> announced);

Result<std::vector<supervisor::Spec>> driver_specs(const config::Config& config,
                                                   const std::vector<std::filesystem::path>& driver_folders,
                                                   const std::function<bus::Endpoint(const std::string&)>& endpoint);

std::vector<std::string> driver_names(const config::Config& config);
std::map<std::string, std::vector<model::PathPattern>> writable(const config::Config& config);

store::Limits limits(const config::Store& store);

// What only a start can change stays in `next` as it is in `running`. Returns the keys that differed.
std::vector<std::string> keep_until_restart(config::Config& next, const config::Config& running);

Result<mqtt::Options> bus_options(const config::Bus& bus, const std::string& agent);
Result<mqtt::Options> uplink_options(const config::Uplink& uplink, const std::string& agent);

}  // namespace weir::plan
