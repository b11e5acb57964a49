// What a driver was asked to do, by its arguments, its environment and its standard input.
#pragma once

#include <cstdio>
#include <string>

#include "base/document.h"
#include "base/error.h"
#include "sdk/driver.h"

namespace weir::sdk {

struct CommandLine {
  enum class Task { done, schema, check, run };

  Task task = Task::done;  // done: help or version was printed, or the arguments were wrong
  int exit_code = 0;       // if done
  std::string name;        // of the driver in weir.yaml
  std::string bus;         // mqtt://host:port or mqtts://host:port
  std::string username;
  std::string password;
  std::string ca, certificate, key;  // PEM files for mqtts; empty: the system's CAs, no certificate of our own
  std::string log_level;
  std::size_t queue_bytes = 0;
};

CommandLine parse_command_line(int argc, char** argv, const Kind& kind);

// The options as JSON; nothing at all is an empty map. Bounded to 16 MiB.
Result<Node> read_options(std::FILE* input);

// One diagnostic as the JSON object that --check prints on a line of its own.
std::string check_line(const Diagnostic& diagnostic);

// configure(), with exceptions caught and an invalid list of signals said as an error. Null if there
// are errors.
std::unique_ptr<Driver> configure(const Kind& kind, const Node& options, Diagnostics& diagnostics);

}  // namespace weir::sdk
