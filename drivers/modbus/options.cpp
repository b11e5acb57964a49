#include "driver_modbus/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/text.h"
#include "driver_modbus/modicon.h"
#include "model/path.h"
#include "sdk/options.h"

namespace weir::modbus {
namespace {

constexpr std::size_t kMostDevices = 500;  // libmodbus waits with select(2), which knows 1,024 descriptors
constexpr std::size_t kMostSignals = 100'000;
constexpr int kLastAddress = 65'535;
constexpr std::array kTables{Table::coil, Table::discrete, Table::holding, Table::input};
constexpr std::array<std::string_view, 4> kAmbiguous{"address", "register", "reg", "addr"};

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// Collects what is wrong with one part, to know whether that part can be used.
class Report {
 public:
  explicit Report(Diagnostics& all) : all_(all), before_(all.size()) {}

  Diagnostics& all() { return all_; }
  bool ok() const { return all_.size() == before_; }
  void error(const Position& at, std::string message, std::string hint = {}) {
    all_.push_back(sdk::problem(at, std::move(message), std::move(hint)));
  }
  bool is_map(const Node& node, std::string_view what) {
    if (node.as_map() == nullptr) error(node.position, std::string(what) + " is a map, not " + node.kind());
    return node.as_map() != nullptr;
  }
  void check_name(const Node::Member& member) {
    if (auto fine = model::check_name(member.key); !fine)
      error(member.key_position, fine.error().what, fine.error().hint);
  }
  // Names that differ by their case alone are the same path.
  void check_twins(const Node::Map& map, std::string_view what) {
    std::map<std::string, std::string_view> names;
    for (const auto& member : map)
      if (const auto [twin, is_new] = names.emplace(lower(member.key), member.key); !is_new)
        error(member.key_position, "there is a " + std::string(what) + " " + quoted(twin->second) + " already",
              "names must differ by more than case");
  }

