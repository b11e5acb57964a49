#include "model/value.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/bytes.h"

namespace weir::model {
namespace {

constexpr std::array<const char*, 5> kTypes{"bool", "int", "double", "string", "bytes"};

template <class Number>
Result<Value> parse_number(std::string_view text, const char* what) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return fail("'" + std::string(text) + "' is too large for " + what);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty())
    return fail("'" + std::string(text) + "' is not " + what);
  return number;
}

}  // namespace

const char* to_text(ValueType type) { return kTypes.at(static_cast<std::size_t>(type) - 1); }

bool parse_type(std::string_view text, ValueType& out) {
  for (std::size_t i = 0; i < kTypes.size(); ++i)
    if (text == kTypes[i]) {
      out = static_cast<ValueType>(i + 1);
      return true;
    }
  return false;
}

std::string to_text(const Value& value) {
  struct Printer {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const {
      if (std::isnan(v)) return "nan";
      char text[40];
      const auto result = std::to_chars(text, text + sizeof text, v);
      return {text, result.ptr};
    }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const Bytes& v) const { return to_hex(v.data); }
  };
  return std::visit(Printer{}, value);
}

Result<Value> parse_value(std::string_view text, ValueType type) {
  switch (type) {
    case ValueType::boolean:
      if (text == "true" || text == "1") return true;
      if (text == "false" || text == "0") return false;
      return fail("'" + std::string(text) + "' is not a bool", "write true or false");
    case ValueType::integer: return parse_number<std::int64_t>(text, "a whole number");
    case ValueType::real: return parse_number<double>(text, "a number");
    case ValueType::string: return std::string(text);
    case ValueType::bytes: {
      std::string bytes;
      if (!from_hex(text, bytes)) return fail("'" + std::string(text) + "' is not hexadecimal");
      return Bytes{std::move(bytes)};
    }
  }
  return fail("unknown type");
}

}  // namespace weir::model
