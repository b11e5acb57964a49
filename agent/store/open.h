// How a store's file is opened, and replaced when it is damaged: what SteadyDatabase stands on. The caller has the
// store's lock. open.cpp decides whether a file may be opened; an error says by `damage` and `unwritable` what may
// be done about it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/salvage.h"
#include "store/sqlite_database.h"

namespace weir::store {

// For writing; made if there is none.
Result<std::unique_ptr<SqliteDatabase>> open_file(const Options& options, const Clock& clock,
                                                  std::vector<std::string> notes);

// For reading only, and without a trace: no lock, no -shm, and the WAL is read all the same. For a disk that takes
// nothing. Nothing if there is no store there yet.
Result<std::unique_ptr<SqliteDatabase>> look_into(const Options& options, const Clock& clock);

// Sets a damaged file aside and puts what can be saved of it in its place. What a person should know of it comes
// back.
Result<std::vector<std::string>> replace_damaged(const Options& options, const Clock& clock, const std::string& why,
                                                 const Known& known);

}  // namespace weir::store
