// A Modbus server in front of the plant: many clients over TCP, or one unit on a serial port.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "base/error.h"
#include "driver_modbus/plant/plant.h"

namespace weir::modbus::plant {

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 15'020;   // 0: a free one
  std::string serial;  // not empty: this serial port instead of TCP
  int serial_unit = 1;
  std::set<int> black_holes;      // units that hear and do not answer
  std::filesystem::path silence;  // while it exists, nobody is answered
};

// Until SIGTERM or SIGINT, which the caller has blocked. Prints "listening on ADDRESS:PORT" once it does.
Result<void> serve(Plant& plant, const ServerOptions& options);

}  // namespace weir::modbus::plant
