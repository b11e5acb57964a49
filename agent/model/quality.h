// How far a value can be trusted: an OPC UA StatusCode (Part 4, 7.39; the numbers from Part 6, A.2).
//
// The top two bits say good, uncertain or bad; the rest of the upper half says why.
#pragma once

#include <cstdint>
#include <string>

namespace weir::model {

struct Quality {
  std::uint32_t code = 0;

  constexpr bool good() const { return (code >> 30) == 0; }
  constexpr bool uncertain() const { return (code >> 30) == 1; }
  constexpr bool bad() const { return (code >> 30) >= 2; }
  friend constexpr bool operator==(Quality, Quality) = default;
};

inline constexpr Quality kGood{0x00000000};
inline constexpr Quality kUncertain{0x40000000};
inline constexpr Quality kUncertainLastUsable{0x40900000};
inline constexpr Quality kUncertainNotAccurate{0x40930000};
inline constexpr Quality kUncertainOutOfRange{0x40940000};
inline constexpr Quality kUncertainSubNormal{0x40950000};
inline constexpr Quality kBad{0x80000000};
inline constexpr Quality kBadCommunication{0x80050000};
inline constexpr Quality kBadTimeout{0x800A0000};
inline constexpr Quality kBadOutOfRange{0x803C0000};
inline constexpr Quality kBadNotSupported{0x803D0000};
inline constexpr Quality kBadTypeMismatch{0x80740000};
inline constexpr Quality kBadConfiguration{0x80890000};
inline constexpr Quality kBadNotConnected{0x808A0000};
inline constexpr Quality kBadDeviceFailure{0x808B0000};
inline constexpr Quality kBadSensorFailure{0x808C0000};

// The one that can be trusted less.
constexpr Quality worst(Quality a, Quality b) { return (b.code >> 30) > (a.code >> 30) ? b : a; }

// "good", "uncertain: last usable value", "bad: timed out", "bad: 0x80FF0000".
std::string to_text(Quality quality);

}  // namespace weir::model
