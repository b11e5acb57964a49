// What `weir replay` feeds to rules: the inputs of a log as they came, or readings out of CSV.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "line/state.h"
#include "store/database.h"

namespace weir::cli {

// A set of rules with its state, moved on by one input after the other.
class Player {
 public:
  // Of a log: its rules, as they changed.
  Player();
  // These rules from the start; those of a log are left out.
  static Result<Player> with(const v1::RulesChanged& rules);

  line::State state;
  rules::Outputs outputs;  // for whoever looks; they are to clear it
  bool own_rules = false;
  Timestamp ticked = 0;  // when time was told last

  // Ticks as an agent makes them while something waits: one a second, as long as more than `slack` is left.
  void pass_until(Timestamp time, Nanoseconds slack);
};

struct ReplayHandlers {
  std::function<bool(Timestamp arrival)> stepped;  // all players have taken an input; false ends it
  std::function<void(const std::string&)> wrong;   // what could not be read, and is left out
  std::function<void(const std::string&)> note;
};

struct Replayed {
  std::uint64_t readings = 0;
  Timestamp first = 0, last = 0;  // arrivals
};

// The log of a store, row by row. What arrived after `until` is left out.
Result<Replayed> replay_store(store::Database& database, std::span<Player> players, Timestamp until,
                              const ReplayHandlers& handlers);

// Files of readings, which arrive at their own times; those that are older than what stands before them, with it. The
// files are read twice: first for what types they hold, and for what is wrong with them. `signal`: of files
// that name none; empty: FOLDER/NAME.csv is of FOLDER/NAME. With `until`, time goes on until then; else two seconds.
Result<Replayed> replay_csv(const std::vector<std::filesystem::path>& files, const std::string& signal,
                            std::span<Player> players, std::optional<Timestamp> until,
                            const ReplayHandlers& handlers);

}  // namespace weir::cli
