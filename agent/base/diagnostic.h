// What is wrong with something a person wrote, where, and what would be right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"

namespace weir {

struct Diagnostic {
  enum class Severity { error, warning };

  Severity severity = Severity::error;
  Position position;    // of the first wrong character; file null or line 0: not about a place
  std::string message;  // what is wrong: "there is no function 'men'"
  std::string hint;     // what would be right: "did you mean 'mean'?"; may be empty
  int length = 1;       // how many characters to underline
};

using Diagnostics = std::vector<Diagnostic>;

bool has_errors(const Diagnostics& diagnostics);

// "rules.d/boiler.yaml:7:12: error: …", then, if `source` (the file's text) is given, the line itself,
// a caret under the place, and the hint. A line that holds a password is not shown.
std::string render(const Diagnostic& diagnostic, std::string_view source = {});

}  // namespace weir
