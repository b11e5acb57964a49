#include "driver_modbus/encoding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>

namespace weir::modbus {
namespace {

constexpr std::array<const char*, 4> kTables{"coil", "discrete", "holding", "input"};
constexpr std::array<const char*, 10> kTypes{"bit",   "int16",  "uint16",  "int32",   "uint32",
                                             "int64", "uint64", "float32", "float64", "string"};

constexpr bool swaps_words(WordOrder order) { return order == WordOrder::cdab || order == WordOrder::dcba; }
constexpr bool swaps_bytes(WordOrder order) { return order == WordOrder::badc || order == WordOrder::dcba; }

constexpr std::uint16_t swapped(std::uint16_t v) { return static_cast<std::uint16_t>(v << 8 | v >> 8); }

std::uint64_t gather(WordOrder order, std::span<const std::uint16_t> raw) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const std::uint16_t word = swaps_words(order) ? raw[raw.size() - 1 - i] : raw[i];
    bits = bits << 16 | (swaps_bytes(order) ? swapped(word) : word);
  }
  return bits;
}

std::vector<std::uint16_t> scatter(WordOrder order, std::uint64_t bits, int count) {
  std::vector<std::uint16_t> raw(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto word = static_cast<std::uint16_t>(bits >> (16 * (raw.size() - 1 - i)));
    raw[swaps_words(order) ? raw.size() - 1 - i : i] = swaps_bytes(order) ? swapped(word) : word;
  }
  return raw;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    const auto second = length > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    // Overlong forms, surrogates, and what is beyond U+10FFFF (RFC 3629, section 4).
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second > 0x8F))
      return false;
    i += length;
  }
  return true;
}

std::string to_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 0x3F));
    }
  }
  return out;
}

std::string decode_string(const Format& format, std::span<const std::uint16_t> raw) {
  std::string text;
  for (const std::uint16_t word : raw) {
    const std::uint16_t in_order = swaps_bytes(format.order) ? swapped(word) : word;
    text += static_cast<char>(in_order >> 8);
    text += static_cast<char>(in_order & 0xFF);
  }
  text.resize(std::min(text.size(), static_cast<std::size_t>(format.length)));
  text.resize(std::min(text.size(), text.find('\0')));
  while (text.ends_with(' ')) text.pop_back();
  return to_utf8(text);
}

// 796 with a scale of 0.1 is 79.6 and not 79.60000000000001: 0.1 is no binary fraction, but 10 is whole.
double scaled(double value, double scale) {
  const double parts = std::nearbyint(1 / scale);
  return 1 / parts == scale ? value / parts : value * scale;
}

Decoded real(double value, const Format& format) {
  if (format.scaling) value = scaled(value, format.scaling->scale) + format.scaling->offset;
  if (std::isnan(value)) return {value, model::kBadSensorFailure};
  if (std::isinf(value)) return {value, model::kBadOutOfRange};
  return {value, model::kGood};
}

Decoded whole(std::int64_t value, const Format& format) {
  if (format.scaling) return real(static_cast<double>(value), format);
  return {value, model::kGood};
}

struct Range {
  double least, most;  // as doubles: most of a 64-bit type is rounded up to a power of two
  std::int64_t least_int;
  std::uint64_t most_int;
};

template <class Int>
constexpr Range range_of() {
  using Limits = std::numeric_limits<Int>;
  return {static_cast<double>(Limits::min()), static_cast<double>(Limits::max()),
          static_cast<std::int64_t>(Limits::min()), static_cast<std::uint64_t>(Limits::max())};
}

Range range(Type type) {
  switch (type) {
    case Type::int16: return range_of<std::int16_t>();
    case Type::uint16: return range_of<std::uint16_t>();
    case Type::int32: return range_of<std::int32_t>();
    case Type::uint32: return range_of<std::uint32_t>();
    case Type::int64: return range_of<std::int64_t>();
    default: return range_of<std::uint64_t>();
  }
}

