// What is done to a store that no agent has open: 'weir queue repair' and 'weir queue vacuum'.
//
// Both take the store's lock, and refuse while an agent has it. Any thread; they block for as long as it takes.
#pragma once

#include "store/salvage.h"

namespace weir::store {

// Salvages the store whether or not anything is wrong with it, and puts the result in its place; the old file is kept
// aside (Salvaged::aside). options as of the agent that uses it: the uplinks' marks are those of these uplinks.
Result<Salvaged> repair(const Options& options, const Clock& clock);

struct Vacuumed {
  std::uint64_t before = 0, after = 0;  // bytes of the file
};

// Gives back to the file system what the file holds and does not use. Needs room for a copy of what is used, which is
// looked for first.
Result<Vacuumed> vacuum(const std::filesystem::path& file);

}  // namespace weir::store
