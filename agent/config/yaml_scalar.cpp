#include "config/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

#include "base/text.h"

namespace weir::config {
namespace {

constexpr std::array<std::string_view, 3> kTrue{"true", "yes", "on"};
constexpr std::array<std::string_view, 3> kFalse{"false", "no", "off"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::unexpected<Error> misspelt(std::string_view text, std::string_view what, std::string_view right) {
  return fail("'" + std::string(text) + "' is not " + std::string(what),
              (right.empty() ? "" : "write " + std::string(right) + ", or ") + (right.empty() ? "write " : "") +
                  quoted(text) + " if it is a text");
}

// The parts of what looks like a decimal number: sign, digits, point, digits, exponent.
struct Decimal {
  std::string_view sign, whole, point, fraction, exponent;

  static bool split(std::string_view text, Decimal& out) {
    const auto take = [&](std::size_t count) {
      const std::string_view part = text.substr(0, count);
      text.remove_prefix(count);
      return part;
    };
    out.sign = take(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
    out.whole = take(digits(text));
    out.point = take(text.starts_with('.') ? 1 : 0);
    out.fraction = take(out.point.empty() ? 0 : digits(text));
    if (out.whole.empty() && out.fraction.empty()) return false;
    if (text.starts_with('e') || text.starts_with('E')) {
      const std::size_t sign = text.substr(1).starts_with('-') || text.substr(1).starts_with('+') ? 1 : 0;
      const std::size_t count = digits(text.substr(1 + sign));
      if (count == 0) return false;
      out.exponent = take(1 + sign + count);
    }
    return text.empty();
  }

  bool is_json() const {
    return sign != "+" && (whole == "0" || (!whole.empty() && whole.front() != '0')) &&
           point.empty() == fraction.empty();
  }

  std::string as_json() const {
    std::string out(sign == "-" ? sign : "");
    const std::size_t zeros = std::min(whole.find_first_not_of('0'), whole.size());
    out += zeros == whole.size() ? "0" : whole.substr(zeros);
    if (!fraction.empty()) out += "." + std::string(fraction);
    return out + std::string(exponent);
  }
};

Result<Node::Data> number(std::string_view text, const Decimal& decimal) {
  const char* const end = text.data() + text.size();
  if (decimal.fraction.empty() && decimal.exponent.empty()) {
    std::int64_t whole = 0;
    if (std::from_chars(text.data(), end, whole).ec == std::errc{}) return whole;
    return misspelt(text, "within 64 bits", std::string(text) + ".0");
  }
  double real = 0;
  if (std::from_chars(text.data(), end, real).ec == std::errc{}) return real;
  return misspelt(text, "a number that a double can hold", "");
}

// 0x10, 0o17, 0b1, 1_000: numbers elsewhere.
bool is_foreign_number(std::string_view text, std::string& right) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.size() > 2 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    std::uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(text.data() + 2, text.data() + text.size(), value, base == 0 ? 10 : base);
    if (base != 0 && end == text.data() + text.size()) {
      if (error == std::errc{}) right = std::to_string(value);
      return true;
    }
  }
  if (text.empty() || !is_digit(text.front()) || text.find('_') == std::string_view::npos) return false;
  for (const char c : text) {
    if (!is_digit(c) && c != '_' && c != '.') return false;
    if (c != '_') right += c;
  }
  return true;
}

bool is_one_of(std::string_view text, std::span<const std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

}  // namespace

Result<Node::Data> resolve_plain(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;

  if (text.size() <= 9) {
    const std::string word = lower(text);
    if (is_one_of(word, kTrue)) return misspelt(text, "a bool", "true");
    if (is_one_of(word, kFalse)) return misspelt(text, "a bool", "false");
    if (word == "null" || word == "~") return misspelt(text, "a value", "nothing behind the colon");
    const std::string_view bare = std::string_view(word).substr(
        word.find_first_not_of("+-.") == std::string::npos ? 0 : word.find_first_not_of("+-."));
    if (bare == "inf" || bare == "infinity" || bare == "nan") return misspelt(text, "a number", "");
  }

  Decimal decimal;
  if (Decimal::split(text, decimal)) {
    if (decimal.is_json()) return number(text, decimal);
    return misspelt(text, "a number as JSON writes it", decimal.as_json());
  }
  std::string right;
  if (is_foreign_number(text, right)) {
    if (text.starts_with('-') && !right.empty()) right.insert(0, "-");
    return misspelt(text, "a number as JSON writes it", right);
  }
  return std::string(text);
}

Result<void> check_plain_key(std::string_view text) {
  if (text == "<<") return fail("merge keys (<<) are not read", "write the keys out");
  if (text.size() > 5) return {};
  const std::string word = lower(text);
  if (is_one_of(word, kTrue) || is_one_of(word, kFalse) || word == "null" || word == "~")
    return fail("'" + std::string(text) + "' as a key is not a text to every reader of YAML",
                "write " + quoted(text));
  return {};
}

}  // namespace weir::config
