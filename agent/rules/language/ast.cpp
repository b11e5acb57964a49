#include "rules/language/ast.h"

#include <charconv>
#include <chrono>

namespace weir::rules {
namespace {

// How tightly a kind binds; as in the parser.
int binding(ExprKind kind) {
  switch (kind) {
    case ExprKind::choice: return 0;
    case ExprKind::logical_or: return 1;
    case ExprKind::logical_and: return 2;
    case ExprKind::logical_not: return 3;
    case ExprKind::less:
    case ExprKind::less_equal:
    case ExprKind::greater:
    case ExprKind::greater_equal:
    case ExprKind::equal:
    case ExprKind::not_equal:
    case ExprKind::between:
    case ExprKind::one_of: return 4;
    case ExprKind::add:
    case ExprKind::subtract: return 5;
    case ExprKind::multiply:
    case ExprKind::divide:
    case ExprKind::modulo: return 6;
    case ExprKind::negate: return 7;
    default: return 8;
  }
}

const char* symbol(ExprKind kind) {
  switch (kind) {
    case ExprKind::add: return " + ";
    case ExprKind::subtract: return " - ";
    case ExprKind::multiply: return " * ";
    case ExprKind::divide: return " / ";
    case ExprKind::modulo: return " % ";
    case ExprKind::less: return " < ";
    case ExprKind::less_equal: return " <= ";
    case ExprKind::greater: return " > ";
    case ExprKind::greater_equal: return " >= ";
    case ExprKind::equal: return " == ";
    case ExprKind::not_equal: return " != ";
    case ExprKind::logical_and: return " and ";
    case ExprKind::logical_or: return " or ";
    default: return "";
  }
}

void write(const Expr& expr, std::string& out);

void write_within(const Expr& expr, int least, std::string& out) {
  const bool parentheses = binding(expr.kind) < least;
  if (parentheses) out += '(';
  write(expr, out);
  if (parentheses) out += ')';
}

void write_list(const Expr& expr, std::size_t first, std::string& out) {
  out += '(';
  for (std::size_t i = first; i < expr.children.size(); ++i) {
    if (i > first) out += ", ";
    write(*expr.children[i], out);
  }
  out += ')';
}

// x in (a, b), x between a and b, and with `not` what is not.
void write_membership(const Expr& expr, const char* negation, std::string& out) {
  write_within(*expr.children[0], 5, out);
  out += negation;
  if (expr.kind == ExprKind::one_of) {
    out += " in ";
    return write_list(expr, 1, out);
  }
  out += " between ";
  write_within(*expr.children[1], 5, out);
  out += " and ";
  write_within(*expr.children[2], 5, out);
}

bool is_membership(const Expr& expr) { return expr.kind == ExprKind::one_of || expr.kind == ExprKind::between; }

void write_quoted(const std::string& text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
}

void write(const Expr& expr, std::string& out) {
  switch (expr.kind) {
    case ExprKind::number: {
      char digits[32];
      const auto [end, error] = std::to_chars(digits, digits + sizeof digits, expr.number);
      out.append(digits, error == std::errc{} ? end : digits);
      return;
    }
    case ExprKind::duration: out += weir::to_text(std::chrono::nanoseconds(expr.duration)); return;
    case ExprKind::text: write_quoted(expr.text, out); return;
    case ExprKind::truth: out += expr.truth ? "true" : "false"; return;
    case ExprKind::name: out += expr.text; return;
    case ExprKind::negate:
      out += '-';
      write_within(*expr.children[0], 7, out);
      return;
    case ExprKind::constant: out += "site." + expr.text; return;
    case ExprKind::logical_not:
      if (is_membership(*expr.children[0])) return write_membership(*expr.children[0], " not", out);
      out += "not ";
      write_within(*expr.children[0], 3, out);
      return;
    case ExprKind::choice:
      out += "if ";
      write_within(*expr.children[0], 1, out);
      out += " then ";
      write_within(*expr.children[1], 1, out);
      out += " else ";
      write_within(*expr.children[2], 0, out);
      return;
    case ExprKind::between:
    case ExprKind::one_of: return write_membership(expr, "", out);
    case ExprKind::call: out += expr.text; return write_list(expr, 0, out);
    default: break;
  }
  // Operators are left-associative, comparisons not associative at all.
  const int own = binding(expr.kind);
  write_within(*expr.children[0], own == 4 ? 5 : own, out);
  out += symbol(expr.kind);
  write_within(*expr.children[1], own + 1, out);
}

}  // namespace

std::string print(const Expr& expr) {
  std::string out;
  write(expr, out);
  return out;
}

}  // namespace weir::rules