 private:
  Diagnostics& all_;
  std::size_t before_;
};

// What a device or its profile says for all of its signals.
struct Defaults {
  Nanoseconds interval = kSecond;
  Nanoseconds timeout = kSecond;
  WordOrder order = WordOrder::abcd;
  int max_gap = 8;
  bool zero_based = false;
};

Nanoseconds read_interval(sdk::Options& options, Nanoseconds otherwise) {
  return options.duration("interval", otherwise, {.least = 10 * kMillisecond, .most = kDay});
}

WordOrder read_order(sdk::Options& options, WordOrder otherwise) {
  static constexpr std::array<std::string_view, 4> kNames{"ABCD", "CDAB", "BADC", "DCBA"};
  const std::string name = options.one_of("word_order", kNames[static_cast<std::size_t>(otherwise)],
                                          {kNames[0], kNames[1], kNames[2], kNames[3]});
  return static_cast<WordOrder>(std::ranges::find(kNames, name) - kNames.begin());
}

Type read_type(sdk::Options& options, Type otherwise) {
  const std::string name = options.one_of(
      "type", to_text(otherwise),
      {"bit", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string"});
  auto type = Type::bit;
  while (to_text(type) != name) type = static_cast<Type>(static_cast<int>(type) + 1);
  return type;
}

Defaults read_defaults(sdk::Options& options, const Defaults& otherwise) {
  Defaults out;
  out.interval = read_interval(options, otherwise.interval);
  out.timeout = options.duration("timeout", otherwise.timeout, {.least = 10 * kMillisecond, .most = kMinute});
  out.order = read_order(options, otherwise.order);
  out.max_gap = static_cast<int>(options.integer("max_gap", otherwise.max_gap, 0, 124));
  out.zero_based = options.boolean("zero_based", otherwise.zero_based);
  options.text("description", "");
  return out;
}

// False if it is not known where the signal stands.
bool read_place(const Node& node, sdk::Options& options, bool zero_based, SignalOptions& signal, Report& report) {
  for (const std::string_view key : kAmbiguous)
    if (const Node* value = node.find(key)) {
      options.any(key);  // known, in its way
      const auto* number = value->as_int();
      report.error(value->position, quoted(key) + " does not say which table is meant",
                   place_hint(number != nullptr ? *number : -1));
      return false;
    }
  const Node* place = nullptr;
  for (const Table table : kTables) {
    const Node* value = options.any(to_text(table));
    if (value == nullptr) continue;
    if (place != nullptr) {
      report.error(value->position, quoted(signal.name) + " stands in two tables",
                   "keep one of coil, discrete, holding and input");
      return false;
    }
    place = value;
    signal.table = table;
  }
  if (place == nullptr) {
    report.error(node.position, quoted(signal.name) + " does not say where it stands", place_hint(-1));
    return false;
  }
  const std::string table = to_text(signal.table);
  const auto* number = place->as_int();
  const auto meant = number != nullptr ? modicon(*number) : std::nullopt;
  if (meant && meant->table == signal.table && (!zero_based || *number > kLastAddress)) {
    std::string hint = place_hint(*number);
    if (*number <= kLastAddress)
      hint += ". If the device really has the zero-based address " + std::to_string(*number) +
              ", say zero_based: true in the device";
    report.error(place->position, table + " " + std::to_string(*number) + " is not zero-based", std::move(hint));
    return false;
  }
  if (number == nullptr || *number < 0 || *number > kLastAddress) {
    report.error(place->position,
                 quoted(table) + " is an address from 0 to 65535, not " +
                     (number != nullptr ? std::to_string(*number) : place->kind()),
                 "write {" + table + ": 0} for the first");
    return false;
  }
  signal.first = static_cast<int>(*number);
  return true;
}

void read_scaling(sdk::Options& options, Format& format) {
  const char* given = options.has("scale") ? "scale" : "offset";
  const Scaling scaling{options.number("scale", 1, {-1e100, 1e100}), options.number("offset", 0, {-1e100, 1e100})};
  if (!options.has(given)) return;
  if (format.type == Type::bit || format.type == Type::string)
    return options.error(given, std::string("a ") + to_text(format.type) + " cannot be scaled");
  if (scaling.scale == 0)
    return options.error("scale", "a scale of 0 makes everything 0", "leave it out, or write 1");
  format.scaling = scaling;
}

void read_format(sdk::Options& options, SignalOptions& signal) {
  Format& format = signal.format;
  const bool bits = is_bits(signal.table);
  const std::string a_bit = std::string("a ") + to_text(signal.table) + " is one bit";
  format.type = read_type(options, bits || options.has("bit") ? Type::bit : Type::uint16);
  format.bit = static_cast<int>(options.integer("bit", 0, 0, 15));
  format.length = static_cast<int>(options.integer("length", 0, 1, 2 * kMostStringRegisters));
  format.order = bits ? WordOrder::abcd : format.order;
  if (bits && format.type != Type::bit) options.error("type", a_bit, "leave 'type' out");
  if (bits && options.has("bit")) options.error("bit", a_bit, "leave 'bit' out");
  if (!bits && format.type == Type::bit && !options.has("bit"))
    options.error("bit", "which bit of the register?", "add bit: 0 for the lowest, up to 15");
  if (!bits && format.type != Type::bit && options.has("bit"))
    options.error("bit", std::string("'bit' and type ") + to_text(format.type) + " contradict each other",
                  "keep one of them");
  if (format.type == Type::string && !options.has("length"))
    options.error("length", "how long is the text?", "add length: its characters, two in a register");
  if (format.type != Type::string && options.has("length"))
    options.error("length", std::string("only a string has a length, not ") + to_text(format.type));
  read_scaling(options, format);
}

std::optional<SignalOptions> read_signal(const Node::Member& member, const Defaults& defaults, Diagnostics& all) {
  Report report(all);
  const Node& node = member.value;
  report.check_name(member);
  if (const auto* number = node.as_int()) {
    report.error(node.position, "a bare " + std::to_string(*number) + " does not say which table is meant",
                 place_hint(*number));
    return std::nullopt;
  }
  if (!report.is_map(node, "a signal")) return std::nullopt;

  sdk::Options options(node, all);
  SignalOptions signal;
  signal.name = member.key;
  const bool placed = read_place(node, options, defaults.zero_based, signal, report);
  signal.format.order = read_order(options, defaults.order);
  if (placed) read_format(options, signal);
  else
    for (const char* key : {"type", "bit", "length", "scale", "offset", "coil", "discrete", "holding", "input"})
      options.any(key);
  signal.unit = options.text("unit", "");
  signal.description = options.text("description", "");
  signal.interval = read_interval(options, defaults.interval);
  signal.writable = options.boolean("writable", false);
  if (placed && signal.writable && (signal.table == Table::discrete || signal.table == Table::input))
    options.error("writable",
                  signal.table == Table::input ? "Modbus has no way to write an input register"
                                               : "Modbus has no way to write a discrete input",
                  "leave 'writable' out, or use a coil or a holding register");
  options.finish();
  if (report.ok() && signal.first + signal.count() - 1 > kLastAddress)
    report.error(node.position, quoted(signal.name) + " goes on past the last address, 65535");
  if (!report.ok()) return std::nullopt;
  return signal;
}

// Adds to `signals`; one of the same name is replaced, as a device has the last word over its profile.
void read_signals(const Node* node, const Defaults& defaults, Diagnostics& all, std::vector<SignalOptions>& signals) {
  Report report(all);
  if (node == nullptr || !report.is_map(*node, "'signals'")) return;
  report.check_twins(*node->as_map(), "signal");
  for (const auto& member : *node->as_map()) {
    auto signal = read_signal(member, defaults, all);
    if (!signal) continue;
    const auto same = std::ranges::find(signals, lower(signal->name), [](const auto& s) { return lower(s.name); });
    if (same != signals.end()) *same = std::move(*signal);
    else signals.push_back(std::move(*signal));
  }
}

std::optional<TcpAddress> parse_tcp(std::string_view text) {
  TcpAddress address{std::string(text), "502"};
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    address.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    address.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (!rest.empty()) {
    unsigned port = 0;
    const auto [end, bad] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), port);
    if (rest[0] != ':' || bad != std::errc{} || end != rest.data() + rest.size() || port == 0 || port > 65'535)
      return std::nullopt;
    address.port = std::to_string(port);
  }
  if (address.host.empty() || address.host.size() > 253 || address.host.find_first_of(" /@") != std::string::npos)
    return std::nullopt;
  return address;
}

Address read_tcp(sdk::Options& device) {
  const std::string text = device.text("tcp", "");
  auto address = parse_tcp(text);
  if (!address && device.any("tcp")->as_string() != nullptr)
    device.error("tcp", quoted(text) + " is not an address",
                 "write \"10.0.0.7:502\", \"plc.local\" or \"[fe80::1]:502\"");
  return address.value_or(TcpAddress{});
}

Address read_rtu(const Node& node, Diagnostics& all) {
  sdk::Options options(node, all);
  SerialPort port;
  port.path = options.text("serial", "");
  port.baud = static_cast<int>(options.integer("baud", port.baud, 300, 4'000'000));
  port.data_bits = static_cast<int>(options.integer("data_bits", port.data_bits, 7, 8));
  port.stop_bits = static_cast<int>(options.integer("stop_bits", port.stop_bits, 1, 2));
  const std::string parity = options.one_of("parity", "even", {"none", "even", "odd"});
  port.parity = parity == "none" ? 'N' : parity == "odd" ? 'O' : 'E';
  if (node.as_map() != nullptr && !port.path.starts_with('/'))
    options.error("serial", "'serial' is the path of a serial port",
                  "write serial: /dev/ttyUSB0, or better a name under /dev/serial/by-id");
  options.finish();
  return port;
}

void read_address(const Node::Member& member, sdk::Options& options, DeviceOptions& device, Report& report) {
  const Node* tcp = options.any("tcp");
  const Node* rtu = options.any("rtu");
  if ((tcp == nullptr) == (rtu == nullptr))
    report.error(
        member.key_position,
        quoted(member.key) + (tcp == nullptr ? " does not say how it is reached" : " is reached in two ways"),
        "write either tcp: \"10.0.0.7:502\" or rtu: {serial: /dev/ttyUSB0, baud: 9600}");
  else device.address = tcp != nullptr ? read_tcp(options) : read_rtu(*rtu, report.all());
  device.unit = static_cast<int>(options.integer("unit", 1, 0, 255));
  if (rtu != nullptr && (device.unit < 1 || device.unit > 247))
    options.error("unit", "there is no unit " + std::to_string(device.unit) + " on a serial line",
                  "units are 1 to 247; 0 would be all of them at once");
  else if (device.unit > 247 && device.unit != 255)
    options.error("unit", "there is no unit " + std::to_string(device.unit),
                  "units are 0 to 247, or 255 for the device itself");
}

// Says at `profile` what is wrong in the file that it names.
void relocate(const Diagnostics& within, const Position& profile, Diagnostics& all) {
  for (Diagnostic diagnostic : within) {
    const Position& at = diagnostic.position;
    std::string place = at.file ? *at.file + ":" : std::string();
    if (at.line > 0) place += std::to_string(at.line) + ":" + std::to_string(at.column) + ":";
    if (!place.empty()) diagnostic.message.insert(0, place + " ");
    diagnostic.position = profile;
    all.push_back(std::move(diagnostic));
  }
}

Defaults read_profile_of(const Node& device, const Node& profile, const ReadProfile& read_profile, Diagnostics& all,
                         std::vector<SignalOptions>& signals) {
  Defaults defaults;
  const auto* path = profile.as_string();
  if (path == nullptr || path->empty()) {
    all.push_back(sdk::problem(profile.position, "'profile' is the path of a file",
                               "write profile: profiles/acme-boiler.yaml, seen from the folder of weir.yaml"));
    return defaults;
  }
  Profile read = read_profile(*path);
  Diagnostics within = std::move(read.diagnostics);
  Report report(within);
  if (!has_errors(within) && report.is_map(read.root, "a profile")) {
    sdk::Options options(read.root, within);
    defaults = read_defaults(options, {});
    const Node* described = options.any("signals");
    if (described == nullptr) report.error(read.root.position, "a profile without 'signals'");
    // What the device itself says holds for its profile's signals, too; its mistakes are told later.
    Diagnostics told_later;
    sdk::Options own(device, told_later);
    read_signals(described, read_defaults(own, defaults), within, signals);
    options.finish();
  }
  relocate(within, profile.position, all);
  return defaults;
}

void read_device(const Node::Member& member, const ReadProfile& read_profile, Diagnostics& all, Options& out) {
  Report report(all);
  report.check_name(member);
  if (!report.is_map(member.value, "a device")) return;
  sdk::Options options(member.value, all);
  DeviceOptions device;
  device.name = member.key;
  read_address(member, options, device, report);

  const Node* profile = options.any("profile");
  const Node* signals = options.any("signals");
  Defaults defaults;
  if (profile != nullptr) defaults = read_profile_of(member.value, *profile, read_profile, all, device.signals);
  defaults = read_defaults(options, defaults);
  device.timeout = defaults.timeout;
  device.max_gap = defaults.max_gap;
  read_signals(signals, defaults, all, device.signals);
  if (device.signals.empty() && report.ok())
    report.error(member.key_position, quoted(member.key) + " has no signals",
                 "add signals: {temperature: {holding: 0}}, or a profile");
  options.finish();
  out.devices.push_back(std::move(device));
}

// Devices on one port must agree about it, and differ by their units.
void check_ports(const Node& devices, const Options& options, Report& report) {
  std::map<std::string, const DeviceOptions*> ports;
  std::map<std::pair<std::string, int>, const DeviceOptions*> units;
  for (const DeviceOptions& device : options.devices) {
    const auto* port = std::get_if<SerialPort>(&device.address);
    if (port == nullptr) continue;
    const Position& at = devices.find(device.name)->position;
    if (const auto [first, is_new] = ports.emplace(port->path, &device);
        !is_new && std::get<SerialPort>(first->second->address) != *port)
      report.error(at,
                   quoted(device.name) + " and " + quoted(first->second->name) + " use " + port->path +
                       " with different settings",
                   "all devices on a line speak at the same speed, parity and stop bits");
    if (const auto [twin, is_new] = units.emplace(std::pair(port->path, device.unit), &device); !is_new)
      report.error(at,
                   quoted(device.name) + " and " + quoted(twin->second->name) + " are both unit " +
                       std::to_string(device.unit) + " on " + port->path,
                   "each device on a line has a unit of its own");
  }
}

}  // namespace

std::string to_text(const Address& address) {
  if (const auto* port = std::get_if<SerialPort>(&address)) return port->path;
  const auto& tcp = std::get<TcpAddress>(address);
  const bool is_ipv6 = tcp.host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + tcp.host + "]" : tcp.host) + ":" + tcp.port;
}

std::optional<Options> read_options(const Node& root, const ReadProfile& read_profile, Diagnostics& diagnostics) {
  Report report(diagnostics);
  sdk::Options top(root, diagnostics);
  const Node* devices = top.any("devices");
  top.finish();
  if (devices == nullptr || devices->as_map() == nullptr || devices->as_map()->empty()) {
    top.error("devices", "'devices' is a map of one device or more",
              "write devices: {boiler-1: {tcp: \"10.0.0.7:502\", signals: {temperature: {holding: 0}}}}");
    return std::nullopt;
  }
  const Node::Map& map = *devices->as_map();
  if (map.size() > kMostDevices) {
    top.error("devices", std::to_string(map.size()) + " devices in one driver",
              "500 are allowed; add another driver of kind modbus");
    return std::nullopt;
  }
  report.check_twins(map, "device");
  Options options;
  for (const auto& member : map) read_device(member, read_profile, diagnostics, options);
  std::size_t signals = 0;
  for (const DeviceOptions& device : options.devices) signals += device.signals.size();
  if (signals > kMostSignals)
    top.error("devices", std::to_string(signals) + " signals in one driver", "100000 are allowed");
  check_ports(*devices, options, report);
  if (!report.ok()) return std::nullopt;
  return options;
}

}  // namespace weir::modbus
