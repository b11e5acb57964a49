// From files to a state that can run: which configuration, which store, and what its log says.
//
// Blocking; once, before anything else runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/status.h"
#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "line/state.h"
#include "store/database.h"
#include "weir/v1/log.pb.h"

namespace weir {

struct Startup {
  config::Config config;                        // of the file, or the last good one
  v1::KeptConfig kept;                          // it, as the store keeps it
  std::optional<ConfigProblem> config_problem;  // if it is not the file's
  std::unique_ptr<store::Database> database;
  line::State state;  // as of the last row
  store::LogId last = 0;
  std::uint64_t replayed = 0;      // rows
  std::vector<std::string> notes;  // what a person should know of the store
};

// How an agent with this config has its store. An error: the key cannot be read.
Result<store::Options> store_options(const config::Config& config);

// An error is one that no retry would mend: no usable configuration, new or old; a store that must not
// be touched. A damaged store is set aside, and a new one takes its place. `chosen`: the configuration is
// known, and the store is opened next: what does not need it can begin meanwhile.
Result<Startup> start_up(const std::filesystem::path& config_file,
                         const std::vector<std::filesystem::path>& driver_folders, const Clock& clock,
                         const std::function<void(const config::Config&)>& chosen);

}  // namespace weir
