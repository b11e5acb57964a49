// A port of the loopback interface for the broker.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace weir::bus {

// Whether nobody listens there now.
bool is_free(std::uint16_t port);

// One that is free, from below the range that the kernel hands out to connections: a client that tries
// to connect to such a port while nobody listens can end up connected to itself, and then holds it.
Result<std::uint16_t> pick_port();

}  // namespace weir::bus
