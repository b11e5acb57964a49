#include "rule_test/expectation.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "model/path.h"
#include "rule_test/notation.h"

namespace weir::rule_test {
namespace {

constexpr Timestamp kNoEnd = std::numeric_limits<Timestamp>::max();
constexpr const char* kForms =
    "write {at: 60s, alert: RULE, change: raised}, {at: 2m, emit: PATH, value: 90.5}, "
    "{at: 60s, write: PATH, value: false} or {until: 40s, nothing: true}";

std::optional<model::Value> value_of(const Node& node) {
  if (const bool* truth = node.as_bool()) return *truth;
  if (const std::int64_t* whole = node.as_int()) return *whole;
  if (const std::string* text = node.as_string()) return *text;
  if (double number = 0; node.as_number(number)) return number;
  return std::nullopt;
}

// What is told of only where it differs.
bool is_beside(std::string_view key) {
  for (const std::string_view word : {"message", "unit", "who", "why", "rule", "lease", "fallback"})
    if (key == word) return true;
  return false;
}

class ExpectationReader {
 public:
  ExpectationReader(const Node& node, Test& test, Diagnostics& diagnostics)
      : node_(node), test_(test), diagnostics_(diagnostics), map_(node, "an expectation", diagnostics) {}

  void run() {
    if (!map_.is_map()) return;
    const std::size_t errors = diagnostics_.size();
    out_.position = node_.position;
    if (map_.flag("nothing", out_.nothing) && !out_.nothing)
      map_.error(*node_.find("nothing"), "nothing: false says nothing", "leave it out");
    read_kind();
    const bool series = out_.kind == Kind::emit && !out_.nothing && node_.find("values") != nullptr;
    if (!series) read_time();
    if (!out_.nothing) read_fields();
    else if (out_.kind == Kind::alert) read_group();
    if (series) read_series();
    map_.finish();
    if (!series && diagnostics_.size() == errors) test_.expectations.push_back(std::move(out_));
  }

 private:
  void read_kind() {
    for (const auto& [key, kind] : {std::pair{"alert", Kind::alert}, {"emit", Kind::emit}, {"write", Kind::write}}) {
      if (!map_.text(key, out_.name)) continue;
      if (out_.kind) return map_.error(*node_.find(key), "two kinds in one expectation", "write a line for each");
      out_.kind = kind;
      if (kind == Kind::alert) continue;
      if (auto fine = model::check_path(out_.name); !fine)
        map_.error(*node_.find(key), fine.error().what, fine.error().hint);
    }
    if (!out_.kind && !out_.nothing) map_.error(node_, "an expectation of what?", kForms);
  }

  void read_time() {
    const bool at = map_.time("at", test_.start, out_.begin);
    const bool from = map_.time("from", test_.start, out_.begin);
    const bool until = map_.time("until", test_.start, out_.end);
    if (!at && !from) out_.begin = test_.start;
    if (at && (from || until))
      return map_.error(*node_.find("at"),
                        "at: beside from: or until:", "at: is one instant; from: and until: a time between");
    if (!at && !from && !until && !out_.nothing && node_.find("at") == nullptr)
      return map_.error(node_, "an expectation needs a time",
                        "write at: 60s; or from: 40s, until: 60s for a time between");
    if (at) out_.end = out_.begin + 1;
    else if (!until) out_.end = kNoEnd;
    else if (!out_.nothing) ++out_.end;  // at the latest then; but nothing until then: then it may
    if (out_.end <= out_.begin) map_.error(node_, "until: is before from:", "a time between two times");
  }

  void read_fields() {
    if (out_.kind == Kind::emit) {
      read_value("value");
      const bool says_value = !out_.fields.empty();
      map_.number("within", out_.within, 0);
      if (!read_choice("quality", {"good", "uncertain", "bad"}) && says_value) add("quality", std::string("good"));
      read_text("unit");
      read_flag("revision");
    } else if (out_.kind == Kind::alert) {
      read_group();
      if (!read_choice("change", {"raised", "cleared", "uncertain", "certain", "acknowledged", "shelved", "unshelved",
                                  "suppressed", "unsuppressed", "repeated", "reset", "forgotten"}))
        add("change", std::string("raised"));
      read_choice("severity", {"info", "warning", "critical"});
      for (const char* key : {"message", "who", "why"}) read_text(key);
      for (const char* key : {"uncertain", "acknowledged", "latched", "shelved", "suppressed"}) read_flag(key);
    } else if (out_.kind == Kind::write) {
      read_value("value");
      map_.number("within", out_.within, 0);
      read_value("fallback");
      read_text("rule");
      if (Nanoseconds lease = 0; map_.duration("lease", lease, 0, kLongestTest))
        add("lease", weir::to_text(std::chrono::nanoseconds(lease)));
    }
  }

