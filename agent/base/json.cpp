#include "base/json.h"

#include <charconv>
#include <cmath>

#include <boost/json.hpp>

#include "base/text.h"

namespace weir {
namespace {

namespace json = boost::json;

void write(const Node& node, std::string& out) {
  struct Writer {
    std::string& out;
    void operator()(std::monostate) const { out += "null"; }
    void operator()(bool v) const { out += v ? "true" : "false"; }
    void operator()(std::int64_t v) const { out += std::to_string(v); }
    void operator()(double v) const {
      if (!std::isfinite(v)) {
        out += "null";
        return;
      }
      char text[40];
      const auto end = std::to_chars(text, text + sizeof text, v).ptr;
      const std::string_view digits(text, static_cast<std::size_t>(end - text));
      out += digits;
      // So that a double comes back as one.
      if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
    }
    void operator()(const std::string& v) const { out += json::serialize(json::string_view(v)); }
    void operator()(const Node::List& list) const {
      out += '[';
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (i > 0) out += ',';
        write(list[i], out);
      }
      out += ']';
    }
    void operator()(const Node::Map& map) const {
      out += '{';
      for (std::size_t i = 0; i < map.size(); ++i) {
        if (i > 0) out += ',';
        (*this)(map[i].key);
        out += ':';
        write(map[i].value, out);
      }
      out += '}';
    }
  };
  std::visit(Writer{out}, node.data);
}

std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

Result<Node> convert(const json::value& value, const std::string& pointer) {
  Node node;
  node.position.file = std::make_shared<const std::string>(pointer);
  switch (value.kind()) {
    case json::kind::null: break;
    case json::kind::bool_: node.data = value.get_bool(); break;
    case json::kind::int64: node.data = value.get_int64(); break;
    case json::kind::uint64: node.data = static_cast<double>(value.get_uint64()); break;
    case json::kind::double_: node.data = value.get_double(); break;
    case json::kind::string: node.data = std::string(value.get_string()); break;
    case json::kind::array: {
      Node::List list;
      for (std::size_t i = 0; const json::value& item : value.get_array()) {
        auto converted = convert(item, pointer + "/" + std::to_string(i++));
        if (!converted) return converted;
        list.push_back(std::move(*converted));
      }
      node.data = std::move(list);
      break;
    }
    case json::kind::object: {
      Node::Map map;
      for (const auto& [key, item] : value.get_object()) {
        const std::string below = pointer + "/" + escaped(key);
        auto converted = convert(item, below);
        if (!converted) return converted;
        Node::Member member;
        member.key = key;
        member.key_position.file = std::make_shared<const std::string>(below);
        member.value = std::move(*converted);
        map.push_back(std::move(member));
      }
      node.data = std::move(map);
      break;
    }
  }
  return node;
}

}  // namespace

std::string to_json(const Node& node) {
  std::string out;
  write(node, out);
  return out;
}

Result<Node> parse_json(std::string_view text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 64;
  const json::value value = json::parse(text, error, {}, options);
  if (error) return fail("not JSON: " + error.message());
  return convert(value, "");
}

const Node& at_pointer(const Node& root, std::string_view pointer) {
  const Node* node = &root;
  if (pointer.starts_with('/')) pointer.remove_prefix(1);
  if (pointer.empty()) return root;
  for (const std::string_view step : split(pointer, '/')) {
    const Node* below = nullptr;
    if (const auto* list = node->as_list()) {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
      if (error == std::errc{} && end == step.data() + step.size() && index < list->size()) below = &(*list)[index];
    } else if (const auto* map = node->as_map()) {
      for (const auto& member : *map)
        if (escaped(member.key) == step) below = &member.value;
    }
    if (below == nullptr) break;
    node = below;
  }
  return *node;
}

}  // namespace weir
