#include "rule_test/recording.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>

#include "csv/reader.h"
#include "csv/text.h"
#include "model/path.h"
#include "rule_test/notation.h"

namespace weir::rule_test {
namespace {

std::unexpected<Error> at_line(const csv::Reader& reader, const std::string& what, std::string hint = {}) {
  return fail("line " + std::to_string(reader.line()) + ": " + what, std::move(hint));
}

std::string shown(std::string_view field) { return "'" + std::string(field.substr(0, 40)) + "'"; }

bool parse_quality(std::string_view text, model::Quality& out) {
  text = csv::trim(text);
  if (text.empty() || text.starts_with("good")) out = model::kGood;
  else if (text.starts_with("uncertain")) out = model::kUncertain;
  else if (text.starts_with("bad")) out = model::kBad;
  else return false;
  return true;
}

// What all values of a series can be read as.
struct Guess {
  bool truths = true, numbers = true;

  void see(std::string_view text) {
    double number = 0;
    truths = truths && (text == "true" || text == "false");
    numbers = numbers && csv::parse_number(text, number);
  }
  model::ValueType type(bool seen) const {
    if (!seen || numbers) return model::ValueType::real;
    return truths ? model::ValueType::boolean : model::ValueType::string;
  }
};

// Texts until all are seen; an empty one is a reading without a value.
model::Value convert(const std::string& text, model::ValueType type) {
  switch (type) {
    case model::ValueType::boolean: return text == "true";
    case model::ValueType::string: return text;
    default: break;
  }
  double number = std::numeric_limits<double>::quiet_NaN();
  csv::parse_number(text, number);
  return number;
}

}  // namespace

Result<std::vector<Recorded>> read_recording(std::istream& in) {
  csv::Reader reader(in);
  if (auto header = reader.read_header(); !header) return std::unexpected(std::move(header.error()));
  const auto time_at = reader.column("timestamp") ? reader.column("timestamp") : reader.column("time");
  const auto value_at = reader.column("value"), path_at = reader.column("path"), unit_at = reader.column("unit"),
             quality_at = reader.column("quality");
  if (!time_at || !value_at)
    return fail(std::string("it has no column '") + (time_at ? "value" : "timestamp") + "'",
                "its first line names the columns: timestamp,value or timestamp,path,value,quality");

  std::vector<Recorded> out;
  std::vector<Guess> guesses;
  std::vector<bool> seen;
  std::unordered_map<std::string, std::size_t> index;
  std::size_t count = 0;
  for (auto step = reader.next(); step != csv::Reader::Step::end; step = reader.next()) {
    if (step == csv::Reader::Step::wrong) return at_line(reader, reader.wrong());
    const auto& fields = reader.fields();
    model::Reading reading;
    if (!csv::parse_time(fields[*time_at], reading.time))
      return at_line(reader, shown(fields[*time_at]) + " is no time",
                     "write 2026-03-29T01:00:00Z, or seconds since 1970");
    const std::string_view value = csv::trim(fields[*value_at]);
    if (quality_at && !parse_quality(fields[*quality_at], reading.quality))
      return at_line(reader, shown(fields[*quality_at]) + " is no quality", "good, uncertain or bad");
    if (value.size() > kLongestText)
      return at_line(reader, "a value of more than " + std::to_string(kLongestText) + " bytes");
    if (value.empty()) reading.quality = model::kBad;
    if (++count > kMostSamples)
      return at_line(reader, "more than " + std::to_string(kMostSamples) + " readings",
                     "cut it to what the test is about");

    std::string path(path_at ? fields[*path_at] : std::string_view());
    const auto [found, is_new] = index.try_emplace(std::move(path), out.size());
    if (is_new) {
      if (path_at)
        if (auto fine = model::check_path(found->first); !fine)
          return at_line(reader, fine.error().what, fine.error().hint);
      out.push_back({found->first, {}, {}, {}});
      guesses.emplace_back();
      seen.push_back(false);
    }
    Recorded& series = out[found->second];
    if (unit_at && series.unit.empty()) series.unit = csv::trim(fields[*unit_at]);
    if (!value.empty()) {
      guesses[found->second].see(value);
      seen[found->second] = true;
    }
    reading.value = std::string(value);
    series.readings.push_back(std::move(reading));
  }
  if (reader.broken()) return fail("it cannot be read to its end");
  if (count == 0) return fail("it holds no readings");
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].type = guesses[i].type(seen[i]);
    for (model::Reading& reading : out[i].readings)
      reading.value = convert(std::get<std::string>(reading.value), out[i].type);
  }
  return out;
}

}  // namespace weir::rule_test
