// Modicon's notation: 40001 for the first holding register, the leading digit being the table. Half of
// all manuals use it, off by one from what stands on the wire; Weir does not, but knows what was meant.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "driver_modbus/encoding.h"

namespace weir::modbus {

struct ModiconPlace {
  Table table;
  std::int64_t first;  // zero-based
};

// Five or six digits; coils (00001) look like any number and are not recognised.
std::optional<ModiconPlace> modicon(std::int64_t number);

// How to say where something stands, e.g. "write {holding: 0}: zero-based; 40001 is Modicon notation
// for it"; in general if `number` is not Modicon's.
std::string place_hint(std::int64_t number);

}  // namespace weir::modbus
