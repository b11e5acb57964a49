// Any bytes as CSV: it is read to its end, what is a record has the header's columns, what is quoted again reads the
// same, and a time that is one has a text that is the same time.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "csv/reader.h"
#include "csv/text.h"

namespace {

using namespace weir;

void require(bool what) {
  if (!what) std::abort();
}

void check_field(std::string_view field) {
  Timestamp time = 0, again = 0;
  if (csv::parse_time(field, time) && time / kSecond > -62'135'596'800) {
    const std::string text = to_iso(time);
    require(csv::parse_time(text, again) && again == time);
  }
  double number = 0;
  csv::parse_number(field, number);
}

// Reads all of it; its records, written anew.
std::string read(const std::string& text, std::vector<std::string>& fields) {
  std::istringstream in(text);
  csv::Reader reader(in);
  if (!reader.read_header()) return {};
  std::string out = "\xEF\xBB\xBF";
  for (std::size_t i = 0; i < reader.columns().size(); ++i) out += (i == 0 ? "" : ",") + std::to_string(i);
  out += '\n';
  std::uint64_t line = reader.line();
  for (csv::Reader::Step step; (step = reader.next()) != csv::Reader::Step::end;) {
    require(reader.line() > line);
    line = reader.line();
    if (step == csv::Reader::Step::wrong) {
      require(!reader.wrong().empty());
      continue;
    }
    require(reader.fields().size() == reader.columns().size());
    for (std::size_t i = 0; i < reader.fields().size(); ++i) {
      check_field(reader.fields()[i]);
      out += (i == 0 ? "" : ",") + csv::quoted(reader.fields()[i]);
      fields.emplace_back(reader.fields()[i]);
    }
    out += '\n';
  }
  return reader.columns().size() > 1 ? out : std::string();  // of one column, an empty field is a blank line
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> fields, again;
  const std::string written = read(std::string(reinterpret_cast<const char*>(data), size), fields);
  if (written.empty() || size > csv::Reader::kLongest / 2) return 0;  // quoted, a record may be too long
  read(written, again);
  require(fields == again);
  return 0;
}
