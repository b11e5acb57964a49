#include "base/json.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_set>

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>

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

// Builds the tree while Boost reads. Its own doubles are off by one bit now and then, so numbers are
// read from their text.
class Handler {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using Code = json::error_code;
  using Text = json::string_view;

  Node take() { return std::move(root_); }
  const std::string& repeated() const { return repeated_; }

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return open(Node::Map{}); }
  bool on_object_end(std::size_t, Code&) { return close(); }
  bool on_array_begin(Code&) { return open(Node::List{}); }
  bool on_array_end(std::size_t, Code&) { return close(); }
  bool on_key_part(Text text, std::size_t, Code&) { return more(text); }
  bool on_key(Text text, std::size_t, Code& code) {
    more(text);
    Frame& frame = open_.back();
    frame.key = std::exchange(text_, {});
    if (frame.keys.insert(frame.key).second) return true;
    repeated_ = frame.key;
    code = json::error::syntax;
    return false;
  }
  bool on_string_part(Text text, std::size_t, Code&) { return more(text); }
  bool on_string(Text text, std::size_t, Code&) {
    more(text);
    return add(std::exchange(text_, {}));
  }
  bool on_number_part(Text text, Code&) { return more(text); }
  bool on_int64(std::int64_t value, Text, Code&) {
    text_.clear();
    return add(value);
  }
  bool on_uint64(std::uint64_t, Text text, Code& code) { return on_double(0, text, code); }
  bool on_double(double, Text text, Code& code) {
    more(text);
    const std::string digits = std::exchange(text_, {});
    double value = 0;
    const auto error = std::from_chars(digits.data(), digits.data() + digits.size(), value).ec;
    // Too small is zero; too large is what no double can hold.
    if (error == std::errc::result_out_of_range && std::abs(std::strtod(digits.c_str(), nullptr)) > 1) {
      code = json::error::exponent_overflow;
      return false;
    }
    return add(error == std::errc{} ? value : std::strtod(digits.c_str(), nullptr));
  }
  bool on_bool(bool value, Code&) { return add(value); }
  bool on_null(Code&) { return add(std::monostate{}); }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  struct Frame {
    Node node;
    std::string key;                       // of the value to come, in a map
    std::unordered_set<std::string> keys;  // so far
  };

  bool more(Text text) {
    text_.append(text.data(), text.size());
    return true;
  }

  // The pointer of the value to come.
  std::string pointer() const {
    if (open_.empty()) return {};
    const Frame& frame = open_.back();
    const auto* list = frame.node.as_list();
    return *frame.node.position.file + "/" + (list != nullptr ? std::to_string(list->size()) : escaped(frame.key));
  }

  Node made(Node::Data data) const {
    return Node(std::move(data), {std::make_shared<const std::string>(pointer()), 0, 0});
  }

  bool open(Node::Data empty) {
    Frame frame;
    frame.node = made(std::move(empty));
    open_.push_back(std::move(frame));
    return true;
  }

  bool close() {
    Node done = std::move(open_.back().node);
    open_.pop_back();
    return place(std::move(done));
  }

  bool add(Node::Data data) { return place(made(std::move(data))); }

  bool place(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (auto* list = std::get_if<Node::List>(&open_.back().node.data)) {
      list->push_back(std::move(node));
    } else {
      const Position at = node.position;
      std::get<Node::Map>(open_.back().node.data).push_back({std::move(open_.back().key), at, std::move(node)});
    }
    return true;
  }

  Node root_;
  std::vector<Frame> open_;
  std::string text_;  // of the string or number that is being read
  std::string repeated_;
};

}  // namespace

std::string to_json(const Node& node) {
  std::string out;
  write(node, out);
  return out;
}

Result<Node> parse_json(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 64;
  json::basic_parser<Handler> parser(options);
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (const std::string& key = parser.handler().repeated(); !key.empty())
    return fail("not JSON: the key '" + key + "' stands twice in one object");
  if (!error && read < text.size()) error = json::error::extra_data;
  if (error) return fail("not JSON: " + error.message());
  return parser.handler().take();
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
