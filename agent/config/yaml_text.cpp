#include "config/yaml_text.h"

#include <cstdint>
#include <cstdio>

namespace weir::config {
namespace {

// How many bytes the UTF-8 sequence at the front takes; 0: it is none (Unicode 15, table 3-7).
std::size_t sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF)
    return continues(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && continues(2) ? 3 : 0;
  if (first >= 0xF0 && first <= 0xF4)
    return continues(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && continues(2) && continues(3) ? 4
                                                                                                                  : 0;
  return 0;
}

std::string hex(unsigned char byte) {
  char text[8];
  std::snprintf(text, sizeof text, "0x%02X", byte);
  return text;
}

}  // namespace

std::string checked_text(std::string_view raw, const Position& start, Diagnostics& diagnostics) {
  if (raw.starts_with("\xEF\xBB\xBF")) raw.remove_prefix(3);
  Position at = start;
  const auto refuse = [&](std::string message, std::string hint) {
    diagnostics.push_back({Diagnostic::Severity::error, at, std::move(message), std::move(hint), 1});
  };
  if (raw.size() > kMostBytes) {
    refuse("the file has " + std::to_string(raw.size()) + " bytes",
           std::to_string(kMostBytes) + " are allowed; is it the right file?");
    return {};
  }

  std::string text;
  text.reserve(raw.size());
  at.line = at.column = 1;
  bool indenting = true;
  while (!raw.empty()) {
    const auto c = static_cast<unsigned char>(raw.front());
    if (raw.starts_with("\r\n")) raw.remove_prefix(1);
    if (raw.front() == '\n') {
      text += '\n';
      raw.remove_prefix(1);
      ++at.line;
      at.column = 1;
      indenting = true;
      continue;
    }
    const std::size_t size = sequence(raw);
    // Bytes that are no text tell nothing more after the first.
    if (size == 0) {
      refuse("byte " + hex(c) + " is not UTF-8", "save the file as UTF-8");
      return {};
    }
    if ((c < 0x20 && c != '\t') || c == 0x7F) {
      refuse(c == 0      ? "a NUL byte"
             : c == '\r' ? "a carriage return without a line feed"
                         : "the control character " + hex(c),
             c == 0 ? "save the file as UTF-8; is it the right file?" : "remove it");
      return {};
    }
    if (indenting && c == '\t') {
      refuse("a tab indents this line", "indent with spaces; YAML allows no tabs");
      indenting = false;
    }
    if (c == '%' && at.column == 1) refuse("directives (%…) are not read", "remove the line");
    if (c != ' ') indenting = false;
    text.append(raw.substr(0, size));
    raw.remove_prefix(size);
    at.column += static_cast<int>(size);
  }
  return text;
}

}  // namespace weir::config
