// MQTT 5 reason codes (OASIS MQTT 5.0, 2.4) in words.
#pragma once

#include <string>

#include "base/error.h"

namespace weir::mqtt {

inline constexpr int kFirstErrorReason = 0x80;

std::string reason_text(int code);  // "not authorized (0x87)"
std::string reason_hint(int code);  // what to do about it; may be empty

}  // namespace weir::mqtt
