// What stands in the fields of other programs' CSV: times and numbers as they write them.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"

namespace weir::csv {

// ISO 8601 with T or a blank, with or without seconds, a fraction and a zone ("2026-11-21 01:18:39.5+01:00"); without
// a zone it is UTC, and a date alone its midnight. Or a number: time since the Unix epoch, in seconds, milli-, micro-
// or nanoseconds as its size tells (below 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds). False if
// it is none of these, or not between the years 1678 and 2262.
bool parse_time(std::string_view text, Timestamp& out);

// What to say of a text that is not taken for a time: "'soon' is no time"; and the range, if it is out of that.
std::string no_time(std::string_view text);

// A decimal point, no thousands; blanks around it and a + are fine. NaN and infinities are numbers, too.
bool parse_number(std::string_view text, double& out);

std::string_view trim(std::string_view text);  // blanks and tabs

// A field (RFC 4180), quoted if it has to be.
std::string quoted(std::string_view text);

}  // namespace weir::csv
