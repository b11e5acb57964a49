// Small things with text that several rooms need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// The candidate nearest to `word` (Damerau-Levenshtein, ignoring case), if it is near enough to be
// what was meant; empty otherwise.
std::string nearest(std::string_view word, std::span<const std::string_view> candidates);

// " (did you mean 'x'?)"-style hint from nearest(); empty if there is none.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

std::string join(std::span<const std::string> parts, std::string_view between);
std::vector<std::string_view> split(std::string_view text, char at);
std::string lower(std::string_view text);  // ASCII only

// "1.2 GiB", "640 KiB", "12 bytes".
std::string bytes_text(std::uint64_t count);

// Reads a number and its unit, with or without a space between: B; kB, MB, GB, TB (powers of 1000); KiB, MiB, GiB,
// TiB (of 1024). A fraction is fine ("1.5GiB"). False if it is none, or more than 2^63.
bool parse_bytes(std::string_view text, std::uint64_t& out);

// For proto3's string fields, which must be UTF-8: one wrong byte and the whole message is unreadable.
bool is_utf8(std::string_view text);         // as RFC 3629: no overlong forms, no surrogates
std::string to_utf8(std::string_view text);  // each wrong byte becomes U+FFFD
// At most `most` bytes of it, not cutting a character in two.
std::string to_utf8(std::string_view text, std::size_t most);

}  // namespace weir
