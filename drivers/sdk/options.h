// Reads a driver's options, strictly: each member once and by type, and at the end whatever was not
// asked for is an error that suggests what was meant.
//
//   sdk::Options options(node, diagnostics);
//   const auto interval = options.duration("interval", kSecond, {.least = kMillisecond});
//   options.finish();
//
// Not thread-safe. What is wrong goes to the diagnostics with the position of the value; the function
// then gives the default, so that one pass finds every mistake.
#pragma once

#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "base/document.h"

namespace weir::sdk {

Diagnostic problem(const Position& position, std::string message, std::string hint = {});

class Options {
 public:
  struct Numbers {
    double least = std::numeric_limits<double>::lowest();
    double most = std::numeric_limits<double>::max();
  };
  struct Durations {
    Nanoseconds least = 0;
    Nanoseconds most = 365 * kDay;
  };

  // `node` must be a map, or nothing (all defaults); anything else is an error.
  Options(const Node& node, Diagnostics& diagnostics);

  bool has(std::string_view key) const;
  double number(std::string_view key, double otherwise, Numbers allowed);
  double number(std::string_view key, double otherwise) { return number(key, otherwise, Numbers{}); }
  std::int64_t integer(std::string_view key, std::int64_t otherwise, std::int64_t least, std::int64_t most);
  bool boolean(std::string_view key, bool otherwise);
  std::string text(std::string_view key, std::string_view otherwise);
  std::string one_of(std::string_view key, std::string_view otherwise,
                     std::initializer_list<std::string_view> allowed);
  Nanoseconds duration(std::string_view key, Nanoseconds otherwise, Durations allowed);  // "1s", "250ms"
  std::vector<std::string> texts(std::string_view key, std::vector<std::string> otherwise);
  const Node* any(std::string_view key);  // whatever it is; null if it is not there

  // Says that the value of `key` (or the map itself, if it is not there) is wrong.
  void error(std::string_view key, std::string message, std::string hint = {});
  void required(std::string_view key);
  void finish();  // names what nobody asked for

 private:
  const Node* wanted(std::string_view key);
  void wrong(const Node& value, std::string_view key, std::string_view expected);

  const Node& node_;
  Diagnostics& diagnostics_;
  std::vector<std::string> known_;
};

}  // namespace weir::sdk
