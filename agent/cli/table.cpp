#include "cli/table.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/text.h"

namespace weir::cli {

std::string printable(std::string_view text, std::string_view fine) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are control characters, too.
    const bool c1 = c == 0xC2 && i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xE0) == 0x80;
    if ((c >= 0x20 && c != 0x7F && !c1) || fine.contains(text[i])) {
      out += text[i];
      continue;
    }
    char escaped[8];
    const unsigned code = c1 ? static_cast<unsigned char>(text[++i]) : c;
    std::snprintf(escaped, sizeof escaped, "\\x%02x", code);
    out += escaped;
  }
  return out;
}

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t terminal_width(std::FILE* stream) {
  winsize size{};
  if (::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const unsigned long given = columns != nullptr ? std::strtoul(columns, nullptr, 10) : 0;
  return given > 0 ? given : 80;
}

bool is_utf8_locale() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == '\0') continue;
    const std::string locale = lower(value);
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

Paint::Paint(std::FILE* stream) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  on_ = ::isatty(::fileno(stream)) == 1 && (no_colour == nullptr || *no_colour == '\0') && terminal != nullptr &&
        std::string_view(terminal) != "dumb";
}

std::string Paint::operator()(Colour colour, std::string_view text) const {
  if (!on_ || colour == Colour::none || text.empty()) return std::string(text);
  const char* code = colour == Colour::red      ? "\x1b[1;31m"
                     : colour == Colour::green  ? "\x1b[32m"
                     : colour == Colour::yellow ? "\x1b[33m"
                                                : "\x1b[2m";
  return code + std::string(text) + "\x1b[0m";
}

Colour colour_of(std::string_view state) {
  for (const std::string_view fine : {"good", "up", "running", "connected", "info"})
    if (state == fine) return Colour::green;
  for (const std::string_view doubtful : {"uncertain", "degraded", "starting", "backing off", "warning"})
    if (state.starts_with(doubtful)) return Colour::yellow;
  for (const std::string_view wrong : {"bad", "down", "crash loop", "not connected", "critical"})
    if (state.starts_with(wrong)) return Colour::red;
  return Colour::none;
}

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(const Paint& paint) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(width(columns_[i].title));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  const auto line = [&](const auto& cell, const auto& colour) {
    std::string row;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string text = cell(i);
      const std::string blanks(widths[i] - width(text), ' ');
      if (i > 0) row += "  ";
      row += columns_[i].right ? blanks + text : paint(colour(i, text), text) + blanks;
    }
    row.erase(row.find_last_not_of(' ') + 1);
    out += row + "\n";
  };
  line([&](std::size_t i) { return columns_[i].title; }, [](std::size_t, const std::string&) { return Colour::dim; });
  for (const auto& row : rows_)
    line([&](std::size_t i) { return row[i]; },
         [&](std::size_t i, const std::string& text) {
           return columns_[i].coloured ? colour_of(text) : Colour::none;
         });
  return out;
}

std::string duration_text(Nanoseconds duration) {
  struct Unit {
    Nanoseconds size;
    const char* name;
  };
  static constexpr Unit kUnits[] = {{kDay, "d"}, {kHour, "h"}, {kMinute, "m"}, {kSecond, "s"}};
  Nanoseconds left = std::max<Nanoseconds>(duration, 0);
  std::string out;
  int said = 0;
  for (const Unit& unit : kUnits) {
    const Nanoseconds count = left / unit.size;
    if (said > 0 && ++said > 2) break;
    if (count == 0) continue;
    left %= unit.size;
    out += std::to_string(count) + unit.name;
    said = std::max(said, 1);
  }
  return out.empty() ? "0s" : out;
}

std::string since_text(std::string_view iso, Timestamp now) {
  Timestamp time = 0;
  return parse_iso(iso, time) ? duration_text(now - time) : std::string();
}

std::string time_text(Timestamp time) {
  const Timestamp past = (time % kSecond + kSecond) % kSecond;
  std::string out = to_iso(time - past);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(past / kMillisecond));
  return out.replace(out.size() - 1, 1, fraction);
}

std::string short_text(const model::Value& value) {
  const double* real = std::get_if<double>(&value);
  if (real == nullptr) return model::to_text(value);
  char text[32];
  std::snprintf(text, sizeof text, "%.7g", *real);
  return text;
}

std::string count_text(std::uint64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

std::string rate_text(double per_second) {
  char text[32];
  std::snprintf(text, sizeof text, per_second != 0 && std::fabs(per_second) < 10 ? "%.1f" : "%.0f", per_second);
  return text;
}

std::string csv(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

Node json_value(const model::Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return Node::of(*flag);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return Node::of(*integer);
  if (const auto* real = std::get_if<double>(&value)) return Node::of(*real);
  return Node::of(model::to_text(value));
}

std::string text_of(const Node& node, std::string_view key) {
  const std::string* text = node_of(node, key).as_string();
  return text != nullptr ? *text : std::string();
}

std::int64_t number_of(const Node& node, std::string_view key) {
  const std::int64_t* number = node_of(node, key).as_int();
  return number != nullptr ? *number : 0;
}

double real_of(const Node& node, std::string_view key) {
  double out = 0;
  return node_of(node, key).as_number(out) ? out : 0;
}

bool is_true(const Node& node, std::string_view key) {
  const bool* flag = node_of(node, key).as_bool();
  return flag != nullptr && *flag;
}

const Node::List& list_of(const Node& node, std::string_view key) {
  static const Node::List kNone;
  const Node::List* list = node_of(node, key).as_list();
  return list != nullptr ? *list : kNone;
}

const Node& node_of(const Node& node, std::string_view key) {
  static const Node kNothing;
  const Node* member = node.find(key);
  return member != nullptr ? *member : kNothing;
}

}  // namespace weir::cli
