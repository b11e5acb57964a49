#include "rule_test/input.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <unordered_map>

#include "base/text.h"
#include "model/path.h"
#include "rule_test/notation.h"
#include "rule_test/recording.h"

namespace weir::rule_test {
namespace {

using model::ValueType;

constexpr const char* kSeriesForms = "write 80 85 91+1x6, or {values: …, every: 10s}, or {csv: recording.csv}";

ValueType type_of(Item::Kind kind) {
  return kind == Item::Kind::truth  ? ValueType::boolean
         : kind == Item::Kind::text ? ValueType::string
                                    : ValueType::real;
}

model::Value no_value(ValueType type) {
  switch (type) {
    case ValueType::boolean: return false;
    case ValueType::integer: return std::int64_t{0};
    case ValueType::string: return std::string();
    default: return std::numeric_limits<double>::quiet_NaN();
  }
}

// The i-th value of an item as this type; nothing if it does not fit.
std::optional<model::Value> value_of(const Item& item, std::size_t i, ValueType type) {
  const double number = item.number + item.step * static_cast<double>(i);
  if (item.kind == Item::Kind::unknown) return no_value(type);
  if (item.kind == Item::Kind::text)
    return type == ValueType::string ? std::optional<model::Value>(item.text) : std::nullopt;
  if (item.kind == Item::Kind::truth)
    return type == ValueType::boolean ? std::optional<model::Value>(item.truth) : std::nullopt;
  if (type == ValueType::real) return number;
  if (type == ValueType::boolean && (number == 0 || number == 1)) return number == 1;
  if (type == ValueType::integer && std::fabs(number) < 0x1p53 && std::trunc(number) == number)
    return static_cast<std::int64_t>(number);
  return std::nullopt;
}

// A scalar as the notation of one value; a text as it is.
std::optional<std::string> notation_of(const Node& node) {
  if (const std::string* text = node.as_string()) return *text;
  if (const bool* truth = node.as_bool()) return *truth ? "true" : "false";
  if (const std::int64_t* whole = node.as_int()) return std::to_string(*whole);
  if (double number = 0; node.as_number(number)) return model::to_text(model::Value(number));
  return std::nullopt;
}

class InputReader {
 public:
  InputReader(const std::filesystem::path& folder, Nanoseconds every, Test& test, Diagnostics& diagnostics)
      : folder_(folder), every_(every), test_(test), diagnostics_(diagnostics) {}

  void read_map(const Node& node) {
    const Node::Map* map = node.as_map();
    if (map == nullptr)
      return complain(diagnostics_, node, "input: is a map of signals", "write boiler-1/temperature: 80 85 91");
    for (const Node::Member& member : *map) {
      if (auto fine = model::check_path(member.key); !fine) {
        diagnostics_.push_back({Diagnostic::Severity::error, member.key_position, fine.error().what,
                                fine.error().hint, static_cast<int>(member.key.size())});
        continue;
      }
      if (const Node::List* list = member.value.as_list())
        for (const Node& part : *list) read_series(member.key, part);
      else read_series(member.key, member.value);
    }
  }

  void read_whole_recording(const Node& node) {
    const std::string* file = node.as_string();
    if (file == nullptr)
      return complain(diagnostics_, node, "recording: wants the name of a CSV file", "write recording: day.csv");
    for (Recorded& series : read_file(node, *file)) {
      if (series.path.empty())
        return complain(diagnostics_, node, *file + " has no column 'path'",
                        "give its signal: input: {device/signal: {csv: …}}");
      add_recorded(node, std::move(series), {});
    }
  }

  // Dates what hangs on the start, and puts all in order.
  void finish(bool start_is_given) {
    if (!start_is_given && first_recorded_) {
      test_.start = *first_recorded_ / kSecond * kSecond;
      if (test_.start > *first_recorded_) test_.start -= kSecond;
    }
    for (Piece& piece : pieces_) date(piece);
    std::ranges::stable_sort(test_.arrivals, {}, &Arrival::at);
  }

