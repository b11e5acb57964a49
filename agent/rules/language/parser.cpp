#include "rules/language/parser.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace weir::rules {
namespace {

struct Operator {
  std::string_view word;
  ExprKind kind;
  int binding;
};
constexpr Operator kOperators[] = {
    {"or", ExprKind::logical_or, 1}, {"and", ExprKind::logical_and, 2}, {"<", ExprKind::less, 4},
    {"<=", ExprKind::less_equal, 4}, {">", ExprKind::greater, 4},       {">=", ExprKind::greater_equal, 4},
    {"==", ExprKind::equal, 4},      {"!=", ExprKind::not_equal, 4},    {"+", ExprKind::add, 5},
    {"-", ExprKind::subtract, 5},    {"*", ExprKind::multiply, 6},      {"/", ExprKind::divide, 6},
    {"%", ExprKind::modulo, 6},
};
constexpr int kComparison = 4;
constexpr int kSum = 5;
constexpr int kUnary = 7;
constexpr std::string_view kReserved[] = {"and", "or", "not", "if", "then", "else", "true", "false", "in", "between"};
constexpr std::size_t kMostListed = 64;

class Parser {
 public:
  Parser(const std::vector<Token>& tokens, Fault& fault) : tokens_(tokens), fault_(fault) {}

