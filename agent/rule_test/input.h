// What comes in, in a test: `input:` with series in notation or out of recordings, and `recording:` with all of one.
#pragma once

#include <filesystem>

#include "rule_test/map_reader.h"
#include "rule_test/suite.h"

namespace weir::rule_test {

// Fills signals, arrivals and, where `start_is_given` is false and there is a recording, start. Reads the recordings
// that are named; their paths are relative to `folder`.
void read_input(MapReader& from, const std::filesystem::path& folder, bool start_is_given, Test& test,
                Diagnostics& diagnostics);

}  // namespace weir::rule_test
