// Reads a document by the description: fills the structs, and says what is wrong with it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "config/fields.h"

namespace weir::config {

class Reader final : public Fields {
 public:
  // Reads `node` between here and finish(), which says what is unknown. `what` is it in messages, e.g.
  // "bus:".
  Reader(const Node& node, std::string what, const std::filesystem::path& folder, Diagnostics& diagnostics);

  void finish();

  void text(Key key, std::string& out, Check check) override;
  void choice(Key key, std::string& out, std::vector<std::string_view> choices) override;
  void flag(Key key, bool& out) override;
  void version(Key key, std::int64_t only) override;
  void duration(Key key, Nanoseconds& out, Nanoseconds least, Nanoseconds most) override;
  void size(Key key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) override;
  void whole(Key key, int& out, int least, int most) override;
  void path(Key key, std::filesystem::path& out) override;
  void secret(Key key, std::filesystem::path& out) override;
  void texts(Key key, std::vector<std::string>& out, Check check) override;
  void choices(Key key, std::vector<std::string>& out, std::vector<std::string_view> choices) override;
  void numbers(Key key, std::vector<std::pair<std::string, double>>& out, Check check_name) override;
  void shifts(Key key, std::vector<Shift>& out, Check check_name) override;
  void anything(Key key, Node& out) override;
  void place(const char* key, Position& out) override;
  void section(Key key, const Body& body, const char* shorthand) override;
  void named(Key key, Check check_name, const NamedBody& body) override;
  void require(bool holds, const char* key, std::string what, std::string hint) override;
  void never(const char* key, std::string what, std::string hint) override;

 private:
  const Node::Member* member(const Key& key);  // null if it is absent, which is said if it may not be
  const std::string* text_of(const Node::Member* member, const char* such_as);
  void each_text(const Node::Member* member, std::string_view such_as, const std::function<void(const Node&)>& use);
  void wrong(const Node& node, std::string message, std::string hint);
  void wrong_key(const Node::Member& member, std::string message, std::string hint);
  void wrong_kind(const Node::Member& member, std::string_view wanted, std::string hint);

  const Node& node_;
  std::string what_;
  const std::filesystem::path& folder_;
  Diagnostics& diagnostics_;
  std::size_t errors_before_;
  std::vector<std::string_view> known_;
  std::vector<std::string_view> forbidden_;
};

}  // namespace weir::config
