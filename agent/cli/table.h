// How things are shown: aligned columns, durations, colours only where there is a terminal for them.
//
// What comes from outside (a device's words, a signal's name, a stranger's message) goes through
// printable() before it reaches a terminal; Table does that by itself.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/document.h"
#include "model/value.h"

namespace weir::cli {

// Control characters as \x1b and the like: a terminal obeys them, a text has none but those that are `fine`.
std::string printable(std::string_view text, std::string_view fine = {});

inline constexpr std::string_view kLines = "\n\t";  // of a text of several lines

// Columns of `text`, taking each UTF-8 character for one.
std::size_t width(std::string_view text);

enum class Colour { none, red, green, yellow, dim };

// Of the terminal that `stream` is; else as COLUMNS says; else 80.
std::size_t terminal_width(std::FILE* stream);

// Whether the locale's characters are UTF-8.
bool is_utf8_locale();

// Colours for what is written to `stream`, if it is a terminal and NO_COLOR (no-color.org) is not set.
class Paint {
 public:
  Paint() = default;  // none
  explicit Paint(std::FILE* stream);
  std::string operator()(Colour colour, std::string_view text) const;
  bool on() const { return on_; }

 private:
  bool on_ = false;
};

// good, up and the like are green; what calls for somebody is red or yellow.
Colour colour_of(std::string_view state);

class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;     // numbers
    bool coloured = false;  // by colour_of() its text
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells);  // as many as columns; missing ones are empty
  bool empty() const { return rows_.empty(); }
  std::string text(const Paint& paint) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// As people say it, in two units at most: "3m20s", "2d4h", "0s".
std::string duration_text(Nanoseconds duration);

// "3m20s" since an ISO 8601 time; "" if it is none.
std::string since_text(std::string_view iso, Timestamp now);

// "2026-11-21T01:18:39.120Z": to the millisecond, always as wide.
std::string time_text(Timestamp time);

// As model::to_text(), but a double no longer than people read: 7 digits.
std::string short_text(const model::Value& value);

std::string count_text(std::uint64_t count, std::string_view what);  // "1 gap", "2 gaps"
std::string rate_text(double per_second);                            // "0", "0.5", "120"

// A field of CSV (RFC 4180), quoted if it has to be.
std::string csv(std::string_view text);

Node json_value(const model::Value& value);  // bytes as hex

// Members of a document that an agent made; what is missing is empty or zero.
std::string text_of(const Node& node, std::string_view key);
std::int64_t number_of(const Node& node, std::string_view key);
double real_of(const Node& node, std::string_view key);
bool is_true(const Node& node, std::string_view key);
const Node::List& list_of(const Node& node, std::string_view key);
const Node& node_of(const Node& node, std::string_view key);

}  // namespace weir::cli
