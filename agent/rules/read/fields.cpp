#include "rules/read/fields.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

#include "base/text.h"
#include "rules/language/parser.h"

namespace weir::rules {
namespace {

using namespace std::string_literals;

std::string text_of(Nanoseconds duration) { return weir::to_text(std::chrono::nanoseconds(duration)); }

// The units as people write them who do not know ours: "10 min", "1.5h", "2 Hours".
Nanoseconds unit_meant(std::string_view word) {
  static constexpr std::pair<std::string_view, Nanoseconds> kWords[] = {
      {"ms", kMillisecond}, {"msec", kMillisecond}, {"millis", kMillisecond},
      {"s", kSecond},       {"sec", kSecond},       {"second", kSecond},
      {"m", kMinute},       {"min", kMinute},       {"minute", kMinute},
      {"h", kHour},         {"hr", kHour},          {"hour", kHour},
      {"d", kDay},          {"day", kDay},          {"w", 7 * kDay},
      {"week", 7 * kDay}};
  std::string small = lower(word);
  const auto find = [&] {
    return std::ranges::find(kWords, small, &std::pair<std::string_view, Nanoseconds>::first);
  };
  if (find() == std::end(kWords) && small.size() > 2 && small.ends_with('s')) small.pop_back();
  const auto* found = find();
  return found == std::end(kWords) ? 0 : found->second;
}

// What was meant by a text that is no duration; empty if that cannot be told.
std::string duration_meant(std::string_view text) {
  double total = 0;
  while (!text.empty()) {
    double count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || !(count >= 0)) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    while (text.starts_with(' ')) text.remove_prefix(1);
    std::size_t letters = 0;
    while (letters < text.size() && text[letters] != ' ' && (text[letters] < '0' || text[letters] > '9')) ++letters;
    const Nanoseconds unit = unit_meant(text.substr(0, letters));
    if (unit == 0) return {};
    total += count * static_cast<double>(unit);
    text.remove_prefix(letters);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  if (!(total > 0 && total < 1e18)) return {};
  return text_of(std::llround(total / static_cast<double>(kMillisecond)) * kMillisecond);
}

std::string no_duration(const Node& node, bool forever) {
  if (const std::int64_t* number = node.as_int(); number != nullptr && *number > 0) {
    const std::string digits = std::to_string(*number);
    return "say the unit: " + digits + "s, " + digits + "m or " + digits + "h";
  }
  if (const std::string* text = node.as_string())
    if (const std::string meant = duration_meant(*text); !meant.empty()) return "write " + meant;
  return forever ? "write 5s, 1h30m or forever" : "write 30s, 5m or 1h30m";
}

}  // namespace

const Node::Map* read_map(const Node& node, const Shape& shape, Reporter& reporter) {
  const Node::Map* map = node.as_map();
  if (map == nullptr) {
    reporter.error(node, std::string(shape.what) + " is a map, not " + node.kind(),
                   "write " + std::string(shape.example));
    return nullptr;
  }
  for (const Node::Member& member : *map) {
    if (std::ranges::find(shape.keys, member.key) != shape.keys.end()) continue;
    const auto known = std::ranges::find(shape.hints, member.key, &KeyHint::key);
    reporter.error(member, std::string(shape.what) + " has no '" + member.key + "'",
                   known == shape.hints.end() ? did_you_mean(member.key, shape.keys) : std::string(known->hint));
  }
  return map;
}

const Node::Member* find_member(const Node& map, std::string_view key) {
  const Node::Map* members = map.as_map();
  if (members == nullptr) return nullptr;
  const auto found = std::ranges::find(*members, key, &Node::Member::key);
  return found == members->end() ? nullptr : &*found;
}

std::optional<Nanoseconds> read_duration(const Node& node, DurationRange range, Reporter& reporter) {
  const std::string* text = node.as_string();
  if (text != nullptr && range.forever && *text == "forever") return kForever;
  Nanoseconds out = 0;
  if (text == nullptr || !parse_duration(*text, out)) {
    reporter.error(node, "this is no duration" + (text == nullptr ? ", but "s + node.kind() : ": '" + *text + "'"),
                   no_duration(node, range.forever));
    return std::nullopt;
  }
  if (out < range.least || out > range.most) {
    reporter.error(
        node, text_of(out) + " is too " + (out < range.least ? "short" : "long"),
        text_of(range.least) + " to " + text_of(range.most) + (range.forever ? ", or forever," : "") + " is allowed");
    return std::nullopt;
  }
  return out;
}

std::optional<bool> read_truth(const Node& node, Reporter& reporter) {
  if (const bool* truth = node.as_bool()) return *truth;
  reporter.error(node, "this is "s + node.kind() + " where true or false belongs",
                 "write true or false, without quotes");
  return std::nullopt;
}

std::optional<double> read_number(const Node& node, Reporter& reporter) {
  if (double number = 0; node.as_number(number)) return number;
  reporter.error(node, "this is "s + node.kind() + " where a number belongs", "write it as 3 or 3.5, without quotes");
  return std::nullopt;
}

std::optional<std::uint32_t> read_count(const Node& node, std::uint32_t least, std::uint32_t most,
                                        Reporter& reporter) {
  const std::int64_t* number = node.as_int();
  if (number != nullptr && *number >= least && *number <= most) return static_cast<std::uint32_t>(*number);
  reporter.error(node,
                 number == nullptr ? "this is "s + node.kind() + " where a whole number belongs"
                                   : std::to_string(*number) + " is too " + (*number < least ? "few" : "many"),
                 std::to_string(least) + " to " + std::to_string(most) + " is allowed");
  return std::nullopt;
}

const std::string* read_text(const Node& node, std::string_view what, Reporter& reporter) {
  const std::string* text = node.as_string();
  if (text == nullptr)
    reporter.error(
        node, std::string(what) + " is a text, not " + node.kind(),
        node.as_list() == nullptr && node.as_map() == nullptr ? "put it in quotes" : "write it on one line");
  return text;
}

std::optional<std::size_t> read_choice(const Node& node, std::string_view what,
                                       std::span<const std::string_view> choices, Reporter& reporter) {
  const std::string* text = node.as_string();
  const auto found = text == nullptr ? choices.end() : std::ranges::find(choices, *text);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  std::string all;
  for (std::size_t i = 0; i < choices.size(); ++i)
    all += std::string(i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + std::string(choices[i]);
  reporter.error(node,
                 (text == nullptr ? std::string(node.kind()) : "'" + *text + "'") + " is no " + std::string(what),
                 "write " + all);
  return std::nullopt;
}

std::optional<model::Unit> read_unit(const Node& node, Reporter& reporter) {
  const std::string* text = read_text(node, "a unit", reporter);
  if (text == nullptr) return std::nullopt;
  auto unit = model::Unit::parse(*text);
  if (unit) return std::move(*unit);
  reporter.error(node, unit.error().what, unit.error().hint);
  return std::nullopt;
}

bool check_name(const Node::Member& member, std::string_view what, Reporter& reporter) {
  Fault fault;
  const auto tree = parse_expression(member.key, fault);
  const bool plain = member.key.find_first_of(". ()") == std::string::npos;
  if (tree && tree->kind == ExprKind::name && plain && member.key.size() <= 64 && member.key != "site") return true;
  reporter.error(member, "'" + member.key + "' cannot be the name of " + std::string(what),
                 "letters, digits and _, beginning with a letter; not a word of the language");
  return false;
}

}  // namespace weir::rules
