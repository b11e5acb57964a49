#include "base/diagnostic.h"

#include <algorithm>

namespace weir {

bool has_errors(const Diagnostics& diagnostics) {
  return std::ranges::any_of(diagnostics, [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::error; });
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
    if (begin != std::string_view::npos && begin <= source.size()) {
      const std::string_view line = source.substr(begin, source.find('\n', begin) - begin);
      const std::string number = std::to_string(at.line);
      out += "  " + number + " | ";
      out.append(line);
      out += "\n  " + std::string(number.size(), ' ') + " | ";
      const auto before = static_cast<std::size_t>(std::max(at.column - 1, 0));
      for (std::size_t i = 0; i < before; ++i) {
        const char c = i < line.size() ? line[i] : ' ';
        // A tab stays a tab, and of a character of many bytes only the first takes a place.
        if (c == '\t') out += '\t';
        else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) out += ' ';
      }
      out += std::string(static_cast<std::size_t>(std::max(diagnostic.length, 1)), '^') + "\n";
    }
  }
  if (!diagnostic.hint.empty()) out += "  " + diagnostic.hint + "\n";
  return out;
}

}  // namespace weir
