#include "driver_modbus/master.h"

#include <array>

namespace weir::modbus {

model::Quality quality_of(const Failure& failure) {
  switch (failure.kind) {
    case Failure::Kind::not_connected: return model::kBadNotConnected;
    case Failure::Kind::timed_out: return model::kBadTimeout;
    case Failure::Kind::garbled: return model::kBadCommunication;
    case Failure::Kind::refused: break;
  }
  switch (failure.exception) {
    case kIllegalFunction: return model::kBadNotSupported;
    case kIllegalAddress:
    case kIllegalValue: return model::kBadConfiguration;
    case 10:
    case 11: return model::kBadNotConnected;  // a gateway that does not reach the device behind it
    default: return model::kBadDeviceFailure;
  }
}

const char* exception_text(int exception) {
  static constexpr std::array<const char*, 12> kTexts{nullptr,
                                                      "illegal function",
                                                      "illegal data address",
                                                      "illegal value or length",
                                                      "device failure",
                                                      "accepted, but not done yet",
                                                      "device busy",
                                                      "not acknowledged",
                                                      "memory parity error",
                                                      nullptr,
                                                      "gateway has no path to the device",
                                                      "device behind the gateway does not answer"};
  if (exception < 0 || static_cast<std::size_t>(exception) >= kTexts.size()) return "unknown exception";
  const char* text = kTexts[static_cast<std::size_t>(exception)];
  return text != nullptr ? text : "unknown exception";
}

}  // namespace weir::modbus