 private:
  // Where a series says something of its own.
  struct Options {
    Nanoseconds every = 0, delay = 0;
    std::optional<Nanoseconds> from;
    std::string unit;
    std::optional<ValueType> type;
  };
  // Readings of one signal, before it is known when the test starts.
  struct Piece {
    std::uint32_t signal = 0;
    std::vector<model::Reading> readings;
    bool since_start = false;  // times are since the start, and not since 1970
    Nanoseconds delay = 0;
    const Node* node = nullptr;
  };

  void read_series(const std::string& path, const Node& node) {
    Options options;
    options.every = every_;
    if (node.as_map() == nullptr) return read_values(path, node, options);
    MapReader map(node, "a series", diagnostics_);
    map.text("unit", options.unit);
    std::string type;
    if (map.choice("type", type, {"double", "int", "bool", "string"})) {
      options.type.emplace();
      model::parse_type(type, *options.type);
    }
    map.duration("every", options.every, kMillisecond, kLongestTest);
    map.duration("delay", options.delay, 0, kLongestTest);
    if (Nanoseconds from = 0; map.duration("from", from, 0, kLongestTest)) options.from = from;
    const Node* values = map.find("values");
    std::string file;
    const bool csv = map.text("csv", file);
    map.finish();
    if (csv == (values != nullptr))
      return complain(diagnostics_, node, csv ? "values: and csv: in one series" : "a series without values",
                      kSeriesForms);
    if (csv) read_csv(path, *node.find("csv"), file, options);
    else read_values(path, *values, options);
  }

  void read_values(const std::string& path, const Node& node, const Options& options) {
    const auto text = notation_of(node);
    if (!text)
      return complain(diagnostics_, node, std::string("a series is a text, not ") + node.kind(), kSeriesForms);
    std::vector<Item> items;
    Fault fault;
    if (!parse_notation(*text, items, fault)) return complain_within(node, fault);

    ValueType type = ValueType::real;
    if (options.type) type = *options.type;
    else if (const auto first = std::ranges::find_if(items, has_value); first != items.end())
      type = rule_test::type_of(first->kind);

    Piece piece{signal(node, path, type, options.unit), {}, true, options.delay, &node};
    Nanoseconds time = options.from.value_or(0);
    for (const Item& item : items)
      for (std::size_t i = 0; i < item.count; ++i, time += options.every) {
        if (time > kLongestTest)
          return complain_within(
              node, {item.offset, item.length, "it comes later than a test may last", "make every: shorter"});
        if (item.kind == Item::Kind::gap) continue;
        auto value = value_of(item, i, type);
        if (!value)
          return complain_within(node,
                                 {item.offset, item.length, std::string("it is no ") + model::to_text(type),
                                  options.type ? "another type: perhaps?" : "a series holds values of one kind"});
        piece.readings.push_back({time, std::move(*value), item.quality});
      }
    keep(node, std::move(piece));
  }

  static bool has_value(const Item& item) { return item.kind != Item::Kind::gap && item.kind != Item::Kind::unknown; }

  void read_csv(const std::string& path, const Node& node, const std::string& file, const Options& options) {
    bool found = false;
    for (Recorded& series : read_file(node, file)) {
      if (!series.path.empty() && series.path != path) continue;
      found = true;
      series.path = path;
      add_recorded(node, std::move(series), options);
    }
    if (!found && !has_errors(diagnostics_)) complain(diagnostics_, node, "it has no readings of " + path);
  }

  std::vector<Recorded> read_file(const Node& node, const std::string& file) {
    std::ifstream in(folder_ / file, std::ios::binary);
    auto recording =
        in ? read_recording(in)
           : Result<std::vector<Recorded>>(fail("it cannot be opened", "its path is relative to this file"));
    if (recording) return std::move(*recording);
    complain(diagnostics_, node, file + ": " + recording.error().what, recording.error().hint);
    return {};
  }

