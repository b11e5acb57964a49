#include "driver_modbus/driver.h"

#include <map>
#include <thread>

namespace weir::modbus {
namespace {

model::Signal announced(const DeviceOptions& device, const SignalOptions& signal) {
  model::Signal out;
  out.path = device.name + "/" + signal.name;
  out.type = value_type(signal.format);
  out.unit = signal.unit;
  out.interval = std::chrono::milliseconds(signal.interval / kMillisecond);
  out.writable = signal.writable;
  out.description = signal.description;
  return out;
}

}  // namespace

ModbusDriver::ModbusDriver(const Options& options, const MakeMaster& make) {
  std::vector<std::vector<Device>> devices;
  std::vector<Address> addresses;
  std::map<std::string, std::size_t> ports;
  for (const DeviceOptions& device : options.devices) {
    std::size_t line = devices.size();
    if (const auto* port = std::get_if<SerialPort>(&device.address))
      line = ports.emplace(port->path, line).first->second;
    if (line == devices.size()) {
      devices.emplace_back();
      addresses.push_back(device.address);
    }
    const std::size_t first = signals_.size();
    for (std::size_t i = 0; i < device.signals.size(); ++i) {
      signals_.push_back(announced(device, device.signals[i]));
      places_.push_back({line, devices[line].size(), i});
    }
    devices[line].emplace_back(device, first);
  }
  for (std::size_t i = 0; i < devices.size(); ++i)
    lines_.push_back(std::make_unique<Line>(make(addresses[i]), std::move(devices[i])));
}

void ModbusDriver::run(sdk::Link& link) {
  std::vector<std::jthread> threads;
  for (const auto& line : lines_) threads.emplace_back([&line, &link] { line->run(link); });
  while (link.wait_until(link.clock().boottime() + kHour)) {
  }
  for (const auto& line : lines_) line->wake();
}

Result<sdk::Access> ModbusDriver::read(std::size_t signal) {
  const Place& place = places_.at(signal);
  return lines_[place.line]->read(place.device, place.signal);
}

Result<sdk::Access> ModbusDriver::write(std::size_t signal, const model::Value& value) {
  const Place& place = places_.at(signal);
  return lines_[place.line]->write(place.device, place.signal, value);
}

sdk::Kind kind(ReadProfile read_profile) {
  sdk::Kind out;
  out.name = "modbus";
  out.description = "Modbus devices over TCP and serial lines (RTU)";
  out.schema = options_schema();
  out.configure = [read_profile = std::move(read_profile)](const Node& options,
                                                           Diagnostics& diagnostics) -> std::unique_ptr<sdk::Driver> {
    const auto read = read_options(options, read_profile, diagnostics);
    return read ? std::make_unique<ModbusDriver>(*read) : nullptr;
  };
  return out;
}

}  // namespace weir::modbus
