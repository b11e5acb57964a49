// The asking side of Modbus on one TCP connection or one serial port ("client" in the newer papers,
// after the Modbus Application Protocol V1.1b3). The seam in front of libmodbus: tests put their own
// behind it. Not thread-safe: each lives on its line's thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "base/clock.h"
#include "driver_modbus/options.h"
#include "model/quality.h"

namespace weir::modbus {

struct Failure {
  enum class Kind {
    not_connected,  // there is no connection, or it broke
    timed_out,      // nobody answered in time
    garbled,        // something answered, but not to the question
    refused,        // the device answered with an exception
  };
  Kind kind = Kind::not_connected;
  int exception = 0;   // of Modbus, if refused
  std::string reason;  // in words: "no answer from 10.0.0.7:502 within 1s (unit 1)"
};

inline constexpr int kIllegalFunction = 1;
inline constexpr int kIllegalAddress = 2;
inline constexpr int kIllegalValue = 3;

model::Quality quality_of(const Failure& failure);
const char* exception_text(int exception);  // "illegal data address"

template <class T>
using Answer = std::expected<T, Failure>;

struct Target {
  int unit = 1;
  Nanoseconds timeout = kSecond;
};

class Master {
 public:
  virtual ~Master() = default;

  // Connects if need be, sends one request and waits for its answer, all of it within target.timeout
  // (a host name may take the resolver's time on top). Bits are words of 0 or 1. After a failure that
  // is no refusal the connection is as new: what answers late is never taken for the next answer.
  virtual Answer<void> read(const Target& target, Table table, int first, std::span<std::uint16_t> out) = 0;

  // Coils and holding registers only.
  virtual Answer<void> write(const Target& target, Table table, int first, std::span<const std::uint16_t> words) = 0;
};

std::unique_ptr<Master> make_master(const Address& address);  // over libmodbus

}  // namespace weir::modbus
