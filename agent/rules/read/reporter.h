// What is wrong in a file of rules, and where: at a value, at a key, or inside the text of one.
#pragma once

#include <functional>
#include <string>

#include "base/diagnostic.h"
#include "base/document.h"
#include "base/error.h"
#include "rules/language/lexer.h"

namespace weir::rules {

class Reporter {
 public:
  // Takes a fault inside a text, and turns its place there into one in the file.
  using Complain = std::function<void(Fault)>;

  explicit Reporter(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void error(const Node& value, std::string message, std::string hint = {});
  void error(const Node::Member& key, std::string message, std::string hint = {});
  void error(const Position& at, std::size_t length, std::string message, std::string hint = {});
  void warn(const Node& value, std::string message, std::string hint = {});
  void warn(const Position& at, std::size_t length, std::string message, std::string hint = {});

  // They live as long as the value or the key does.
  Complain inside(const Node& value);
  Complain inside(const Node::Member& key);

  bool failed() const { return failed_; }  // an error was said, not only warnings

 private:
  void add(Diagnostic::Severity severity, const Position& at, std::size_t length, std::string message,
           std::string hint);

  Diagnostics& diagnostics_;
  bool failed_ = false;
};

}  // namespace weir::rules
