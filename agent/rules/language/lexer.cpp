#include "rules/language/lexer.h"

#include <charconv>
#include <cmath>
#include <utility>

namespace weir::rules {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

struct Misspelling {
  std::string_view symbol, meant;
};
constexpr Misspelling kMisspellings[] = {{"&&", "and"}, {"||", "or"}, {"!", "not"},
                                         {"=", "=="},   {"<>", "!="}, {"^", "pow(x, y)"}};

class Lexer {
 public:
  Lexer(std::string_view text, std::vector<Token>& out, Fault& fault) : text_(text), out_(out), fault_(fault) {}

  bool run() {
    if (text_.size() > kLongestExpression)
      return fault(0, 1, "an expression of " + std::to_string(text_.size()) + " bytes",
                   std::to_string(kLongestExpression) + " are allowed; split the rule");
    while (true) {
      while (at_ < text_.size() &&
             (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
        ++at_;
      if (at_ == text_.size()) {
        add(Token::Kind::end, at_);
        return true;
      }
      const char c = text_[at_];
      const bool ok = is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1])) ? number()
                      : is_letter(c)                                                                  ? name()
                      : c == '"' || c == '\''                                                         ? quoted()
                                                                                                      : symbol();
      if (!ok) return false;
    }
  }

 private:
  Token& add(Token::Kind kind, std::size_t begin) {
    Token& token = out_.emplace_back();
    token.kind = kind;
    token.offset = begin;
    token.length = at_ - begin;
    token.word = text_.substr(begin, at_ - begin);
    return token;
  }

  bool fault(std::size_t offset, std::size_t length, std::string message, std::string hint = {}) {
    fault_ = {offset, length, std::move(message), std::move(hint)};
    return false;
  }

  void skip_digits() {
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  }

  bool number() {
    const std::size_t begin = at_;
    skip_digits();
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      skip_digits();
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      std::size_t exponent = at_ + 1;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
      if (exponent < text_.size() && is_digit(text_[exponent])) {
        at_ = exponent;
        skip_digits();
      }
    }
    if (at_ < text_.size() && (is_letter(text_[at_]) || text_[at_] == '.')) return duration(begin);
    const std::string_view word = text_.substr(begin, at_ - begin);
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || !std::isfinite(value))
      return fault(begin, word.size(), "'" + std::string(word) + "' is not a number that can be represented");
    add(Token::Kind::number, begin).number = value;
    return true;
  }

  bool duration(std::size_t begin) {
    while (at_ < text_.size() && (is_digit(text_[at_]) || is_letter(text_[at_]) || text_[at_] == '.')) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    Nanoseconds value = 0;
    if (!parse_duration(word, value))
      return fault(begin, word.size(), "'" + std::string(word) + "' is neither a number nor a duration",
                   "durations are whole numbers with ns, us, ms, s, m, h, d or w: 1h30m");
    add(Token::Kind::duration, begin).duration = value;
    return true;
  }

  bool name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    add(Token::Kind::name, begin);
    return true;
  }

  bool quoted() {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      char c = text_[at_++];
      if (c == '\\') {
        if (at_ == text_.size()) break;
        c = text_[at_++];
        if (c == 'n') c = '\n';
        else if (c == 't') c = '\t';
        else if (c != '\\' && c != '"' && c != '\'')
          return fault(at_ - 2, 2, std::string("'\\") + c + "' is no escape", "\\\\ \\\" \\' \\n and \\t are");
      }
      value.push_back(c);
    }
    if (at_ >= text_.size())
      return fault(begin, text_.size() - begin, "a text without its closing quote",
                   std::string("end it with ") + quote);
    ++at_;
    add(Token::Kind::text, begin).text = std::move(value);
    return true;
  }

  bool symbol() {
    const std::string_view rest = text_.substr(at_);
    for (const std::string_view two : {"==", "!=", "<=", ">="})
      if (rest.starts_with(two)) return take(2);
    for (const Misspelling& wrong : kMisspellings)
      if (rest.starts_with(wrong.symbol))
        return fault(at_, wrong.symbol.size(), "'" + std::string(wrong.symbol) + "' is not an operator",
                     "write '" + std::string(wrong.meant) + "'");
    if (std::string_view("+-*/%()<>,.").find(rest.front()) != std::string_view::npos) return take(1);
    const auto byte = static_cast<unsigned char>(rest.front());
    if (byte < 0x20 || byte >= 0x7F) return fault(at_, 1, "a character that does not belong into an expression");
    return fault(at_, 1, std::string("'") + rest.front() + "' does not belong into an expression");
  }

  bool take(std::size_t length) {
    const std::size_t begin = at_;
    at_ += length;
    add(Token::Kind::symbol, begin);
    return true;
  }

  std::string_view text_;
  std::vector<Token>& out_;
  Fault& fault_;
  std::size_t at_ = 0;
};

}  // namespace

bool tokenize(std::string_view text, std::vector<Token>& out, Fault& fault) { return Lexer(text, out, fault).run(); }

}  // namespace weir::rules
