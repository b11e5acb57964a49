// Texts with places to fill in: the paths of emit, and messages.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/language/check.h"
#include "rules/language/program.h"

namespace weir::rules {

// "{device}/temperature_1m": literal text and captures of the rule.
struct PathTemplate {
  struct Part {
    std::string literal;  // before the capture
    int capture = -1;     // index into the rule's captures; -1: none
  };
  std::vector<Part> parts;
  std::string text;  // as written

  std::string fill(std::span<const std::string_view> captures) const;
};

PathTemplate parse_path_template(std::string_view text, std::span<const std::string> captures,
                                 const std::function<void(Fault)>& complain);

// "boiler {n} is at {t:.1f} °C": captures and expressions, each with an optional format; {{ is a brace.
struct MessageTemplate {
  struct Part {
    std::string literal;  // before the value
    int capture = -1;
    Program value;    // if it is no capture; may be empty for the last part
    char format = 0;  // f, e, g, d; 0: the shortest that reads back the same
    int precision = -1;
  };
  std::vector<Part> parts;
};

inline constexpr std::size_t kLongestMessage = 1024;

// `group_captures`: how many of the scope's captures, from the first on, name the group; the others name members, of
// which a message cannot speak. `infer_only`: learns the types of the inputs from it, says and compiles nothing.
MessageTemplate parse_message_template(std::string_view text, Scope& scope, std::size_t group_captures,
                                       bool infer_only, const std::function<void(Fault)>& complain);

// What is unknown is shown as "?".
std::string fill(const MessageTemplate& message, std::span<const std::string_view> captures, const Scene& scene);

}  // namespace weir::rules
