#include "base/diagnostic.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "base/text.h"

namespace weir {

namespace {

constexpr std::size_t kMostOfALine = 200;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// What of the line is shown: all of it, or the part around the place.
std::string_view window(std::string_view line, std::size_t& column, bool& cut_front, bool& cut_back) {
  std::size_t begin = column > kMostOfALine / 2 && line.size() > kMostOfALine ? column - kMostOfALine / 2 : 0;
  begin = std::min(begin, line.size());
  while (begin > 0 && begin < line.size() && continues_character(line[begin])) --begin;
  std::size_t end = std::min(begin + kMostOfALine, line.size());
  while (end < line.size() && continues_character(line[end])) ++end;
  cut_front = begin > 0;
  cut_back = end < line.size();
  column -= begin;
  return line.substr(begin, end - begin);
}

// The line and a caret under the place.
void put_line(std::string& out, const Position& at, std::string_view line, int length) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  auto column = static_cast<std::size_t>(std::max(at.column - 1, 0));
  bool cut_front = false, cut_back = false;
  line = window(line, column, cut_front, cut_back);
  const std::string number = std::to_string(at.line);
  out += "  " + number + " | " + (cut_front ? "…" : "");
  // Whoever wrote the file does not get to steer the terminal.
  for (const char c : line) out += (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F ? '?' : c;
  out += std::string(cut_back ? "…" : "") + "\n  " + std::string(number.size(), ' ') + " | " + (cut_front ? " " : "");
  for (std::size_t i = 0; i < column; ++i) {
    const char c = i < line.size() ? line[i] : ' ';
    // A tab stays a tab, and of a character of many bytes only the first takes a place.
    if (c == '\t') out += '\t';
    else if (!continues_character(c)) out += ' ';
  }
  const std::string_view marked =
      line.substr(std::min(column, line.size()), static_cast<std::size_t>(std::max(length, 1)));
  const auto places = std::ranges::count_if(marked, [](char c) { return !continues_character(c); });
  out += std::string(static_cast<std::size_t>(std::max<std::ptrdiff_t>(places, 1)), '^') + "\n";
}

// 64 hex digits, or 32 bytes as base64.
bool holds_key(std::string_view line) {
  std::size_t hex = 0, base64 = 0;
  for (const char c : line) {
    const bool digit = c >= '0' && c <= '9';
    const char small = static_cast<char>(c | 0x20);
    hex = digit || (small >= 'a' && small <= 'f') ? hex + 1 : 0;
    if (hex == 64 || (c == '=' && base64 >= 43)) return true;
    base64 = digit || (small >= 'a' && small <= 'z') || c == '+' || c == '/' ? base64 + 1 : 0;
  }
  return false;
}

// A secret that should not stand in the file at all should not get to a terminal or a journal as well.
bool holds_secret(std::string_view line) {
  if (holds_key(line)) return true;
  const std::string text = lower(line);
  for (const std::string_view key : {"password", "passphrase", "secret"}) {
    const std::size_t at = text.find(key);
    if (at == std::string::npos) continue;
    const std::size_t after = text.find_first_not_of("\"' \t", at + key.size());
    if (after != std::string::npos && text[after] == ':') return true;
  }
  const std::size_t scheme = text.find("://");
  return scheme != std::string::npos && text.find('@', scheme) != std::string::npos;
}

}  // namespace

bool has_errors(const Diagnostics& diagnostics) {
  return std::ranges::any_of(diagnostics,
                             [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::error; });
}

std::string render(const Diagnostic& diagnostic, std::string_view source) {
  const Position& at = diagnostic.position;
  std::string out;
  if (at.file) out += *at.file + ":";
  if (at.line > 0) out += std::to_string(at.line) + ":" + std::to_string(at.column) + ":";
  if (!out.empty()) out += " ";
  out += diagnostic.severity == Diagnostic::Severity::error ? "error: " : "warning: ";
  out += diagnostic.message + "\n";

  if (at.line > 0 && !source.empty()) {
    std::size_t begin = 0;
    for (int line = 1; line < at.line && begin != std::string_view::npos; ++line) {
      begin = source.find('\n', begin);
      if (begin != std::string_view::npos) ++begin;
    }
    if (begin != std::string_view::npos && begin < source.size()) {
      const std::string_view line = source.substr(begin, source.find('\n', begin) - begin);
      if (!holds_secret(line)) put_line(out, at, line, diagnostic.length);
    }
  }
  if (!diagnostic.hint.empty()) out += "  " + diagnostic.hint + "\n";
  return out;
}

}  // namespace weir
