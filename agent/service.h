// What systemd wants to know (sd_notify(3)): ready, stopping, reloading, still alive.
//
// Does nothing when not started by systemd.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace weir {

void notify_service_manager(std::string_view state);  // "READY=1\nSTATUS=…"

// How often at least WATCHDOG=1 must come, half of what the unit says; nothing if it has no watchdog.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace weir
