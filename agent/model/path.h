// Paths of signals ("boiler-1/temperature") and patterns over them ("boiler-{n}/temperature").
//
// A path is two or more names with '/' between; a name holds none of / + # { } and no control
// character, and is at most 128 bytes; a path is at most 512. Paths are unique ignoring (ASCII) case.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace weir::model {

Result<void> check_name(std::string_view name);
Result<void> check_path(std::string_view path);

// The part before the first '/'.
std::string_view device_of(std::string_view path);

// At most one capture a level, which may stand for a part of it: "pump-{n}/vibration", "{device}/t",
// "line-{}/speed" ({} groups without a name). A capture matches one character or more, never '/'.
class PathPattern {
 public:
  static Result<PathPattern> parse(std::string_view text);

  // What each capture stands for, in order; nothing if the path does not match.
  std::optional<std::vector<std::string>> match(std::string_view path) const;

  // The path that the captures make; as many values as captures().
  std::string fill(const std::vector<std::string>& values) const;

  const std::vector<std::string>& captures() const { return captures_; }  // names; "" for {}
  const std::string& text() const { return text_; }
  bool is_literal() const { return captures_.empty(); }

 private:
  struct Level {
    std::string before, after;  // around the capture; all of it in `before` if there is none
    bool captures = false;
  };
  std::string text_;
  std::vector<Level> levels_;
  std::vector<std::string> captures_;
};

}  // namespace weir::model
