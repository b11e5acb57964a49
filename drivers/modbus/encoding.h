// What stands in the registers of a Modbus device, and the values that it means.
//
// Modbus itself (Application Protocol V1.1b3, section 4) knows bits and 16-bit registers, high byte
// first; everything wider is a habit of the device's maker. WordOrder names these habits by where the
// bytes A (most significant) to D of a 32-bit value stand on the wire. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/quality.h"
#include "model/value.h"

namespace weir::modbus {

enum class Table { coil, discrete, holding, input };

const char* to_text(Table table);
constexpr bool is_bits(Table table) { return table == Table::coil || table == Table::discrete; }

enum class Type { bit, int16, uint16, int32, uint32, int64, uint64, float32, float64, string };

const char* to_text(Type type);

// 64-bit values carry on the pattern (CDAB: the lowest word first). The order of the bytes within a
// register (BADC and DCBA swap them) holds for 16-bit values and strings, too.
enum class WordOrder { abcd, cdab, badc, dcba };

// As many as one request can write (Modbus Application Protocol V1.1b3, section 6.12).
inline constexpr int kMostStringRegisters = 123;

struct Scaling {
  double scale = 1;
  double offset = 0;
};

struct Format {
  Type type = Type::uint16;
  WordOrder order = WordOrder::abcd;
  int bit = 0;                     // of a register, 0 the lowest; for Type::bit in holding and input
  int length = 0;                  // characters, two a register; for Type::string
  std::optional<Scaling> scaling;  // given: the value is a double, raw * scale + offset
};

int registers(const Format& format);  // how many it takes (or bits, in a table of bits)
model::ValueType value_type(const Format& format);

struct Decoded {
  model::Value value;
  model::Quality quality;
};

// `raw` holds registers(format) registers, or one bit as 0 or 1 if it is of a table of bits.
// A NaN, with which many devices say "no sensor", is bad: sensor failure. A uint64 above the largest
// int64 has no place in an int: it is bad: out of range, with the largest int64 as its value; with a
// scale it is a double and good. Strings end at the first NUL, lose trailing blanks, and are read as
// Latin-1 where they are not UTF-8.
Decoded decode(const Format& format, std::span<const std::uint16_t> raw);

// What to write so that decode() gives `value` again, as nearly as the format can. Refuses a value of
// another type, and one that does not fit, with the range that does. `before` holds the registers as
// they stand in the device, for the other bits of a register.
Result<std::vector<std::uint16_t>> encode(const Format& format, const model::Value& value,
                                          std::span<const std::uint16_t> before = {});

// What a bad reading carries, as there is no value: NaN, 0, false or nothing.
model::Value no_value(model::ValueType type);

// As on the wire, for people: "holding 40: 01 F4", "coil 3: 1".
std::string raw_text(Table table, int first, std::span<const std::uint16_t> raw);

}  // namespace weir::modbus
