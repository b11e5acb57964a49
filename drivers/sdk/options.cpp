#include "sdk/options.h"

#include <algorithm>

#include "base/text.h"
#include "model/value.h"

namespace weir::sdk {

Diagnostic problem(const Position& position, std::string message, std::string hint) {
  Diagnostic out;
  out.position = position;
  out.message = std::move(message);
  out.hint = std::move(hint);
  return out;
}

Options::Options(const Node& node, Diagnostics& diagnostics) : node_(node), diagnostics_(diagnostics) {
  if (!node.is_null() && node.as_map() == nullptr)
    diagnostics_.push_back(problem(node.position, std::string("expected a map of options, not ") + node.kind(),
                                   "write `key: value` lines"));
}

bool Options::has(std::string_view key) const { return node_.find(key) != nullptr; }

const Node* Options::wanted(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
  return node_.find(key);
}

const Node* Options::any(std::string_view key) { return wanted(key); }

void Options::wrong(const Node& value, std::string_view key, std::string_view expected) {
  diagnostics_.push_back(problem(
      value.position, "'" + std::string(key) + "' must be " + std::string(expected) + ", not " + value.kind()));
}

void Options::error(std::string_view key, std::string message, std::string hint) {
  const Node* value = wanted(key);
  diagnostics_.push_back(
      problem(value != nullptr ? value->position : node_.position, std::move(message), std::move(hint)));
}

void Options::required(std::string_view key) {
  if (wanted(key) == nullptr) error(key, "'" + std::string(key) + "' is missing");
}

double Options::number(std::string_view key, double otherwise, Numbers allowed) {
  const Node* value = wanted(key);
  if (value == nullptr) return otherwise;
  double out = 0;
  if (!value->as_number(out)) {
    wrong(*value, key, "a number");
    return otherwise;
  }
  if (out < allowed.least || out > allowed.most) {
    error(key, "'" + std::string(key) + "' is " + model::to_text(out),
          "write a number from " + model::to_text(allowed.least) + " to " + model::to_text(allowed.most));
    return otherwise;
  }
  return out;
}

std::int64_t Options::integer(std::string_view key, std::int64_t otherwise, std::int64_t least, std::int64_t most) {
  const Node* value = wanted(key);
  if (value == nullptr) return otherwise;
  const std::int64_t* out = value->as_int();
  if (out == nullptr) {
    wrong(*value, key, "a whole number");
    return otherwise;
  }
  if (*out < least || *out > most) {
    error(key, "'" + std::string(key) + "' is " + std::to_string(*out),
          "write a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return otherwise;
  }
  return *out;
}

bool Options::boolean(std::string_view key, bool otherwise) {
  const Node* value = wanted(key);
  if (value == nullptr) return otherwise;
  if (const bool* out = value->as_bool()) return *out;
  wrong(*value, key, "true or false");
  return otherwise;
}

std::string Options::text(std::string_view key, std::string_view otherwise) {
  const Node* value = wanted(key);
  if (value == nullptr) return std::string(otherwise);
  if (const std::string* out = value->as_string()) return *out;
  wrong(*value, key, "a text");
  return std::string(otherwise);
}

std::string Options::one_of(std::string_view key, std::string_view otherwise,
                            std::initializer_list<std::string_view> allowed) {
  const std::string out = text(key, otherwise);
  if (std::ranges::find(allowed, out) != allowed.end()) return out;
  std::string list;
  for (const std::string_view word : allowed) list += (list.empty() ? "" : ", ") + std::string(word);
  const std::string meant = did_you_mean(out, {allowed.begin(), allowed.end()});
  error(key, "'" + std::string(key) + "' is '" + out + "'", meant.empty() ? "write one of " + list : meant);
  return std::string(otherwise);
}

Nanoseconds Options::duration(std::string_view key, Nanoseconds otherwise, Durations allowed) {
  const Node* value = wanted(key);
  if (value == nullptr) return otherwise;
  const std::string* written = value->as_string();
  Nanoseconds out = 0;
  if (written == nullptr || !parse_duration(*written, out)) {
    error(key, "'" + std::string(key) + "' must be a duration",
          "write a number and its unit, for example 250ms, 5s or 1m30s");
    return otherwise;
  }
  if (out < allowed.least || out > allowed.most) {
    error(key, "'" + std::string(key) + "' is " + *written,
          "write a duration from " + to_text(std::chrono::nanoseconds(allowed.least)) + " to " +
              to_text(std::chrono::nanoseconds(allowed.most)));
    return otherwise;
  }
  return out;
}

std::vector<std::string> Options::texts(std::string_view key, std::vector<std::string> otherwise) {
  const Node* value = wanted(key);
  if (value == nullptr) return otherwise;
  const Node::List* list = value->as_list();
  if (list == nullptr) {
    wrong(*value, key, "a list of texts");
    return otherwise;
  }
  std::vector<std::string> out;
  for (const Node& item : *list) {
    if (const std::string* word = item.as_string()) out.push_back(*word);
    else wrong(item, key, "a list of texts");
  }
  return out;
}

void Options::finish() {
  const Node::Map* map = node_.as_map();
  if (map == nullptr) return;
  const std::vector<std::string_view> candidates(known_.begin(), known_.end());
  for (const Node::Member& member : *map) {
    if (std::ranges::find(known_, member.key) != known_.end()) continue;
    std::string hint = did_you_mean(member.key, candidates);
    if (hint.empty() && !known_.empty()) hint = "there are " + join(known_, ", ");
    diagnostics_.push_back(problem(member.key_position, "there is no option '" + member.key + "'", std::move(hint)));
  }
}

}  // namespace weir::sdk
