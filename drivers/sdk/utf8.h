// Text for proto3's string fields, which must be UTF-8: one wrong byte from a device would make the
// whole batch unreadable.
#pragma once

#include <string>
#include <string_view>

namespace weir::sdk {

bool is_utf8(std::string_view text);         // as RFC 3629: no overlong forms, no surrogates
std::string to_utf8(std::string_view text);  // each wrong byte becomes U+FFFD
// At most `most` bytes of it, not cutting a character in two.
std::string to_utf8(std::string_view text, std::size_t most);

}  // namespace weir::sdk
