// A document that a person wrote (config, rules), as a tree of values that know where they stand.
//
// config/ makes these from YAML; who reads them (config's own structs, rules/) need not know YAML.
// Scalars are already resolved: true/false, JSON numbers, null for an empty value, the rest strings.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weir {

// 1-based, as editors count; the column in bytes. File is shared by all nodes of a document.
struct Position {
  std::shared_ptr<const std::string> file;
  int line = 0;
  int column = 0;
};

class Node {
 public:
  using List = std::vector<Node>;
  struct Member;                    // key and value
  using Map = std::vector<Member>;  // in the order of the document; keys are unique
  using Data = std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map>;

  // Defined below Member: clang wants a map's elements complete where a map is made or ended.
  Node();
  Node(Data data_in, Position position_in);
  Node(const Node&);
  Node(Node&&) noexcept;
  Node& operator=(const Node&);
  Node& operator=(Node&&) noexcept;
  ~Node();

  Data data;
  Position position;     // of the first character of the value itself (inside the quotes, if quoted)
  bool verbatim = true;  // the text stands in the document as it is: offset n in a string is column + n.
                         // False for escapes and for scalars over several lines.

  // For documents that a program makes: Node::of(std::int64_t{3}), object.set("key", value).
  static Node of(Data data);
  static Node object();
  Node& set(std::string key, Node value);  // makes it a map; adds or replaces

  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, Node>)
  Node& set(std::string key, T&& value);

  bool is_null() const { return std::holds_alternative<std::monostate>(data); }
  const bool* as_bool() const { return std::get_if<bool>(&data); }
  const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&data); }
  const std::string* as_string() const { return std::get_if<std::string>(&data); }
  const List* as_list() const { return std::get_if<List>(&data); }
  const Map* as_map() const { return std::get_if<Map>(&data); }
  bool as_number(double& out) const;             // int or double
  const Node* find(std::string_view key) const;  // in a map; null if there is none

  const char* kind() const;  // "a number", "a list", …: for messages
};

struct Node::Member {
  std::string key;
  Position key_position;
  Node value;
};

inline Node::Node() = default;
inline Node::Node(Data data_in, Position position_in) : data(std::move(data_in)), position(std::move(position_in)) {}
inline Node::Node(const Node&) = default;
inline Node::Node(Node&&) noexcept = default;
inline Node& Node::operator=(const Node&) = default;
inline Node& Node::operator=(Node&&) noexcept = default;
inline Node::~Node() = default;
inline Node Node::of(Data data) { return Node(std::move(data), {}); }
inline Node Node::object() { return of(Map{}); }

template <class T>
  requires(!std::same_as<std::remove_cvref_t<T>, Node>)
Node& Node::set(std::string key, T&& value) {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (std::same_as<Plain, bool> || std::same_as<Plain, List> || std::same_as<Plain, Map>)
    return set(std::move(key), of(Data(std::forward<T>(value))));
  else if constexpr (std::integral<Plain>) return set(std::move(key), of(static_cast<std::int64_t>(value)));
  else if constexpr (std::floating_point<Plain>) return set(std::move(key), of(static_cast<double>(value)));
  else return set(std::move(key), of(std::string(std::string_view(value))));
}

}  // namespace weir