// 3276.7, where the shortest text that reads back the same is 3276.7000000000003.
std::string rounded(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.12g", value);
  return text;
}

std::unexpected<Error> does_not_fit(const model::Value& value, const Format& format) {
  const Range all = range(format.type);
  std::string from = std::to_string(all.least_int), to = std::to_string(all.most_int), what = to_text(format.type);
  if (format.type == Type::float32) {
    constexpr double kMost = std::numeric_limits<float>::max();
    from = model::to_text(model::Value{-kMost});
    to = model::to_text(model::Value{kMost});
  } else if (format.scaling) {
    const auto [scale, offset] = *format.scaling;
    const double a = all.least * scale + offset, b = all.most * scale + offset;
    from = rounded(std::min(a, b));
    to = rounded(std::max(a, b));
    what += " with its scale";
  }
  return fail(model::to_text(value) + " does not fit", what + " holds " + from + " to " + to);
}

std::unexpected<Error> wrong_type(const model::Value& value, const char* wanted) {
  return fail(std::string("a value of type ") + model::to_text(model::type_of(value)) + " cannot be written here",
              std::string("write ") + wanted);
}

Result<std::vector<std::uint16_t>> encode_string(const Format& format, const model::Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return wrong_type(value, "a text");
  if (text->size() > static_cast<std::size_t>(format.length))
    return fail("a text of " + std::to_string(text->size()) + " bytes does not fit",
                "there is room for " + std::to_string(format.length));
  std::vector<std::uint16_t> raw(static_cast<std::size_t>(registers(format)));
  for (std::size_t i = 0; i < text->size(); ++i)
    raw[i / 2] |= static_cast<std::uint16_t>(static_cast<unsigned char>((*text)[i]) << (i % 2 == 0 ? 8 : 0));
  if (swaps_bytes(format.order)) std::ranges::transform(raw, raw.begin(), swapped);
  return raw;
}

Result<std::vector<std::uint16_t>> encode_integer(const Format& format, const model::Value& value) {
  const int count = registers(format);
  const auto* given = std::get_if<std::int64_t>(&value);
  if (given != nullptr && !format.scaling) {
    const Range all = range(format.type);
    if (*given < all.least_int || (*given > 0 && static_cast<std::uint64_t>(*given) > all.most_int))
      return does_not_fit(value, format);
    return scatter(format.order, static_cast<std::uint64_t>(*given), count);
  }
  double number = 0;
  if (given != nullptr) number = static_cast<double>(*given);
  else if (const auto* as_real = std::get_if<double>(&value)) number = *as_real;
  else return wrong_type(value, "a number");
  if (format.scaling) number = std::nearbyint((number - format.scaling->offset) / format.scaling->scale);
  else if (number != std::trunc(number)) return fail(model::to_text(value) + " is not a whole number");
  const Range all = range(format.type);
  // The largest 64-bit integers are no doubles: what rounds up to 2^63 or 2^64 is out already.
  const bool too_large = count == 4 ? number >= all.most : number > all.most;
  if (!(number >= all.least) || too_large) return does_not_fit(value, format);
  const std::uint64_t bits =
      number < 0 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(number)) : static_cast<std::uint64_t>(number);
  return scatter(format.order, bits, count);
}

Result<std::vector<std::uint16_t>> encode_real(const Format& format, const model::Value& value) {
  double number = 0;
  if (const auto* as_real = std::get_if<double>(&value)) number = *as_real;
  else if (const auto* as_int = std::get_if<std::int64_t>(&value)) number = static_cast<double>(*as_int);
  else return wrong_type(value, "a number");
  if (!std::isfinite(number)) return fail(model::to_text(value) + " cannot be written", "write a finite number");
  if (format.scaling) number = (number - format.scaling->offset) / format.scaling->scale;
  if (format.type == Type::float64) return scatter(format.order, std::bit_cast<std::uint64_t>(number), 4);
  if (std::abs(number) > static_cast<double>(std::numeric_limits<float>::max())) return does_not_fit(value, format);
  return scatter(format.order, std::bit_cast<std::uint32_t>(static_cast<float>(number)), 2);
}

