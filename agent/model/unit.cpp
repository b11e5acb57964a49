#include "model/unit.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/text.h"
#include "model/unit_table.h"

namespace weir::model {
namespace {

using unit_table::Atom;
using unit_table::Kind;

constexpr std::size_t kLongest = 128;
constexpr int kDeepest = 16;
constexpr int kMostPower = 99;

// What a term is worth, with what converts to itself only by name and power.
struct Term {
  double scale = 1;
  std::array<int, 7> dimension{};
  std::map<std::string, int, std::less<>> own;

  // Multiplies by other^power. Divides where it can: 1/1000 is no binary fraction, and 1/1000 rounded twice shows.
  void take(const Term& other, int power) {
    for (int i = 0; i < std::abs(power); ++i) scale = power > 0 ? scale * other.scale : scale / other.scale;
    for (std::size_t i = 0; i < dimension.size(); ++i) dimension[i] += other.dimension[i] * power;
    for (const auto& [name, own_power] : other.own)
      if ((own[name] += own_power * power) == 0) own.erase(name);
  }

  bool sane() const {
    const auto fine = [](int power) { return std::abs(power) <= kMostPower; };
    return std::isfinite(scale) && scale > 0 && std::ranges::all_of(dimension, fine) &&
           std::ranges::all_of(own, [&](const auto& part) { return fine(part.second); });
  }
};

struct Symbol {
  const unit_table::Prefix* prefix = nullptr;
  const Atom* atom = nullptr;
};

Symbol find(std::string_view text) {
  for (const Atom& atom : unit_table::atoms())
    if (atom.code == text) return {nullptr, &atom};
  for (const unit_table::Prefix& prefix : unit_table::prefixes()) {
    if (!text.starts_with(prefix.code)) continue;
    for (const Atom& atom : unit_table::atoms())
      if (atom.metric && atom.code == text.substr(prefix.code.size())) return {&prefix, &atom};
  }
  return {};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The grammar of UCUM, §2: term and '.' and '/', from left to right, with one precedence.
class Parser {
 public:
  explicit Parser(std::string_view text, int depth = 0) : text_(text), depth_(depth) {}

  Result<Term> parse() {
    auto term = main_term();
    if (!term) return term;
    if (at_ < text_.size()) return fail(peek() == ')' ? "a ')' that closes nothing" : unexpected());
    if (special_ != nullptr && (parts_ != 1 || powers_))
      return fail("'" + std::string(special_->code) + "' is no ratio, and stands alone",
                  special_->offset != 0 ? "a difference of temperature is in K: K/min" : "");
    return term;
  }

  const Atom* special() const { return special_; }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  std::string unexpected() const { return std::string("'") + text_[at_] + "' cannot stand here"; }

  Result<Term> main_term() {
    Term out;
    int power = 1;
    if (peek() == '/') {
      power = -1;
      ++at_;
      ++parts_;
    }
    for (;;) {
      auto part = component();
      if (!part) return part;
      out.take(*part, power);
      if (!out.sane()) return fail("it is too large, or too small");
      if (peek() != '.' && peek() != '/') return out;
      power = text_[at_++] == '/' ? -1 : 1;
    }
  }

  Result<Term> component() {
    ++parts_;
    if (at_ >= text_.size()) return fail("a unit is missing at the end");
    Result<Term> out;
    if (peek() == '(') {
      if (++depth_ > kDeepest) return fail("too many parentheses");
      ++at_;
      ++parts_;
      out = main_term();
      if (!out) return out;
      if (peek() != ')') return fail("a ')' is missing");
      ++at_;
      --depth_;
      return out;
    }
    if (peek() == '{') {
      const std::size_t from = at_;
      if (auto fine = annotation(); !fine) return std::unexpected(fine.error());
      // UCUM counts it as 1; then 5 {rpm} would be 500 %.
      out->own[std::string(text_.substr(from, at_ - from))] = 1;
      return out;
    }
    out = is_digit(peek()) && !ten() ? factor() : atom();
    if (out && peek() == '{')
      if (auto fine = annotation(); !fine) return std::unexpected(fine.error());
    return out;
  }

  // "10*" and "10^", the number ten for powers.
  bool ten() const { return text_.substr(at_).starts_with("10*") || text_.substr(at_).starts_with("10^"); }

  Result<void> annotation() {
    const std::size_t end = text_.find_first_of("{}", at_ + 1);
    if (end == std::string_view::npos || text_[end] != '}') return fail("a '}' is missing");
    at_ = end + 1;
    return {};
  }

  Result<Term> factor() {
    Term out;
    const std::size_t from = at_;
    double value = 0;
    for (; is_digit(peek()); ++at_) value = value * 10 + (text_[at_] - '0');
    if (at_ - from > 15) return fail("the number is too long");
    if (value == 0) return fail("a unit of 0");
    out.scale = value;
    return out;
  }

  // As many characters as can be a symbol: digits are of it within brackets only, else of the exponent.
  std::string_view symbol() {
    const std::size_t from = at_;
    bool brackets = false;
    for (; !ten() && at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (!brackets && (is_digit(c) || std::string_view("+-./(){}]").find(c) != std::string_view::npos)) break;
      if (c == '[') brackets = true;
      if (c == ']') brackets = false;
    }
    if (at_ == from && ten()) at_ += 3;
    return text_.substr(from, at_ - from);
  }

  Result<int> exponent() {
    const bool negative = peek() == '-';
    if (negative || peek() == '+') {
      ++at_;
      if (!is_digit(peek())) return fail("an exponent is missing");
    }
    if (!is_digit(peek())) return 1;
    powers_ = true;
    int value = 0;
    for (; is_digit(peek()); ++at_)
      if ((value = value * 10 + (text_[at_] - '0')) > kMostPower) return fail("the exponent is too large");
    if (value == 0) return fail("an exponent of 0");
    return negative ? -value : value;
  }

  Result<Term> atom() {
    const std::string_view code = symbol();
    if (code.empty()) return fail(unexpected());
    const Symbol found = find(code);
    if (found.atom == nullptr) return fail("there is no '" + std::string(code) + "'");
    auto unit = value_of(*found.atom);
    if (!unit) return unit;
    if (found.prefix != nullptr) unit->scale = unit->scale * found.prefix->times / found.prefix->over;
    if (found.atom->kind == Kind::special) special_ = found.atom;
    auto power = exponent();
    if (!power) return std::unexpected(power.error());
    Term out;
    out.take(*unit, *power);
    if (!out.sane()) return fail("it is too large, or too small");
    return out;
  }

  Result<Term> value_of(const Atom& atom) const {
    Term out;
    if (atom.kind == Kind::base) {
      out.dimension[static_cast<std::size_t>(atom.value)] = 1;
      return out;
    }
    if (atom.definition.empty()) {
      out.own[std::string(atom.code)] = 1;
      return out;
    }
    auto definition = Parser(atom.definition, depth_ + 1).parse();
    if (!definition) return definition;
    definition->scale *= atom.value;
    return definition;
  }

  std::string_view text_;
  int depth_;
  std::size_t at_ = 0;
  int parts_ = 0;
  bool powers_ = false;
  const Atom* special_ = nullptr;
};

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

// Symbols that are the same but for case: "kpa" is kPa, "mpa" is mPa or MPa.
std::vector<std::string> whatever_case(std::string_view word) {
  std::vector<std::string> out;
  const std::string wanted = lower(word);
  const auto consider = [&](std::string_view prefix, const Atom& atom) {
    if (prefix.size() + atom.code.size() != wanted.size()) return;
    std::string code = std::string(prefix) + std::string(atom.code);
    if (lower(code) == wanted) out.push_back(std::move(code));
  };
  for (const Atom& atom : unit_table::atoms()) {
    consider("", atom);
    if (!atom.metric) continue;
    for (const unit_table::Prefix& prefix : unit_table::prefixes()) consider(prefix.code, atom);
  }
  return out;
}

std::string replaced(std::string_view word) {
  if (find(word).atom != nullptr) return std::string(word);
  if (const std::string_view usual = unit_table::usual_mistake(word); !usual.empty()) return std::string(usual);
  const auto same = whatever_case(word);
  return same.size() == 1 ? same.front() : std::string(word);
}

// What was probably meant by what is no unit; empty if that cannot be said.
std::string meant(std::string_view text) {
  if (const std::string_view usual = unit_table::usual_mistake(text); !usual.empty())
    return "write " + std::string(usual);
  std::string plain(text);
  for (const auto& [what, by] : unit_table::odd_characters()) replace_all(plain, what, by);
  if (const std::string_view usual = unit_table::usual_mistake(plain); !usual.empty())
    return "write " + std::string(usual);
  // Word by word, with what is between them.
  std::string out;
  for (std::size_t at = 0; at < plain.size();) {
    const std::size_t end = std::min(plain.find_first_of("./(){}", at), plain.size());
    if (end == at) {
      out += plain[at++];
      continue;
    }
    const std::string_view part = std::string_view(plain).substr(at, end - at);
    const std::size_t letters = part.find_last_not_of("0123456789+-") + 1;
    out += replaced(part.substr(0, letters));
    out += part.substr(letters);
    at = end;
  }
  if (out != text && Parser(out).parse()) return "write " + out;
  const auto same = whatever_case(plain);
  if (same.size() > 1)
    return "did you mean " + join(std::span(same).first(std::min<std::size_t>(same.size(), 4)), " or ") + "?";
  return "units are spelt as in UCUM: Cel, kPa, m3/h, kW.h, [degF], %";
}

}  // namespace

Result<Unit> Unit::parse(std::string_view text) {
  if (text.empty()) return fail("a unit is empty", "write 1 for a mere number");
  if (text.size() > kLongest)
    return fail("a unit of " + std::to_string(text.size()) + " bytes", std::to_string(kLongest) + " are allowed");
  const auto refuse = [&](const std::string& why, std::string hint) {
    std::string shown = to_utf8(text, 40);
    std::ranges::replace_if(shown, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    return fail("'" + shown + "' is no unit: " + why, hint.empty() ? meant(text) : std::move(hint));
  };
  if (std::ranges::any_of(text, [](char c) { return c <= 0x20 || c >= 0x7f; }))
    return refuse("it has characters that UCUM does not know", {});
  Parser parser(text);
  auto term = parser.parse();
  if (!term) return refuse(term.error().what, term.error().hint);

  Unit out;
  out.text = text;
  out.scale = term->scale;
  for (std::size_t i = 0; i < term->dimension.size(); ++i)
    out.dimension[i] = static_cast<signed char>(term->dimension[i]);
  for (const auto& [name, power] : term->own) {
    out.own += (out.own.empty() ? "" : ".") + name + (power == 1 ? "" : std::to_string(power));
    out.dimension.back() = 1;
  }
  if (parser.special() != nullptr) out.offset = parser.special()->offset;
  return out;
}

std::optional<Conversion> convert(const Unit& from, const Unit& to) {
  if (from.dimension != to.dimension || from.own != to.own) return std::nullopt;
  if (from.scale == to.scale && from.offset == to.offset) return Conversion{};
  return Conversion{from.scale / to.scale, (from.offset - to.offset) / to.scale};
}

std::string misread(const Unit& from, const Unit& to) {
  for (const Unit* unit : {&from, &to})
    if (const std::string_view meant = unit_table::usually_meant(unit->text); !meant.empty())
      return "UCUM reads '" + unit->text + "' as something else: write " + std::string(meant);
  return {};
}

}  // namespace weir::model
