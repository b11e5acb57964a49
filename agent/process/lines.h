// Cuts what a child writes into lines that are safe to log: bounded, valid UTF-8, no control characters.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace weir::process {

// Not thread-safe.
class LineCutter {
 public:
  using Handler = std::function<void(std::string_view)>;

  // Of a line longer than `longest` bytes the first `longest` are given, with "…" after them.
  explicit LineCutter(std::size_t longest) : longest_(longest) {}

  void feed(std::string_view bytes, const Handler& line);
  void finish(const Handler& line);  // gives a last line that has no end

 private:
  void give(const Handler& line);

  std::size_t longest_;
  std::string line_;
  bool cut_ = false;
};

// Control characters become blanks, bytes that are no UTF-8 become '?'.
std::string printable(std::string_view text);

}  // namespace weir::process
