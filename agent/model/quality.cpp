#include "model/quality.h"

#include <array>
#include <cstdio>
#include <utility>

namespace weir::model {
namespace {

constexpr std::array<std::pair<std::uint32_t, const char*>, 16> kReasons{{
    {kGood.code, "good"},
    {kUncertain.code, "uncertain"},
    {kUncertainLastUsable.code, "uncertain: last usable value"},
    {kUncertainNotAccurate.code, "uncertain: sensor not accurate"},
    {kUncertainOutOfRange.code, "uncertain: out of range"},
    {kUncertainSubNormal.code, "uncertain: fewer sources than required"},
    {kBad.code, "bad"},
    {kBadCommunication.code, "bad: communication error"},
    {kBadTimeout.code, "bad: timed out"},
    {kBadOutOfRange.code, "bad: out of range"},
    {kBadNotSupported.code, "bad: not supported by the device"},
    {kBadTypeMismatch.code, "bad: wrong type"},
    {kBadConfiguration.code, "bad: configuration error"},
    {kBadNotConnected.code, "bad: not connected"},
    {kBadDeviceFailure.code, "bad: device failure"},
    {kBadSensorFailure.code, "bad: sensor failure"},
}};

}  // namespace

std::string to_text(Quality quality) {
  for (const auto& [code, text] : kReasons)
    if ((quality.code & 0xFFFF0000) == code) return text;
  char text[32];
  std::snprintf(text, sizeof text, "%s: 0x%08X",
                quality.good()        ? "good"
                : quality.uncertain() ? "uncertain"
                                      : "bad",
                quality.code);
  return text;
}

}  // namespace weir::model
