#include "rules/read/read_validity.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "rules/language/parser.h"
#include "rules/pattern_index.h"
#include "rules/read/fields.h"

namespace weir::rules {
namespace {

constexpr std::string_view kProfileKeys[] = {"device", "signals", "others"};
constexpr KeyHint kProfileHints[] = {{"devices", "write device: \"boiler-{n}\""},
                                     {"signal", "write signals: {temperature: {range: [0, 95]}}"},
                                     {"from", "write device: \"boiler-{n}\", and signals:"}};
constexpr std::string_view kCheckKeys[] = {"type", "unit", "range", "likely", "rate", "stuck", "allowed", "repair"};
constexpr KeyHint kCheckHints[] = {{"min", "write range: [low, high]"},   {"max", "write range: [low, high]"},
                                   {"enum", "write allowed: [a, b]"},     {"values", "write allowed: [a, b]"},
                                   {"warn", "write likely: [low, high]"}, {"frozen", "write stuck: 1h"},
                                   {"flatline", "write stuck: 1h"},       {"rate_of_change", "write rate: 5 / 1s"},
                                   {"max_rate", "write rate: 5 / 1s"}};
constexpr std::string_view kTypes[] = {"number", "truth", "text"};
constexpr std::string_view kOthers[] = {"good", "uncertain", "bad"};
constexpr std::string_view kRepairs[] = {"hold", "interpolate", "limit"};
constexpr std::size_t kMostAllowed = 256;
constexpr std::size_t kMostProfiles = 1'000;
constexpr std::size_t kMostChecks = 1'000;

class ProfileReader {
 public:
  ProfileReader(const Node& node, const KnownSignals& signals, Reporter& reporter)
      : node_(node), signals_(signals), reporter_(reporter) {}

  std::optional<Profile> run() {
    if (read_map(node_, {"a profile", "- device: \"boiler-{n}\", and signals:", kProfileKeys, kProfileHints},
                 reporter_) == nullptr)
      return std::nullopt;
    if (!read_device()) return std::nullopt;
    if (const Node* others = node_.find("others"))
      if (const auto choice = read_choice(*others, "what others: can be", kOthers, reporter_); choice && *choice > 0)
        profile_.others = *choice == 1 ? model::kUncertain : model::kBad;
    read_signals();
    return std::move(profile_);
  }

 private:
  bool read_device() {
    const Node* device = node_.find("device");
    if (device == nullptr) {
      reporter_.error(node_, "a profile without a device", "add device: \"boiler-{n}\"");
      return false;
    }
    const std::string* text = read_text(*device, "a device", reporter_);
    if (text == nullptr) return false;
    if (text->find('/') != std::string::npos) {
      reporter_.error(*device, "a device is the first part of a path, not " + *text,
                      "write device: \"" + text->substr(0, text->find('/')) + "\", and the rest below signals:");
      return false;
    }
    if (const auto pattern = model::PathPattern::parse(*text + "/x"); !pattern) {
      reporter_.error(*device, pattern.error().what, pattern.error().hint);
      return false;
    }
    profile_.device = *text;
    return true;
  }

  void read_signals() {
    const Node* signals = node_.find("signals");
    const Node::Map* map = signals == nullptr ? nullptr : signals->as_map();
    if (map == nullptr || map->empty() || map->size() > kMostChecks)
      return reporter_.error(signals == nullptr ? node_ : *signals,
                             "a profile names 1 to " + std::to_string(kMostChecks) + " signals of the device",
                             "write signals: {temperature: {range: [0, 95]}}");
    for (const Node::Member& member : *map) read_check(member);
  }