Result<std::vector<std::uint16_t>> encode_bit(const Format& format, const model::Value& value,
                                              std::span<const std::uint16_t> before) {
  const auto* on = std::get_if<bool>(&value);
  if (on == nullptr) return wrong_type(value, "true or false");
  const std::uint16_t word = before.empty() ? 0 : before.front();
  const std::uint16_t whole_word = swaps_bytes(format.order) ? swapped(word) : word;
  const auto mask = static_cast<std::uint16_t>(1U << format.bit);
  const auto changed = static_cast<std::uint16_t>(*on ? whole_word | mask : whole_word & ~mask);
  return std::vector<std::uint16_t>{swaps_bytes(format.order) ? swapped(changed) : changed};
}

}  // namespace

const char* to_text(Table table) { return kTables.at(static_cast<std::size_t>(table)); }
const char* to_text(Type type) { return kTypes.at(static_cast<std::size_t>(type)); }

int registers(const Format& format) {
  switch (format.type) {
    case Type::bit:
    case Type::int16:
    case Type::uint16: return 1;
    case Type::int32:
    case Type::uint32:
    case Type::float32: return 2;
    case Type::int64:
    case Type::uint64:
    case Type::float64: return 4;
    case Type::string: return (format.length + 1) / 2;
  }
  return 1;
}

model::ValueType value_type(const Format& format) {
  switch (format.type) {
    case Type::bit: return model::ValueType::boolean;
    case Type::string: return model::ValueType::string;
    case Type::float32:
    case Type::float64: return model::ValueType::real;
    default: return format.scaling ? model::ValueType::real : model::ValueType::integer;
  }
}

Decoded decode(const Format& format, std::span<const std::uint16_t> raw) {
  if (format.type == Type::string) return {decode_string(format, raw), model::kGood};
  const std::uint64_t bits = gather(format.order, raw);
  switch (format.type) {
    case Type::bit: return {(bits >> format.bit & 1) != 0, model::kGood};
    case Type::int16: return whole(static_cast<std::int16_t>(bits), format);
    case Type::int32: return whole(static_cast<std::int32_t>(bits), format);
    case Type::int64: return whole(static_cast<std::int64_t>(bits), format);
    case Type::float32:
      return real(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits))), format);
    case Type::float64: return real(std::bit_cast<double>(bits), format);
    default: break;
  }
  if (format.scaling) return real(static_cast<double>(bits), format);
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (bits > static_cast<std::uint64_t>(kMost)) return {kMost, model::kBadOutOfRange};
  return {static_cast<std::int64_t>(bits), model::kGood};
}

Result<std::vector<std::uint16_t>> encode(const Format& format, const model::Value& value,
                                          std::span<const std::uint16_t> before) {
  switch (format.type) {
    case Type::bit: return encode_bit(format, value, before);
    case Type::string: return encode_string(format, value);
    case Type::float32:
    case Type::float64: return encode_real(format, value);
    default: return encode_integer(format, value);
  }
}

model::Value no_value(model::ValueType type) {
  switch (type) {
    case model::ValueType::boolean: return false;
    case model::ValueType::integer: return std::int64_t{0};
    case model::ValueType::real: return std::numeric_limits<double>::quiet_NaN();
    case model::ValueType::string: return std::string();
    case model::ValueType::bytes: break;
  }
  return model::Bytes{};
}

std::string raw_text(Table table, int first, std::span<const std::uint16_t> raw) {
  std::string out = std::string(to_text(table)) + " " + std::to_string(first) + ":";
  for (const std::uint16_t word : raw) {
    char text[16];
    if (is_bits(table)) std::snprintf(text, sizeof text, " %d", word & 1);
    else std::snprintf(text, sizeof text, " %02X %02X", word >> 8, word & 0xFF);
    out += text;
  }
  return out;
}

}  // namespace weir::modbus
