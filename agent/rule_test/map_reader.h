// Reads one map of a document strictly: says what is of the wrong kind, out of range, missing or unknown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "base/document.h"

namespace weir::rule_test {

class MapReader {
 public:
  // `what` is it in messages: "a test", "an expectation".
  MapReader(const Node& node, std::string what, Diagnostics& diagnostics);

  bool is_map() const { return node_.as_map() != nullptr; }
  const Node& node() const { return node_; }

  // Null if it is absent. With a key that has no value it is said, and null, too.
  const Node* find(std::string_view key);
  const Node* require(std::string_view key, std::string hint);

  // False if it is absent or wrong, which is said; `out` is left alone then.
  bool text(std::string_view key, std::string& out);
  bool flag(std::string_view key, bool& out);
  bool number(std::string_view key, double& out, double least);
  bool duration(std::string_view key, Nanoseconds& out, Nanoseconds least, Nanoseconds most);
  bool choice(std::string_view key, std::string& out, const std::vector<std::string_view>& choices);
  // A duration since `start`, or an ISO 8601 time that is not before it.
  bool time(std::string_view key, Timestamp start, Timestamp& out);

  // Says which keys nobody asked for.
  void finish();

  void error(const Node& at, std::string message, std::string hint = {});
  void error(const Node::Member& at, std::string message, std::string hint = {});

 private:
  const Node& node_;
  std::string what_;
  Diagnostics& diagnostics_;
  std::vector<std::string_view> known_;
};

// Adds an error that underlines the node.
void complain(Diagnostics& diagnostics, const Node& at, std::string message, std::string hint = {});

}  // namespace weir::rule_test
