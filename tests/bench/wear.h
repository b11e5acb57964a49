// What a day of the whole agent writes to a disk.
#pragma once

#include <filesystem>

#include "bench.h"

namespace weir::bench {

// 200 signals at 1 Hz, an alert and a mean for a tenth of them, the driver of the machine itself, the managed
// broker, and a cloud that takes everything. Until the store has moved its WAL into the file, which takes some
// minutes, so that what is only written then has its share; as a day of that.
void measure_wear(const std::filesystem::path& folder, Report& report);

}  // namespace weir::bench
