// The modbus driver: lines of devices, a thread for each line.
//
// A device reached over TCP has a line of its own, so that one that is silent disturbs no other;
// devices on one serial port share it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "driver_modbus/line.h"
#include "driver_modbus/options.h"
#include "sdk/driver.h"

namespace weir::modbus {

using MakeMaster = std::function<std::unique_ptr<Master>(const Address&)>;

class ModbusDriver final : public sdk::Driver {
 public:
  explicit ModbusDriver(const Options& options, const MakeMaster& make = make_master);

  const std::vector<model::Signal>& signals() const override { return signals_; }
  void run(sdk::Link& link) override;
  Result<sdk::Access> read(std::size_t signal) override;
  Result<sdk::Access> write(std::size_t signal, const model::Value& value) override;

 private:
  struct Place {  // of a signal
    std::size_t line, device, signal;
  };

  std::vector<model::Signal> signals_;
  std::vector<Place> places_;
  std::vector<std::unique_ptr<Line>> lines_;
};

// `read_profile` reads the files that options name as `profile`.
sdk::Kind kind(ReadProfile read_profile);

}  // namespace weir::modbus
