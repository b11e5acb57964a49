// yaml-cpp's complaints in words for whoever wrote the file.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"

namespace weir::config {

// What the parser stumbled over, seen from the text around it.
struct Stumble {
  std::string_view message;      // yaml-cpp's
  std::string_view before = {};  // the line, up to the place
  std::string_view after = {};   // the line, from the place on
  bool in_flow = false;          // within [ ] or { }
};

Error explain(const Stumble& stumble);

}  // namespace weir::config