  void read_check(const Node::Member& member) {
    Check check;
    auto pattern = model::PathPattern::parse(profile_.device + "/" + member.key);
    if (!pattern) return reporter_.error(member, pattern.error().what, pattern.error().hint);
    check.pattern = std::move(*pattern);
    const Node& node = member.value;
    if (read_map(node, {"what a signal has to be like", "temperature: {range: [0, 95]}", kCheckKeys, kCheckHints},
                 reporter_) == nullptr)
      return;
    if (const Node* type = node.find("type"))
      if (const auto choice = read_choice(*type, "a type", kTypes, reporter_))
        check.type = *choice == 0 ? Type::number : *choice == 1 ? Type::truth : Type::text;
    if (const Node* unit = node.find("unit")) check.unit = read_unit(*unit, reporter_);
    if (const Node* range = node.find("range")) check.range = read_range(*range);
    if (const Node* likely = node.find("likely")) check.likely = read_range(*likely);
    if (check.range && check.likely &&
        (check.likely->first < check.range->first || check.likely->second > check.range->second))
      reporter_.error(*node.find("likely"),
                      "what is likely is partly out of range:", "let likely: lie within range:");
    if (const Node* rate = node.find("rate")) check.rate = read_rate(*rate);
    if (const Node* stuck = node.find("stuck"))
      check.stuck = read_duration(*stuck, {.least = kMillisecond, .most = 366 * kDay}, reporter_).value_or(0);
    if (const Node* allowed = node.find("allowed")) read_allowed(*allowed, check);
    if (const Node* repair = node.find("repair")) read_repair(*repair, check);
    if ((check.range || check.likely || check.rate) && check.type && *check.type != Type::number)
      reporter_.error(member, "range:, likely: and rate: are of numbers", "leave them out, or say type: number");
    for (const model::Signal* signal : signals_.examples(check.pattern)) compare(member, *signal, check);
    add_key(check);
    profile_.checks.push_back(std::move(check));
  }

  std::optional<std::pair<double, double>> read_range(const Node& node) {
    const Node::List* list = node.as_list();
    double low = 0, high = 0;
    if (list == nullptr || list->size() != 2 || !(*list)[0].as_number(low) || !(*list)[1].as_number(high)) {
      reporter_.error(node, "two numbers belong here", "write [low, high]");
      return std::nullopt;
    }
    if (!(low <= high)) {
      reporter_.error(node, "the range is the wrong way round", "write the lower number first");
      return std::nullopt;
    }
    return std::pair(low, high);
  }

  // "5 / 1s": as rates are written in rules.
  std::optional<double> read_rate(const Node& node) {
    const std::string* text = node.as_string();
    Fault fault;
    const auto tree = text == nullptr ? nullptr : parse_expression(*text, fault);
    if (tree && tree->kind == ExprKind::divide && tree->children[0]->kind == ExprKind::number &&
        tree->children[1]->kind == ExprKind::duration && tree->children[0]->number > 0 &&
        tree->children[1]->duration > 0)
      return tree->children[0]->number * static_cast<double>(kSecond) /
             static_cast<double>(tree->children[1]->duration);
    reporter_.error(node, "a rate is how much in how long", "write rate: 5 / 1s, or 0.5 / 1h");
    return std::nullopt;
  }

  void read_allowed(const Node& node, Check& check) {
    const Node::List* list = node.as_list();
    if (list == nullptr || list->empty() || list->size() > kMostAllowed)
      return reporter_.error(node, "a list of 1 to " + std::to_string(kMostAllowed) + " values belongs here",
                             "write [idle, heating] or [0, 1, 2]");
    for (const Node& value : *list) {
      double number = 0;
      if (const std::string* text = value.as_string()) check.allowed_texts.push_back(*text);
      else if (value.as_number(number)) check.allowed.push_back(number);
      else if (const bool* truth = value.as_bool()) check.allowed.push_back(*truth ? 1 : 0);
      else reporter_.error(value, std::string("a number or a text belongs here, not ") + value.kind());
    }
    if (!check.allowed.empty() && !check.allowed_texts.empty())
      reporter_.error(node, "numbers and texts in one list", "a signal is one or the other; put texts in quotes");
  }

