// JSON to and from a Node: options on a driver's standard input, status files, the control socket.
#pragma once

#include <string>
#include <string_view>

#include "base/document.h"
#include "base/error.h"

namespace weir {

// On one line, without blanks. NaN and infinities, which JSON lacks, become null.
std::string to_json(const Node& node);

// Strict RFC 8259, bounded in depth. The position of each node names its
// place as a JSON Pointer (RFC 6901) in `file`, e.g. "/devices/0/port"; line and column are 0.
Result<Node> parse_json(std::string_view text);

// The node that a JSON Pointer leads to, or the nearest one above it.
const Node& at_pointer(const Node& root, std::string_view pointer);

}  // namespace weir
