#include "csv/reader.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "csv/text.h"

namespace weir::csv {
namespace {

constexpr std::size_t kBuffer = 4 * Reader::kLongest;

struct Extent {
  std::size_t length = 0;  // of the record, its line break included
  std::uint64_t lines = 0;
  bool quotes = false;
  const char* wrong = nullptr;
  const char* hint = nullptr;
};

// Up to the first line break that no quotes enclose.
Extent extent_of(std::string_view text) {
  const std::size_t line = std::min(text.size(), text.find('\n'));
  Extent out{std::min(text.size(), line + 1), 1, false};
  if (text.substr(0, line).find('"') == text.npos) return out;
  enum class In { start, plain, quotes, after } in = In::start;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in == In::quotes) {
      if (c == '\n') ++out.lines;
      if (c != '"') continue;
      if (i + 1 < text.size() && text[i + 1] == '"') ++i;
      else in = In::after;
    } else if (c == '\n') {
      out.length = i + 1;
      return out;
    } else if (c == ',') {
      in = In::start;
    } else if (c == '"' && in == In::start) {
      in = In::quotes;
      out.quotes = true;
    } else if (in == In::after) {
      if (c == '\r' && (i + 1 == text.size() || text[i + 1] == '\n')) continue;
      return {out.length, 1, false, "there is text behind a closing quote",
              "a quote inside a field is written twice"};
    } else {
      in = In::plain;
    }
  }
  if (in == In::quotes)
    return {out.length, 1, false, "a quote is opened and not closed",
            "close it; a quote inside a field is written twice"};
  out.length = text.size();
  return out;
}

}  // namespace

Reader::Reader(std::istream& in) : in_(in), buffer_(kBuffer) {}

// So that the next record is in the buffer, whole.
void Reader::fill() {
  if (at_end_ || end_ - begin_ > kLongest) return;
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  while (!at_end_ && end_ < buffer_.size()) {
    in_.read(buffer_.data() + end_, static_cast<std::streamsize>(buffer_.size() - end_));
    end_ += static_cast<std::size_t>(in_.gcount());
    at_end_ = !in_;
  }
}

void Reader::skip_line() {
  for (fill(); begin_ < end_; fill()) {
    const std::size_t at = rest().find('\n');
    begin_ = at == std::string_view::npos ? end_ : begin_ + at + 1;
    if (at != std::string_view::npos) return;
  }
}

Reader::Step Reader::fail(std::string why, std::string hint) {
  wrong_ = std::move(why);
  hint_ = std::move(hint);
  return Step::wrong;
}

Reader::Step Reader::next() {
  fields_.clear();
  for (;;) {
    fill();
    line_ = next_line_;
    if (begin_ == end_) return Step::end;
    if (line_ == 1 && rest().starts_with("\xEF\xBB\xBF")) {
      begin_ += 3;
      continue;
    }
    const std::string_view text = rest().substr(0, kLongest);
    const Extent extent = extent_of(text);
    next_line_ += extent.lines;
    if (extent.length == kLongest && text.back() != '\n' && rest().size() > kLongest) {
      skip_line();
      return fail("it is longer than " + std::to_string(kLongest) + " bytes", "is it CSV, with a reading a line?");
    }
    if (extent.wrong != nullptr) {
      begin_ += extent.length;
      return fail(extent.wrong, extent.hint);
    }
    if (text.substr(0, extent.length).find_first_not_of(" \t\r\n") != text.npos)
      return split(extent.length, extent.quotes);
    begin_ += extent.length;
  }
}

Reader::Step Reader::split(std::size_t length, bool quotes) {
  char* at = buffer_.data() + begin_;
  char* end = at + length;
  begin_ += length;
  if (end[-1] == '\n') --end;
  if (end != at && end[-1] == '\r') --end;
  for (;;) {
    char* field = at;
    char* to = at;
    if (quotes && at != end && *at == '"') {
      // Unescaped in its place: it becomes shorter.
      for (++at, field = to = at; at != end; *to++ = *at++)
        if (*at == '"' && (++at == end || *at != '"')) break;
    } else {
      at = to = std::find(at, end, ',');
    }
    fields_.emplace_back(field, static_cast<std::size_t>(to - field));
    if (at == end) break;
    if (fields_.size() == kMostColumns) return fail("it has more than " + std::to_string(kMostColumns) + " fields");
    ++at;
  }
  if (!columns_.empty() && fields_.size() != columns_.size())
    return fail("it has " + std::to_string(fields_.size()) + " fields where the header has " +
                    std::to_string(columns_.size()),
                "a field that holds a comma stands in quotes");
  return Step::record;
}

Result<void> Reader::read_header() {
  switch (next()) {
    case Step::end:
      return weir::fail(broken() ? "it cannot be read" : "it is empty",
                        "the first line is a header: timestamp,value");
    case Step::wrong: return weir::fail("line " + std::to_string(line_) + ", the header: " + wrong_, hint_);
    case Step::record: break;
  }
  for (const std::string_view field : fields_) {
    std::string name(trim(field));
    if (std::ranges::find(columns_, name) != columns_.end())
      return weir::fail("line " + std::to_string(line_) + ": the header has '" + name + "' twice",
                        "rename one of the two columns");
    columns_.push_back(std::move(name));
  }
  return {};
}

std::optional<std::size_t> Reader::column(std::string_view name) const {
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (lower(columns_[i]) == lower(name)) return i;
  return std::nullopt;
}

}  // namespace weir::csv
