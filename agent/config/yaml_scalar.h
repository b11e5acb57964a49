// What an unquoted YAML text stands for, resolved by us: YAML's own rules differ from version to
// version and from library to library.
#pragma once

#include <string_view>

#include "base/document.h"
#include "base/error.h"

namespace weir::config {

// true and false, numbers as JSON (RFC 8259) writes them, everything else a text. What other readers
// take for a bool, a number or nothing is an error that shows the right spelling.
Result<Node::Data> resolve_plain(std::string_view text);

// The error for such a text as a key, where only a text makes sense; nothing if it is fine.
Result<void> check_plain_key(std::string_view text);

}  // namespace weir::config
