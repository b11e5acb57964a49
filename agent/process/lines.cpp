#include "process/lines.h"

#include <algorithm>

namespace weir::process {
namespace {

// The length of the UTF-8 sequence that `text` begins with (RFC 3629); 0 if it begins with none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) > 0x9F;
  const bool too_large = first == 0xF4 && byte(1) > 0x8F;
  return overlong || surrogate || too_large ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const unsigned char first = static_cast<unsigned char>(text[0]);
    if (length == 0) out += '?';
    else if (first < 0x20 || first == 0x7F) out += ' ';
    else out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

void LineCutter::feed(std::string_view bytes, const Handler& line) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    const std::size_t room = longest_ - line_.size();
    line_ += part.substr(0, room);
    cut_ = cut_ || part.size() > room;
    if (end == std::string_view::npos) return;
    give(line);
    bytes.remove_prefix(end + 1);
  }
}

void LineCutter::finish(const Handler& line) {
  if (!line_.empty()) give(line);
}

void LineCutter::give(const Handler& line) {
  if (!cut_ && line_.ends_with('\r')) line_.pop_back();
  if (cut_) {
    // Not in the middle of a character.
    std::size_t last = line_.size();
    while (last > 0 && line_.size() - last < 3 && (static_cast<unsigned char>(line_[last - 1]) & 0xC0) == 0x80)
      --last;
    if (last > 0 && sequence_length(std::string_view(line_).substr(last - 1)) == 0) line_.resize(last - 1);
  }
  std::string text = printable(line_);
  if (cut_) text += "…";
  line_.clear();
  cut_ = false;
  line(text);
}

}  // namespace weir::process
