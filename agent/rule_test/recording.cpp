#include "rule_test/recording.h"

#include <limits>
#include <unordered_map>

#include "csv/text.h"
#include "model/path.h"
#include "rule_test/notation.h"

namespace weir::rule_test {
namespace {

std::string shown(std::string_view field) { return "'" + std::string(field.substr(0, 40)) + "'"; }

bool parse_quality(std::string_view text, model::Quality& out) {
  text = csv::trim(text);
  if (text.empty() || text.starts_with("good")) out = model::kGood;
  else if (text.starts_with("uncertain")) out = model::kUncertain;
  else if (text.starts_with("bad")) out = model::kBad;
  else return false;
  return true;
}

}  // namespace

Result<void> RecordingReader::begin() {
  if (auto header = reader_.read_header(); !header) return header;
  const auto time = reader_.column("timestamp") ? reader_.column("timestamp") : reader_.column("time");
  const auto value = reader_.column("value");
  if (!time || !value)
    return fail(std::string("it has no column '") + (time ? "value" : "timestamp") + "'",
                "its first line names the columns: timestamp,value or timestamp,path,value,quality");
  time_at_ = *time;
  value_at_ = *value;
  path_at_ = reader_.column("path");
  unit_at_ = reader_.column("unit");
  quality_at_ = reader_.column("quality");
  return {};
}

std::unexpected<Error> RecordingReader::fault(const std::string& what, std::string hint) const {
  return fail("line " + std::to_string(reader_.line()) + ": " + what, std::move(hint));
}

Result<bool> RecordingReader::next(Row& row) {
  switch (reader_.next()) {
    case csv::Reader::Step::end:
      if (reader_.broken()) return fail("it cannot be read to its end", "is the disk or the share still there?");
      return false;
    case csv::Reader::Step::wrong: return fault(reader_.wrong(), reader_.hint());
    case csv::Reader::Step::record: break;
  }
  const auto& fields = reader_.fields();
  row = {};
  if (!csv::parse_time(fields[time_at_], row.time))
    return fault(csv::no_time(fields[time_at_]), "write 2026-03-29T01:00:00Z, or seconds since 1970");
  if (quality_at_ && !parse_quality(fields[*quality_at_], row.quality))
    return fault(shown(fields[*quality_at_]) + " is no quality", "good, uncertain or bad");
  row.value = csv::trim(fields[value_at_]);
  if (row.value.size() > kLongestText)
    return fault("a value of more than " + std::to_string(kLongestText) + " bytes");
  if (row.value.empty()) row.quality = model::kBad;
  if (path_at_) row.path = fields[*path_at_];
  if (unit_at_) row.unit = csv::trim(fields[*unit_at_]);
  return true;
}

void TypeGuess::see(std::string_view value) {
  if (value.empty()) return;
  double number = 0;
  seen_ = true;
  truths_ = truths_ && (value == "true" || value == "false");
  numbers_ = numbers_ && csv::parse_number(value, number);
}

model::ValueType TypeGuess::type() const {
  if (!seen_ || numbers_) return model::ValueType::real;
  return truths_ ? model::ValueType::boolean : model::ValueType::string;
}

model::Value value_of(std::string_view text, model::ValueType type) {
  switch (type) {
    case model::ValueType::boolean: return text == "true";
    case model::ValueType::string: return std::string(text);
    default: break;
  }
  double number = std::numeric_limits<double>::quiet_NaN();
  csv::parse_number(text, number);
  return number;
}

Result<std::vector<Recorded>> read_recording(std::istream& in) {
  RecordingReader reader(in);
  if (auto header = reader.begin(); !header) return std::unexpected(std::move(header.error()));
  std::vector<Recorded> out;
  std::vector<TypeGuess> guesses;
  std::unordered_map<std::string, std::size_t> index;
  std::size_t count = 0;
  for (RecordingReader::Row row;;) {
    const auto more = reader.next(row);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (++count > kMostSamples)
      return reader.fault("more than " + std::to_string(kMostSamples) + " readings",
                          "cut it to what the test is about");
    const auto [found, is_new] = index.try_emplace(std::string(row.path), out.size());
    if (is_new) {
      if (reader.has_paths())
        if (auto fine = model::check_path(found->first); !fine)
          return reader.fault(fine.error().what, fine.error().hint);
      out.push_back({found->first, {}, {}, {}});
      guesses.emplace_back();
    }
    Recorded& series = out[found->second];
    if (series.unit.empty()) series.unit = row.unit;
    guesses[found->second].see(row.value);
    // A text until all are seen.
    series.readings.push_back({row.time, std::string(row.value), row.quality});
  }
  if (count == 0) return fail("it holds no readings", "a row is a time and a value: 2026-03-29T01:00:00Z,20.5");
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].type = guesses[i].type();
    for (model::Reading& reading : out[i].readings)
      reading.value = value_of(std::get<std::string>(reading.value), out[i].type);
  }
  return out;
}

}  // namespace weir::rule_test