  std::unique_ptr<Expr> run() {
    auto expr = expression(0);
    if (!expr) return nullptr;
    if (peek().kind != Token::Kind::end) return unexpected("an operator or the end");
    return expr;
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  const Token& next() { return tokens_[peek().kind == Token::Kind::end ? at_ : at_++]; }
  bool is(std::string_view word) const {
    return (peek().kind == Token::Kind::symbol || peek().kind == Token::Kind::name) && peek().word == word;
  }
  bool take(std::string_view word) {
    if (!is(word)) return false;
    ++at_;
    return true;
  }

  std::unique_ptr<Expr> fail(std::size_t offset, std::size_t length, std::string message, std::string hint = {}) {
    if (!failed_) fault_ = {offset, std::max<std::size_t>(length, 1), std::move(message), std::move(hint)};
    failed_ = true;
    return nullptr;
  }

  std::unique_ptr<Expr> unexpected(const std::string& wanted) {
    const Token& token = peek();
    if (token.kind == Token::Kind::end)
      return fail(token.offset, 1, "the expression ends where " + wanted + " should be");
    return fail(token.offset, token.length,
                "'" + std::string(token.word) + "' stands where " + wanted + " should be");
  }

  std::unique_ptr<Expr> make(ExprKind kind, std::size_t begin) {
    auto expr = std::make_unique<Expr>();
    expr->kind = kind;
    expr->offset = begin;
    return expr;
  }

  // Closes a node: its place ends with the last token read, its depth is known.
  std::unique_ptr<Expr> close(std::unique_ptr<Expr> expr) {
    const Token& last = tokens_[at_ == 0 ? 0 : at_ - 1];
    expr->length = last.offset + last.length - expr->offset;
    for (const auto& child : expr->children) expr->depth = std::max(expr->depth, child->depth + 1);
    if (expr->depth > kDeepestExpression)
      return fail(expr->offset, 1, "an expression nested too deeply", "split it into several rules");
    return expr;
  }

  std::unique_ptr<Expr> expression(int least) {
    if (++nesting_ > kDeepestExpression) {
      --nesting_;
      return fail(peek().offset, peek().length, "an expression nested too deeply", "split it into several rules");
    }
    auto expr = climb(least);
    --nesting_;
    return expr;
  }

  std::unique_ptr<Expr> climb(int least) {
    auto left = prefix();
    bool compared = false;  // whether `left` is a comparison without parentheses
    while (left) {
      const Operator* op = infix();
      const bool membership = op == nullptr && at_membership();
      if (op == nullptr && !membership) break;
      const int binding = membership ? kComparison : op->binding;
      if (binding < least) break;
      if (binding == kComparison && std::exchange(compared, true))
        return fail(peek().offset, peek().length, "comparisons do not chain", "write a < b and b < c");
      if (membership) {
        left = this->membership(std::move(left));
        continue;
      }
      next();
      auto right = expression(binding + 1);
      if (!right) return nullptr;
      auto both = make(op->kind, left->offset);
      both->children.push_back(std::move(left));
      both->children.push_back(std::move(right));
      left = close(std::move(both));
    }
    return left;
  }

  // in (…), between … and …, not in (…), not between … and …
  bool at_membership() const {
    if (!is("not")) return is("in") || is("between");
    const std::string_view word = tokens_[at_ + 1].word;  // an end token is last
    return word == "in" || word == "between";
  }

  std::unique_ptr<Expr> membership(std::unique_ptr<Expr> left) {
    const std::size_t begin = left->offset;
    const bool negated = take("not");
    auto expr = make(is("in") ? ExprKind::one_of : ExprKind::between, begin);
    next();
    expr->children.push_back(std::move(left));
    expr = expr->kind == ExprKind::one_of ? list(std::move(expr)) : bounds(std::move(expr));
    if (!negated || !expr) return expr;
    auto outer = make(ExprKind::logical_not, begin);
    outer->children.push_back(std::move(expr));
    return close(std::move(outer));
  }

  std::unique_ptr<Expr> list(std::unique_ptr<Expr> expr) {
    if (!take("(")) return unexpected("'('");
    do {
      if (expr->children.size() > kMostListed)
        return fail(peek().offset, peek().length,
                    "more than " + std::to_string(kMostListed) + " values to choose from");
      auto item = expression(0);
      if (!item) return nullptr;
      expr->children.push_back(std::move(item));
    } while (take(","));
    if (!take(")")) return unexpected("',' or ')'");
    return close(std::move(expr));
  }

  std::unique_ptr<Expr> bounds(std::unique_ptr<Expr> expr) {
    auto low = expression(kSum);
    if (!low) return nullptr;
    if (!take("and")) return unexpected("'and'");
    auto high = expression(kSum);
    if (!high) return nullptr;
    expr->children.push_back(std::move(low));
    expr->children.push_back(std::move(high));
    return close(std::move(expr));
  }

  const Operator* infix() const {
    if (peek().kind != Token::Kind::symbol && peek().kind != Token::Kind::name) return nullptr;
    const auto* found = std::ranges::find(kOperators, peek().word, &Operator::word);
    return found == std::end(kOperators) ? nullptr : found;
  }

  std::unique_ptr<Expr> prefix() {
    const Token& token = peek();
    if (take("-")) return unary(ExprKind::negate, token.offset, kUnary);
    if (take("not")) return unary(ExprKind::logical_not, token.offset, 3);
    if (take("if")) return choice(token.offset);
    if (take("(")) {
      auto inner = expression(0);
      if (!inner) return nullptr;
      if (!take(")")) return unexpected("')'");
      return inner;
    }
    return leaf();
  }

  std::unique_ptr<Expr> unary(ExprKind kind, std::size_t begin, int least) {
    auto child = expression(least);
    if (!child) return nullptr;
    auto expr = make(kind, begin);
    expr->children.push_back(std::move(child));
    return close(std::move(expr));
  }

  std::unique_ptr<Expr> choice(std::size_t begin) {
    auto expr = make(ExprKind::choice, begin);
    for (const std::string_view word : {"then", "else", ""}) {
      auto part = expression(word.empty() ? 0 : 1);
      if (!part) return nullptr;
      expr->children.push_back(std::move(part));
      if (!word.empty() && !take(word)) return unexpected("'" + std::string(word) + "'");
    }
    return close(std::move(expr));
  }

  std::unique_ptr<Expr> leaf() {
    const Token& token = peek();
    std::unique_ptr<Expr> expr;
    switch (token.kind) {
      case Token::Kind::number:
        expr = make(ExprKind::number, token.offset);
        expr->number = token.number;
        break;
      case Token::Kind::duration:
        expr = make(ExprKind::duration, token.offset);
        expr->duration = token.duration;
        break;
      case Token::Kind::text:
        expr = make(ExprKind::text, token.offset);
        expr->text = token.text;
        break;
      case Token::Kind::name: return named();
      default: return unexpected("a value");
    }
    next();
    return close(std::move(expr));
  }

  std::unique_ptr<Expr> named() {
    const Token token = peek();
    if (token.word == "true" || token.word == "false") {
      next();
      auto expr = make(ExprKind::truth, token.offset);
      expr->truth = token.word == "true";
      return close(std::move(expr));
    }
    if (std::ranges::find(kReserved, token.word) != std::end(kReserved)) return unexpected("a value");
    next();
    if (is(".")) return constant(token);
    auto expr = make(ExprKind::name, token.offset);
    expr->text = token.word;
    if (!take("(")) return close(std::move(expr));
    expr->kind = ExprKind::call;
    if (!is(")")) {
      do {
        auto argument = expression(0);
        if (!argument) return nullptr;
        expr->children.push_back(std::move(argument));
      } while (take(","));
    }
    if (!take(")")) return unexpected("',' or ')'");
    return close(std::move(expr));
  }

  // site.NAME; the token is what stands before the point.
  std::unique_ptr<Expr> constant(const Token& before) {
    if (before.word != "site")
      return fail(before.offset, before.length + 1,
                  "'" + std::string(before.word) + ".…' is nothing that a rule knows",
                  "constants of the site are: site.NAME");
    next();
    if (peek().kind != Token::Kind::name) return unexpected("the name of a constant");
    auto expr = make(ExprKind::constant, before.offset);
    expr->text = next().word;
    return close(std::move(expr));
  }

  const std::vector<Token>& tokens_;
  Fault& fault_;
  std::size_t at_ = 0;
  unsigned nesting_ = 0;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<Expr> parse_expression(std::string_view text, Fault& fault) {
  std::vector<Token> tokens;
  if (!tokenize(text, tokens, fault)) return nullptr;
  if (tokens.size() == 1) {
    fault = {0, 1, "an empty expression", "write a condition or a value, such as t > 90"};
    return nullptr;
  }
  return Parser(tokens, fault).run();
}

}  // namespace weir::rules
