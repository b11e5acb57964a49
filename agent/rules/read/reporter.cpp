#include "rules/read/reporter.h"

#include <algorithm>
#include <utility>

namespace weir::rules {
namespace {

// How much of a value is marked: all that stands on one line as it is, else its first character.
std::size_t length_of(const Node& value) {
  if (const std::string* text = value.as_string(); text != nullptr && value.verbatim) return text->size();
  if (const std::int64_t* number = value.as_int()) return std::to_string(*number).size();
  if (const bool* truth = value.as_bool()) return *truth ? 4 : 5;
  return 1;
}

}  // namespace

void Reporter::add(Diagnostic::Severity severity, const Position& at, std::size_t length, std::string message,
                   std::string hint) {
  failed_ = failed_ || severity == Diagnostic::Severity::error;
  diagnostics_.push_back(
      {severity, at, std::move(message), std::move(hint), static_cast<int>(std::max<std::size_t>(length, 1))});
}

void Reporter::error(const Position& at, std::size_t length, std::string message, std::string hint) {
  add(Diagnostic::Severity::error, at, length, std::move(message), std::move(hint));
}

void Reporter::error(const Node& value, std::string message, std::string hint) {
  error(value.position, length_of(value), std::move(message), std::move(hint));
}

void Reporter::error(const Node::Member& key, std::string message, std::string hint) {
  error(key.key_position, key.key.size(), std::move(message), std::move(hint));
}

void Reporter::warn(const Position& at, std::size_t length, std::string message, std::string hint) {
  add(Diagnostic::Severity::warning, at, length, std::move(message), std::move(hint));
}

void Reporter::warn(const Node& value, std::string message, std::string hint) {
  warn(value.position, length_of(value), std::move(message), std::move(hint));
}

Reporter::Complain Reporter::inside(const Node& value) {
  return [this, &value](Fault fault) {
    Position at = value.position;
    const bool follows = value.verbatim && value.as_string() != nullptr;
    if (follows && at.column > 0) at.column += static_cast<int>(fault.offset);
    error(at, follows ? fault.length : 1, std::move(fault.message), std::move(fault.hint));
  };
}

Reporter::Complain Reporter::inside(const Node::Member& key) {
  return [this, &key](Fault fault) {
    Position at = key.key_position;
    if (at.column > 0) at.column += static_cast<int>(fault.offset);
    error(at, fault.length, std::move(fault.message), std::move(fault.hint));
  };
}

}  // namespace weir::rules
