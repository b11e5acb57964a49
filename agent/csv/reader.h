// Reads CSV (RFC 4180) with a header, one record after the other, from files of any size in the same memory.
//
// LF or CRLF; a byte order mark, blank lines and quotes are fine, and a quoted field may hold commas and line breaks.
// What is wrong is said of the line where it stands, and reading goes on with the next line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace weir::csv {

class Reader {
 public:
  static constexpr std::size_t kLongest = 64 << 10;  // bytes of a record
  static constexpr std::size_t kMostColumns = 1'000;

  explicit Reader(std::istream& in);  // borrowed

  // Comes first: the names of the columns. An error if there is none, or if two are alike.
  Result<void> read_header();
  const std::vector<std::string>& columns() const { return columns_; }
  std::optional<std::size_t> column(std::string_view name) const;  // ignoring case

  enum class Step {
    record,  // there are as many fields as columns
    wrong,   // a record that is none: wrong() says why
    end,
  };
  Step next();

  // Of the last record; valid until the next. Of one that is wrong, those that could be told apart, if any.
  const std::vector<std::string_view>& fields() const { return fields_; }
  std::uint64_t line() const { return line_; }  // where it begins; 1 is the header's
  const std::string& wrong() const { return wrong_; }
  const std::string& hint() const { return hint_; }  // what would be right; may be empty

  bool broken() const { return in_.bad(); }  // the end came because the rest could not be read

 private:
  std::string_view rest() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void fill();
  void skip_line();
  Step fail(std::string why, std::string hint = {});
  Step split(std::size_t length, bool quotes);

  std::istream& in_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  bool at_end_ = false;
  std::uint64_t line_ = 0, next_line_ = 1;
  std::vector<std::string> columns_;
  std::vector<std::string_view> fields_;
  std::string wrong_, hint_;
};

}  // namespace weir::csv
