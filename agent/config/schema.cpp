#include <cstdint>

#include "base/json.h"
#include "config/config.h"
#include "config/description.h"

namespace weir::config {
namespace {

Node json_text(std::string_view value) { return Node(std::string(value), {}); }

void set(Node& map, std::string key, Node value) {
  std::get<Node::Map>(map.data).push_back({std::move(key), {}, std::move(value)});
}

Node map(std::initializer_list<std::pair<const char*, Node>> members = {}) {
  Node out(Node::Map{}, {});
  for (const auto& [key, value] : members) set(out, key, value);
  return out;
}

Node typed(const char* type) { return map({{"type", json_text(type)}}); }

Node one_of(const std::vector<std::string_view>& choices) {
  Node::List list;
  for (const std::string_view choice : choices) list.push_back(json_text(choice));
  return map({{"enum", Node(std::move(list), {})}});
}

// Writes down what the description asks for, as JSON Schema 2020-12.
class SchemaWriter final : public Fields {
 public:
  Node take() {
    Node out = map({{"type", json_text("object")}, {"additionalProperties", Node(false, {})}});
    set(out, "properties", std::move(properties_));
    if (!required_.empty()) set(out, "required", Node(std::move(required_), {}));
    return out;
  }

  void text(Key key, std::string&, Check) override { property(key, typed("string")); }
  void choice(Key key, std::string&, std::vector<std::string_view> choices) override {
    property(key, one_of(choices));
  }
  void flag(Key key, bool&) override { property(key, typed("boolean")); }
  void version(Key key, std::int64_t only) override { property(key, map({{"const", Node(only, {})}})); }
  void duration(Key key, Nanoseconds&, Nanoseconds, Nanoseconds) override {
    Node out = typed("string");
    set(out, "pattern", json_text("^([0-9]+(ns|us|ms|s|m|h|d|w))+$"));
    property(key, std::move(out));
  }
  void size(Key key, std::uint64_t&, std::uint64_t, std::uint64_t) override {
    Node out = typed("string");
    set(out, "pattern", json_text("^[0-9]+(\\.[0-9]+)? ?([kMGT]?B|[KMGT]iB)$"));
    property(key, std::move(out));
  }
  void whole(Key key, int&, int least, int most) override {
    Node out = typed("integer");
    set(out, "minimum", Node(std::int64_t{least}, {}));
    set(out, "maximum", Node(std::int64_t{most}, {}));
    property(key, std::move(out));
  }
  void path(Key key, std::filesystem::path&) override { property(key, typed("string")); }
  void secret(Key key, std::filesystem::path&) override { property(key, typed("string")); }
  void texts(Key key, std::vector<std::string>&, Check) override { property(key, list_of(typed("string"))); }
  void choices(Key key, std::vector<std::string>&, std::vector<std::string_view> choices) override {
    Node out = list_of(one_of(choices));
    set(out, "minItems", Node(std::int64_t{1}, {}));
    set(out, "uniqueItems", Node(true, {}));
    property(key, std::move(out));
  }
  void numbers(Key key, std::vector<std::pair<std::string, double>>&, Check) override {
    property(key, map_of(typed("number")));
  }
  void shifts(Key key, std::vector<Shift>&, Check) override {
    Node span = typed("string");
    set(span, "pattern", json_text("^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"));
    property(key, map_of(std::move(span)));
  }
  void anything(Key key, Node&) override { property(key, or_nothing(typed("object"))); }
  void place(const char*, Position&) override {}
  void section(Key key, const Body& body, const char* shorthand) override {
    SchemaWriter below;
    body(below);
    Node out = below.take();
    if (shorthand != nullptr) out = map({{"anyOf", Node(Node::List{typed("string"), std::move(out)}, {})}});
    property(key, key.need == Need::optional ? or_nothing(std::move(out)) : std::move(out));
  }
  void named(Key key, Check, const NamedBody& body) override {
    SchemaWriter below;
    body(below, "name");
    property(key, map_of(below.take()));
  }
  void require(bool, const char*, std::string, std::string) override {}
  void never(const char*, std::string, std::string) override {}

 private:
  static Node list_of(Node item) { return map({{"type", json_text("array")}, {"items", std::move(item)}}); }
  static Node or_nothing(Node schema) {
    return map({{"anyOf", Node(Node::List{std::move(schema), typed("null")}, {})}});
  }
  static Node map_of(Node value) {
    return or_nothing(map({{"type", json_text("object")}, {"additionalProperties", std::move(value)}}));
  }

  void property(const Key& key, Node schema) {
    set(schema, "description", json_text(key.about));
    set(properties_, key.name, std::move(schema));
    if (key.need == Need::required) required_.push_back(json_text(key.name));
  }

  Node properties_ = map();
  Node::List required_;
};

}  // namespace

std::string schema() {
  Config scratch;
  SchemaWriter writer;
  describe(writer, scratch);
  Node out = map(
      {{"$schema", json_text("https://json-schema.org/draft/2020-12/schema")}, {"title", json_text("weir.yaml")}});
  const Node body = writer.take();
  for (const auto& member : *body.as_map()) set(out, member.key, member.value);
  return to_json(out);
}

}  // namespace weir::config
