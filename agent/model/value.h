// One value: bool, 64-bit integer, double, string or bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"

namespace weir::model {

enum class ValueType : std::uint8_t { boolean = 1, integer = 2, real = 3, string = 4, bytes = 5 };

struct Bytes {
  std::string data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

using Value = std::variant<bool, std::int64_t, double, std::string, Bytes>;  // in the order of ValueType

inline ValueType type_of(const Value& value) { return static_cast<ValueType>(value.index() + 1); }

const char* to_text(ValueType type);                     // "bool", "int", "double", "string", "bytes"
bool parse_type(std::string_view text, ValueType& out);  // reads what to_text writes

// For people: true, 42, 3.25 (the shortest that reads back the same), text as it is, bytes as hex.
std::string to_text(const Value& value);

// Reads what a person typed as a value of `type`.
Result<Value> parse_value(std::string_view text, ValueType type);

}  // namespace weir::model
