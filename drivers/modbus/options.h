// The options of the modbus driver: which devices, how they are reached, and what their registers mean.
// README.md has an example of each.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "base/document.h"
#include "driver_modbus/encoding.h"

namespace weir::modbus {

struct TcpAddress {
  std::string host;  // a name, an IPv4 or (without brackets) an IPv6 address
  std::string port;
  friend bool operator==(const TcpAddress&, const TcpAddress&) = default;
};

struct SerialPort {
  std::string path;
  int baud = 9600;
  char parity = 'E';  // N, E, O; even is the standard's default
  int data_bits = 8;
  int stop_bits = 1;
  friend bool operator==(const SerialPort&, const SerialPort&) = default;
};

using Address = std::variant<TcpAddress, SerialPort>;

std::string to_text(const Address& address);  // "10.0.0.7:502", "/dev/ttyUSB0"

struct SignalOptions {
  std::string name;
  Table table = Table::holding;
  int first = 0;  // zero-based, as on the wire
  Format format;
  Nanoseconds interval = kSecond;
  bool writable = false;
  std::string unit;
  std::string description;

  int count() const { return registers(format); }
};

struct DeviceOptions {
  std::string name;
  Address address;
  int unit = 1;
  Nanoseconds timeout = kSecond;
  int max_gap = 8;  // registers that nobody asked for, read along to save a request
  std::vector<SignalOptions> signals;
};

struct Options {
  std::vector<DeviceOptions> devices;
};

// A profile file as a tree, and what was wrong with reading it.
struct Profile {
  Node root;
  Diagnostics diagnostics;
};
using ReadProfile = std::function<Profile(const std::string& path)>;

// All errors at once, each at its node. What is wrong within a profile is said at the `profile` that
// named it, with the place in the file as part of the message. Nothing if there are errors.
std::optional<Options> read_options(const Node& root, const ReadProfile& read_profile, Diagnostics& diagnostics);

std::string options_schema();  // JSON Schema, draft 2020-12

}  // namespace weir::modbus
