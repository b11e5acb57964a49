// The agent: what exists, who is given what, and in which order things start and stop. Nothing else
// knows all rooms, and no room knows this.
//
// One I/O thread runs everything here; the store has a thread of its own, and Paho has its.
#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"

namespace weir {

struct AgentOptions {
  std::filesystem::path config = "/etc/weir/weir.yaml";
  std::filesystem::path runtime_dir = "/run/weir";  // sockets, status, the bus; gone after a boot
  std::filesystem::path drivers_dir;                // empty: beside the executable, then /usr/lib/weir/drivers
};

// Runs until SIGTERM or SIGINT. An error is one that no retry would mend: no usable config, old or new;
// a store that must not be touched.
Result<void> run_agent(const AgentOptions& options);

// Where the pieces of a running agent are, for the command line.
std::filesystem::path control_socket(const std::filesystem::path& runtime_dir);
std::filesystem::path status_file(const std::filesystem::path& runtime_dir);

}  // namespace weir