  void add_recorded(const Node& node, Recorded series, const Options& options) {
    const ValueType type = options.type.value_or(series.type);
    if (type != series.type)
      for (model::Reading& reading : series.readings) {
        auto value = model::parse_value(model::to_text(reading.value), type);
        if (!value && !reading.quality.bad())
          return complain(diagnostics_, node, value.error().what, "another type: perhaps?");
        reading.value = value ? *value : no_value(type);
      }
    const Timestamp first = std::ranges::min_element(series.readings, {}, &model::Reading::time)->time;
    if (options.from) {
      for (model::Reading& reading : series.readings)
        if (__builtin_sub_overflow(reading.time, first - *options.from, &reading.time))
          reading.time = kLongestTest + 1;
    } else {
      first_recorded_ = std::min(first_recorded_.value_or(first), first);
    }
    const std::string& unit = options.unit.empty() ? series.unit : options.unit;
    keep(node, {signal(node, series.path, type, unit), std::move(series.readings), options.from.has_value(),
                options.delay, &node});
  }

  std::uint32_t signal(const Node& node, const std::string& path, ValueType type, const std::string& unit) {
    const auto [found, is_new] = index_.try_emplace(lower(path), static_cast<std::uint32_t>(test_.signals.size()));
    if (is_new) {
      model::Signal made;
      made.path = path;
      made.type = type;
      made.unit = unit;
      test_.signals.push_back(std::move(made));
      return found->second;
    }
    model::Signal& known = test_.signals[found->second];
    if (known.path != path)
      complain(diagnostics_, node, "'" + path + "' and '" + known.path + "' differ only in case");
    else if (known.type != type)
      complain(diagnostics_, node,
               path + " is " + model::to_text(known.type) + " above, and " + model::to_text(type) + " here",
               "write type: beside the values");
    if (known.unit.empty()) known.unit = unit;
    else if (!unit.empty() && unit != known.unit)
      complain(diagnostics_, node, path + " is in " + known.unit + " above, and in " + unit + " here");
    return found->second;
  }

  void keep(const Node& node, Piece piece) {
    count_ += piece.readings.size();
    if (count_ > kMostSamples)
      return complain(diagnostics_, node, "a test of more than " + std::to_string(kMostSamples) + " readings",
                      "make every: longer");
    pieces_.push_back(std::move(piece));
  }

  void date(Piece& piece) {
    for (model::Reading& reading : piece.readings) {
      Nanoseconds after = reading.time;
      if (!piece.since_start && __builtin_sub_overflow(reading.time, test_.start, &after)) after = -1;
      if (after < 0 || after > kLongestTest)
        return complain(
            diagnostics_, *piece.node,
            "there is a reading of " + to_iso(piece.since_start ? test_.start + after : reading.time) +
                (after < 0 ? ", before the start of the test" : ", later than a test may last"),
            after < 0 ? "set start:, or write from: 0s to begin with its first reading" : "cut the recording");
      reading.time = test_.start + after;
      test_.arrivals.push_back({reading.time + piece.delay, piece.signal, std::move(reading)});
    }
  }

  void complain_within(const Node& node, Fault fault) {
    Position position = node.position;
    const bool exact = node.verbatim && node.as_string() != nullptr;
    if (exact) position.column += static_cast<int>(fault.offset);
    diagnostics_.push_back({Diagnostic::Severity::error, std::move(position), std::move(fault.message),
                            std::move(fault.hint), exact ? static_cast<int>(fault.length) : 1});
  }

  const std::filesystem::path& folder_;
  Nanoseconds every_;
  Test& test_;
  Diagnostics& diagnostics_;
  std::vector<Piece> pieces_;
  std::unordered_map<std::string, std::uint32_t> index_;  // of signals, by path in lower case
  std::optional<Timestamp> first_recorded_;
  std::size_t count_ = 0;
};

}  // namespace

void read_input(MapReader& from, const std::filesystem::path& folder, bool start_is_given, Test& test,
                Diagnostics& diagnostics) {
  Nanoseconds every = kSecond;
  from.duration("every", every, kMillisecond, kLongestTest);
  const Node* input = from.find("input");
  const Node* recording = from.find("recording");
  InputReader reader(folder, every, test, diagnostics);
  if (recording != nullptr) reader.read_whole_recording(*recording);
  if (input != nullptr) reader.read_map(*input);
  else if (recording == nullptr && from.is_map() && from.node().find("input") == nullptr)
    from.error(from.node(), "a test needs input:", "write input: {boiler-1/temperature: 80 85 91}");
  reader.finish(start_is_given);
}

}  // namespace weir::rule_test