  void read_group() {
    const Node* node = map_.find("group");
    if (node == nullptr) return;
    const Node::Map* group = node->as_map();
    if (group == nullptr) return map_.error(*node, "group: is a map of captures", "write group: {n: \"1\"}");
    for (const Node::Member& capture : *group) {
      const auto value = value_of(capture.value);
      if (value) add("group." + capture.key, model::to_text(*value));
      else map_.error(capture.value, "a capture is a text", "write group: {n: \"1\"}");
    }
  }

  void read_series() {
    Nanoseconds every = kSecond, from = 0;
    if (!map_.duration("every", every, kMillisecond, kLongestTest) && node_.find("every") == nullptr)
      map_.error(node_, "values: needs every:", "write every: 1m, and from: 1m for the time of the first");
    map_.duration("from", from, 0, kLongestTest);
    if (node_.find("value") != nullptr)
      map_.error(*node_.find("value"), "value: beside values:", "remove one of the two");
    const Node* values = map_.find("values");
    const auto value = values != nullptr ? value_of(*values) : std::nullopt;
    if (!value) {
      if (values != nullptr) map_.error(*values, "values: is a series", "write values: 90 91 _ 92");
      return;
    }
    std::vector<Item> items;
    Fault fault;
    if (!parse_notation(model::to_text(*value), items, fault)) {
      map_.error(*values, fault.message, fault.hint);
      return;
    }
    std::erase_if(out_.fields, [](const auto& field) { return field.key == "quality"; });
    Timestamp time = test_.start + from;
    for (const Item& item : items)
      for (std::size_t i = 0; i < item.count; ++i, time += every) {
        if (time - test_.start > kLongestTest)
          return map_.error(*values, "it is longer than a test may last", "make every: shorter");
        test_.expectations.push_back(one_of(item, i, time));
      }
  }

  Expectation one_of(const Item& item, std::size_t i, Timestamp time) const {
    Expectation out = out_;
    out.begin = time;
    out.end = time + 1;
    if (item.kind == Item::Kind::gap) {
      out.nothing = true;
      out.fields.clear();
      return out;
    }
    if (item.kind == Item::Kind::number)
      out.fields.push_back({"value", item.number + item.step * static_cast<double>(i)});
    if (item.kind == Item::Kind::truth) out.fields.push_back({"value", item.truth});
    if (item.kind == Item::Kind::text) out.fields.push_back({"value", item.text});
    out.fields.push_back({"quality", std::string(item.quality.good()  ? "good"
                                                 : item.quality.bad() ? "bad"
                                                                      : "uncertain")});
    return out;
  }

  void add(std::string key, model::Value value) { out_.fields.push_back({std::move(key), std::move(value)}); }

  void read_value(std::string_view key) {
    const Node* node = map_.find(key);
    if (node == nullptr) return;
    auto value = value_of(*node);
    if (value) add(std::string(key), std::move(*value));
    else map_.error(*node, std::string(key) + ": wants a number, true, false or a text, not " + node->kind());
  }
  void read_text(std::string_view key) {
    if (std::string text; map_.text(key, text)) add(std::string(key), std::move(text));
  }
  void read_flag(std::string_view key) {
    if (bool flag = false; map_.flag(key, flag)) add(std::string(key), flag);
  }
  bool read_choice(std::string_view key, const std::vector<std::string_view>& choices) {
    std::string word;
    const bool given = map_.choice(key, word, choices);
    if (given) add(std::string(key), word);
    return given;
  }

  const Node& node_;
  Test& test_;
  Diagnostics& diagnostics_;
  MapReader map_;
  Expectation out_;
};

}  // namespace

void read_expectation(const Node& node, Test& test, Diagnostics& diagnostics) {
  ExpectationReader(node, test, diagnostics).run();
}

std::string shown(const model::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return "\"" + *text + "\"";
  const double* number = std::get_if<double>(&value);
  if (number == nullptr) return model::to_text(value);
  if (std::isnan(*number)) return "unknown";
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", *number);
  return text;
}

std::string to_text(const Expectation& of) {
  std::string group, rest;
  for (const Expectation::Field& field : of.fields) {
    const std::string* text = std::get_if<std::string>(&field.value);
    if (field.key.starts_with("group.")) group += (group.empty() ? "" : ", ") + field.key.substr(6) + "=" + *text;
    else if (field.key == "value")
      rest += " = " + shown(field.value) + (of.within >= 0 ? " ±" + shown(of.within) : "");
    else if (const bool* flag = std::get_if<bool>(&field.value)) rest += (*flag ? " " : " not ") + field.key;
    else if (is_beside(field.key)) continue;
    else if (field.key != "quality" || *text != "good") rest += " " + *text;
  }
  std::string out = of.nothing ? "nothing" : of.name;
  if (of.nothing && !of.name.empty()) out += " of " + of.name;
  if (!group.empty()) out += " {" + group + "}";
  return out + rest;
}

}  // namespace weir::rule_test
