// Connecting to a host with one time-out for all, and saying in words why not.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace weir::modbus {

// A connected, blocking socket (close it), or why there is none: "connection refused", "no answer
// within 1s", "no such host". Tries each address of a name in turn; `timeout` bounds them together,
// but not the resolver.
Result<int> tcp_connect(const std::string& host, const std::string& port, Nanoseconds timeout);

}  // namespace weir::modbus
