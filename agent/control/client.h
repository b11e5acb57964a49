// Asks a running agent over its control socket. Blocking; for the command line.
#pragma once

#include <chrono>
#include <filesystem>

#include "base/document.h"
#include "base/error.h"

namespace weir::control {

// A reply with a member "error" (and "hint") comes back as that error.
Result<Node> ask(const std::filesystem::path& socket, const Node& request,
                 std::chrono::milliseconds timeout = std::chrono::seconds(30));

}  // namespace weir::control
