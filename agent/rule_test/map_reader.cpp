#include "rule_test/map_reader.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "rule_test/suite.h"

namespace weir::rule_test {

void complain(Diagnostics& diagnostics, const Node& at, std::string message, std::string hint) {
  const std::string* text = at.as_string();
  const int length = text != nullptr && at.verbatim ? std::max(1, static_cast<int>(text->size())) : 1;
  diagnostics.push_back({Diagnostic::Severity::error, at.position, std::move(message), std::move(hint), length});
}

MapReader::MapReader(const Node& node, std::string what, Diagnostics& diagnostics)
    : node_(node), what_(std::move(what)), diagnostics_(diagnostics) {
  if (!is_map()) error(node, what_ + " is a map, not " + node.kind(), "write key: value, a line each");
}

const Node* MapReader::find(std::string_view key) {
  known_.push_back(key);
  const Node::Map* map = node_.as_map();
  if (map == nullptr) return nullptr;
  const auto found = std::ranges::find(*map, key, &Node::Member::key);
  if (found == map->end()) return nullptr;
  if (!found->value.is_null()) return &found->value;
  error(*found, found->key + ": has no value", "leave it out, or write its value");
  return nullptr;
}

const Node* MapReader::require(std::string_view key, std::string hint) {
  const Node* found = find(key);
  if (found == nullptr && is_map() && node_.find(key) == nullptr)
    error(node_, what_ + " needs " + std::string(key) + ":", std::move(hint));
  return found;
}

bool MapReader::text(std::string_view key, std::string& out) {
  const Node* found = find(key);
  if (found == nullptr) return false;
  if (const std::string* text = found->as_string()) {
    out = *text;
    return true;
  }
  error(*found, std::string(key) + ": wants a text, not " + found->kind(), "put it in quotes");
  return false;
}

bool MapReader::flag(std::string_view key, bool& out) {
  const Node* found = find(key);
  if (found == nullptr) return false;
  if (const bool* flag = found->as_bool()) {
    out = *flag;
    return true;
  }
  error(*found, std::string(key) + ": wants true or false, not " + found->kind(), "write true or false");
  return false;
}

bool MapReader::number(std::string_view key, double& out, double least) {
  const Node* found = find(key);
  if (found == nullptr) return false;
  double value = 0;
  if (!found->as_number(value)) {
    error(*found, std::string(key) + ": wants a number, not " + found->kind(), "write a number, without quotes");
  } else if (value < least) {
    error(*found, std::string(key) + ": is out of range", "a number from 0 on");
  } else {
    out = value;
    return true;
  }
  return false;
}

bool MapReader::duration(std::string_view key, Nanoseconds& out, Nanoseconds least, Nanoseconds most) {
  const Node* found = find(key);
  if (found == nullptr) return false;
  const std::string* text = found->as_string();
  Nanoseconds value = 0;
  if (text == nullptr || !parse_duration(*text, value)) {
    error(*found, std::string(key) + ": wants a duration", "write 30s, 1h30m or 7d");
  } else if (value < least || value > most) {
    error(*found, std::string(key) + ": " + *text + " is out of range",
          weir::to_text(std::chrono::nanoseconds(least)) + " to " + weir::to_text(std::chrono::nanoseconds(most)));
  } else {
    out = value;
    return true;
  }
  return false;
}

bool MapReader::choice(std::string_view key, std::string& out, const std::vector<std::string_view>& choices) {
  std::string word;
  if (!text(key, word)) return false;
  if (std::ranges::find(choices, word) != choices.end()) {
    out = word;
    return true;
  }
  std::string hint = did_you_mean(word, choices);
  if (hint.empty()) hint = "choices: " + join(std::vector<std::string>(choices.begin(), choices.end()), ", ");
  error(*node_.find(key), std::string(key) + ": '" + word + "' is no choice", std::move(hint));
  return false;
}

bool MapReader::time(std::string_view key, Timestamp start, Timestamp& out) {
  const Node* found = find(key);
  if (found == nullptr) return false;
  const std::string* text = found->as_string();
  Timestamp absolute = 0;
  Nanoseconds after = -1;
  if (text != nullptr && parse_iso(*text, absolute)) {
    if (__builtin_sub_overflow(absolute, start, &after)) after = -1;
  } else if (text == nullptr || !parse_duration(*text, after)) {
    error(*found, std::string(key) + ": wants a time", "write 90s or 1m30s after the start, or 2026-03-29T01:00:00Z");
    return false;
  }
  if (after < 0 || after > kLongestTest) {
    error(*found, std::string(key) + ": is before the start of the test, or too far behind it",
          "the test starts at " + to_iso(start) + " and lasts " +
              weir::to_text(std::chrono::nanoseconds(kLongestTest)) + " at most");
    return false;
  }
  out = start + after;
  return true;
}

void MapReader::finish() {
  if (!is_map()) return;
  for (const Node::Member& member : *node_.as_map())
    if (std::ranges::find(known_, member.key) == known_.end()) {
      std::string hint = did_you_mean(member.key, known_);
      if (hint.empty()) hint = "it has " + join(std::vector<std::string>(known_.begin(), known_.end()), ", ");
      error(member, what_ + " has no key '" + member.key + "'", std::move(hint));
    }
}

void MapReader::error(const Node& at, std::string message, std::string hint) {
  complain(diagnostics_, at, std::move(message), std::move(hint));
}

void MapReader::error(const Node::Member& at, std::string message, std::string hint) {
  diagnostics_.push_back({Diagnostic::Severity::error, at.key_position, std::move(message), std::move(hint),
                          static_cast<int>(at.key.size())});
}

}  // namespace weir::rule_test
