#include "base/document.h"

namespace weir {

bool Node::as_number(double& out) const {
  if (const auto* integer = std::get_if<std::int64_t>(&data)) {
    out = static_cast<double>(*integer);
    return true;
  }
  if (const auto* real = std::get_if<double>(&data)) {
    out = *real;
    return true;
  }
  return false;
}

Node& Node::set(std::string key, Node value) {
  if (as_map() == nullptr) data = Map{};
  Map& map = std::get<Map>(data);
  for (Member& member : map)
    if (member.key == key) {
      member.value = std::move(value);
      return *this;
    }
  map.push_back({std::move(key), {}, std::move(value)});
  return *this;
}

const Node* Node::find(std::string_view key) const {
  if (const Map* map = as_map())
    for (const Member& member : *map)
      if (member.key == key) return &member.value;
  return nullptr;
}

const char* Node::kind() const {
  static constexpr const char* kKinds[] = {"nothing", "true or false", "a whole number", "a number",
                                           "a text",  "a list",        "a map"};
  return kKinds[data.index()];
}

}  // namespace weir