  void read_repair(const Node& node, Check& check) {
    const Node* how = &node;
    std::string path = check.pattern.text() + "_repaired";
    const Node* at = &node;
    if (const Node::Map* map = node.as_map()) {
      if (map->size() != 1 || map->front().value.as_string() == nullptr)
        return reporter_.error(node, "one way of repair and its path belong here",
                               "write repair: {hold: \"boiler-{n}/temperature_clean\"}");
      const auto choice = std::ranges::find(kRepairs, map->front().key);
      if (choice == std::end(kRepairs))
        return reporter_.error(map->front(), "there is no repair '" + map->front().key + "'",
                               "hold, interpolate and limit are");
      check.repair = static_cast<Repair>(choice - std::begin(kRepairs) + 1);
      at = &map->front().value;
      path = *at->as_string();
    } else if (const auto choice = read_choice(*how, "a repair", kRepairs, reporter_)) {
      check.repair = static_cast<Repair>(*choice + 1);
    } else {
      return;
    }
    if (check.repair == Repair::limit && !check.range)
      reporter_.error(node, "limit needs a range: to keep the value in", "add range: [low, high]");
    const auto& captures = check.pattern.captures();
    if (std::ranges::find(captures, "") != captures.end())
      return reporter_.error(node, "a {} without a name cannot stand in the path of what is repaired",
                             "give it a name: {n}");
    check.repaired = parse_path_template(path, captures, reporter_.inside(*at));
    for (std::size_t c = 0; c < captures.size(); ++c)
      if (std::ranges::none_of(check.repaired.parts,
                               [&](const auto& part) { return part.capture == static_cast<int>(c); }))
        return reporter_.error(*at, "without {" + captures[c] + "} this path is the same for several signals",
                               "put {" + captures[c] + "} into it");
  }

  void compare(const Node::Member& member, const model::Signal& signal, const Check& check) {
    const Type found = type_of(signal.type);
    if (check.type && found != Type::any && found != *check.type)
      reporter_.warn(member.key_position, member.key.size(),
                     signal.path + " is " + to_text(found) + ", and the profile says " + to_text(*check.type),
                     "all its readings will be marked bad");
    if (!check.unit || signal.unit.empty()) return;
    const auto unit = model::Unit::parse(signal.unit);
    if (!unit || !model::convert(*unit, *check.unit))
      reporter_.error(member,
                      signal.path + " is in " + signal.unit + ", which cannot be converted to " + check.unit->text,
                      "give the limits in a unit of the same kind");
  }

  static void add_key(Check& check) {
    Hash128& key = check.key;
    key.add_text(check.pattern.text());
    key.add_number(check.type ? static_cast<std::uint64_t>(*check.type) : 99);
    key.add_text(check.unit ? check.unit->text : std::string());
    const auto add = [&](double number) { key.add_text(std::to_string(number)); };
    for (const auto& range : {check.range, check.likely})
      if (range) {
        add(range->first);
        add(range->second);
      } else {
        key.add_number(0);
      }
    add(check.rate.value_or(-1));
    key.add_number(static_cast<std::uint64_t>(check.stuck));
    for (const double number : check.allowed) add(number);
    for (const std::string& text : check.allowed_texts) key.add_text(text);
    key.add_number(static_cast<std::uint64_t>(check.repair));
    key.add_text(check.repaired.text);
  }

  const Node& node_;
  const KnownSignals& signals_;
  Reporter& reporter_;
  Profile profile_;
};

}  // namespace

void read_valid(const Node& node, const KnownSignals& signals, Reporter& reporter, ValiditySet& set) {
  const Node::List* list = node.as_list();
  if (list == nullptr) {
    if (!node.is_null())
      reporter.error(node, std::string("valid: is a list, not ") + node.kind(), "write - device: … for each profile");
    return;
  }
  for (const Node& one : *list) {
    if (set.profiles.size() >= kMostProfiles)
      return reporter.error(one, "more than " + std::to_string(kMostProfiles) + " profiles",
                            "use captures: boiler-{n}");
    auto profile = ProfileReader(one, signals, reporter).run();
    if (!profile) continue;
    for (const Profile& other : set.profiles)
      if (may_overlap(other.device + "/x", profile->device + "/x"))
        reporter.error(one, "a device may have two profiles: " + other.device + " and " + profile->device,
                       "put both into one, or name the devices apart");
    set.profiles.push_back(std::move(*profile));
  }
}

}  // namespace weir::rules
