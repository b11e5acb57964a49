#include <algorithm>
#include <istream>
#include <optional>
#include <streambuf>
#include <string_view>
#include <unordered_map>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "config/config.h"
#include "config/yaml_error.h"
#include "config/yaml_scalar.h"
#include "config/yaml_text.h"

namespace weir::config {
namespace {

constexpr std::size_t kMostDepth = 64;
constexpr std::size_t kMostNodes = 200'000;
constexpr std::size_t kMostErrors = 50;

constexpr const char* kManual = "compare with docs/configuration.md";

// Ends the parsing; what is wrong is in the diagnostics.
struct Stop {};

bool ends_plain_word(std::string_view rest) {
  return rest.empty() || std::string_view(" \t\n,]}:").find(rest.front()) != std::string_view::npos;
}

// Builds the tree out of yaml-cpp's events, looking back into the text for what they do not tell: how
// a value was written. yaml-cpp's own nodes have lost duplicate keys and quotes by then.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, Position start, Diagnostics& diagnostics)
      : text_(text), file_(std::move(start.file)), diagnostics_(diagnostics) {
    for (std::size_t at = 0; (at = text_.find('\n', at)) != std::string_view::npos;) line_starts_.push_back(++at);
  }

  Node take_root() { return std::move(root_); }

  // The place of what the parser stumbled over.
  void refuse(const YAML::Exception& stumble) {
    const Frame* flow = innermost_flow();
    Stumble about{.message = stumble.msg, .before = {}, .after = {}, .in_flow = flow != nullptr};
    std::size_t offset = stumble.mark.is_null() ? text_.size() : clamp(stumble.mark.pos);
    const bool at_end = text_.find_first_not_of(" \t\n", offset) == std::string_view::npos;
    if (about.message == YAML::ErrorMsg::EOF_IN_SCALAR || about.message == YAML::ErrorMsg::DOC_IN_SCALAR) {
      offset = open_quote(offset);
    } else if (flow != nullptr && (at_end || offset <= flow->offset)) {  // at the end yaml-cpp may know no place
      const bool map = text_[flow->offset] == '{';
      return refuse(flow->offset, 1, map ? "this { is never closed" : "this [ is never closed",
                    map ? "close it with }" : "close it with ]");
    }
    const std::size_t line = line_start(offset);
    about.before = text_.substr(line, offset - line);
    about.after = text_.substr(offset, text_.find('\n', offset) - offset);
    const Position at = position(offset);
    // What was wrong earlier in this line is why the parser stumbled.
    if (std::ranges::any_of(diagnostics_, [&](const Diagnostic& d) { return d.position.line == at.line; })) return;
    Error error = explain(about);
    refuse(offset, 1, std::move(error.what), std::move(error.hint));
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    const std::size_t offset = clamp(mark.pos);
    const bool marked = text_.substr(line_start(offset)).starts_with("---");
    refuse(offset, 1, marked ? "a second document begins here" : "this line belongs to nothing above it",
           marked ? "one file holds one document: remove the '---'" : "indent it as the lines that it belongs to");
    throw Stop{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const std::size_t offset = clamp(mark.pos);
    check_properties(offset, "?", anchor);
    const std::string_view word = null_word(offset);
    if (expects_key()) {
      if (word.empty()) refuse(offset, 1, "a ':' without a key in front of it", "write key: value");
      return begin_value(offset, std::string(word), word.size(), !word.empty());
    }
    if (!word.empty()) {
      if (auto value = resolve_plain(word); !value) refuse(offset, word.size(), value.error());
    } else if (!stack_.empty() && stack_.back().node.as_map() != nullptr) {
      check_empty_value(stack_.back());
    }
    add(Node({}, position(offset)));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const std::size_t offset = clamp(mark.pos);
    check_properties(offset, "?", anchor == 0 ? 1 : anchor);
    if (expects_key()) return begin_value(offset, "*", 1, false);
    add(Node({}, position(offset)));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const std::size_t offset = clamp(mark.pos);
    const char first = offset < text_.size() ? text_[offset] : '\0';
    const bool tagged = check_properties(offset, tag, anchor);
    const bool quoted = first == '"' || first == '\'';
    const bool block = tag == "!" && (first == '|' || first == '>');
    const bool plain = !quoted && !block;

    const std::size_t inside = quoted ? offset + 1 : offset;
    const bool as_written = !block && !tagged && text_.substr(inside, value.size()) == value;
    const std::size_t closing = quoted ? closing_quote(offset) : 0;
    // yaml-cpp takes a quote that the file ends with for an empty text.
    if (closing == std::string_view::npos) refuse(offset, 1, explain({.message = YAML::ErrorMsg::EOF_IN_SCALAR}));
    const bool verbatim = as_written && (plain || closing == inside + value.size());
    last_end_ = quoted ? std::min(closing, text_.size() - 1) + 1 : verbatim ? inside + value.size() : offset + 1;

    if (plain && !tagged && in_flow()) check_split(offset, value);
    if (expects_key()) {
      const std::size_t length = verbatim || quoted ? last_end_ - offset : 0;
      return begin_value(offset, value, length, plain && !tagged);
    }
    Node node(value, position(block ? block_content(offset) : inside));
    node.verbatim = verbatim;
    if (plain && !tagged) {
      if (auto resolved = resolve_plain(value)) node.data = std::move(*resolved);
      else refuse(offset, verbatim ? value.size() : 1, resolved.error());
    }
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    begin(Node::List{}, clamp(mark.pos), tag, anchor, style == YAML::EmitterStyle::Flow);
  }
  void OnSequenceEnd() override { end(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    begin(Node::Map{}, clamp(mark.pos), tag, anchor, style == YAML::EmitterStyle::Flow);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Key {
    std::string text;
    Position position;
    std::size_t offset = 0;
    std::size_t length = 0;  // as written, with its quotes; 0: not known
    bool usable = true;
  };
  // A list or map that is open.
  struct Frame {
    Node node;
    std::size_t offset = 0;
    bool flow = false;
    bool is_key = false;                         // of the map around it, where it may not be
    bool nonsense = false;                       // for a reason that was said: nothing more is said about it
    std::optional<Key> key;                      // of the value to come
    std::unordered_map<std::string, int> lines;  // of the keys so far
  };

  std::size_t clamp(int offset) const {
    return std::min(static_cast<std::size_t>(std::max(offset, 0)), text_.size());
  }

  std::size_t line_of(std::size_t offset) const {  // from 0
    return static_cast<std::size_t>(std::ranges::upper_bound(line_starts_, offset) - line_starts_.begin()) - 1;
  }
  std::size_t line_start(std::size_t offset) const { return line_starts_[line_of(offset)]; }

  Position position(std::size_t offset) const {
    const std::size_t line = line_of(offset);
    return {file_, static_cast<int>(line) + 1, static_cast<int>(offset - line_starts_[line]) + 1};
  }

  void refuse(std::size_t offset, std::size_t length, std::string message, std::string hint) {
    if (is_nonsense()) return;
    const Position at = position(offset);
    if (diagnostics_.size() >= kMostErrors) {
      diagnostics_.push_back({Diagnostic::Severity::error, at, "too many errors: the rest of the file was not read",
                              "mend those above first", 1});
      throw Stop{};
    }
    diagnostics_.push_back({Diagnostic::Severity::error, at, std::move(message), std::move(hint),
                            static_cast<int>(std::max<std::size_t>(length, 1))});
  }
  void refuse(std::size_t offset, std::size_t length, const Error& error) {
    refuse(offset, length, error.what, error.hint);
  }

  bool is_nonsense() const {
    return std::ranges::any_of(stack_, [](const Frame& frame) { return frame.nonsense; });
  }

  bool expects_key() const { return !stack_.empty() && stack_.back().node.as_map() != nullptr && !stack_.back().key; }
  bool in_flow() const { return !stack_.empty() && stack_.back().flow; }

  // The bracket or brace that is open; yaml-cpp has maps without braces in between.
  const Frame* innermost_flow() const {
    for (auto frame = stack_.rbegin(); frame != stack_.rend() && frame->flow; ++frame)
      if (text_[frame->offset] == '{' || text_[frame->offset] == '[') return &*frame;
    return nullptr;
  }

  // Tags, anchors and aliases are not read. True if the value has one.
  bool check_properties(std::size_t offset, const std::string& tag, YAML::anchor_t anchor) {
    const bool bang = offset < text_.size() && text_[offset] == '!';
    if (anchor != 0) {
      refuse(offset, 1, "anchors (&) and aliases (*) are not read",
             "write it out; a text that begins with & or * needs quotes");
      return true;
    }
    if ((tag.empty() || tag == "?" || tag == "!") && !bang) return false;
    const std::string_view rest = text_.substr(offset, text_.find_first_of(" \n,]}", offset) - offset);
    std::string hint = "a text that begins with ! needs quotes";
    if (rest.size() > 1 && rest[1] != '!' && rest[1] != '<')
      hint = "write 'not " + std::string(rest.substr(1)) + "' in an expression; " + hint;
    refuse(offset, rest.size(), "tags (" + std::string(rest) + ") are not read", std::move(hint));
    return true;
  }

  // "~" or "null", if that is what stands there; nothing for an empty value.
  std::string_view null_word(std::size_t offset) const {
    const std::string_view rest = text_.substr(offset);
    for (const std::string_view word : {"~", "null", "Null", "NULL"})
      if (rest.starts_with(word) && ends_plain_word(rest.substr(word.size()))) return word;
    return {};
  }

  // "t: #" and "{a, b}" look as if there were a value.
  void check_empty_value(Frame& map) {
    Key& key = *map.key;
    if (key.length == 0) return;
    // A map that yaml-cpp made up of a list that is not closed.
    if (map.flow && text_[map.offset] != '{' && map.offset == key.offset) return;
    const auto skip_blanks = [&](std::size_t at) {
      return std::min(text_.find_first_not_of(" \t", at), text_.size());
    };
    std::size_t at = skip_blanks(key.offset + key.length);
    if (!text_.substr(at).starts_with(':')) {
      key.usable = false;
      const std::size_t colon = key.text.find(':');
      if (colon != std::string::npos)
        return refuse(key.offset + colon, 1, "'" + key.text + "' has no value", "write a space behind the ':'");
      return refuse(key.offset, key.length, "'" + key.text + "' has no value",
                    "write " + key.text + ": and a value; a text with a comma or braces in it needs quotes");
    }
    at = skip_blanks(at + 1);
    if (text_.substr(at).starts_with('#'))
      refuse(at, 1, "'" + key.text + "' has no value: '#' begins a comment",
             "put a text that begins with # in quotes; a comment on an empty value goes on a line of its own");
  }

  // A comma ends an unquoted text within [ ] and { }: "{p99: quantile(t, 0.99)}".
  void check_split(std::size_t offset, std::string_view value) {
    int open = 0;
    for (const char c : value) open += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (open == 0 || is_nonsense()) return;
    const std::string_view line = text_.substr(offset, text_.find('\n', offset) - offset);
    std::size_t end = std::string_view::npos;
    for (std::size_t i = 0, depth = 0; i < line.size() && end == std::string_view::npos; ++i) {
      if (line[i] == '(') ++depth;
      if (line[i] == ')' && (depth == 0 || --depth == 0)) end = i + 1;
    }
    if (open < 0 || end == std::string_view::npos) {
      refuse(offset, value.size(), open < 0 ? "')' without '('" : "'(' without ')'", "put the whole text in quotes");
    } else {
      refuse(offset, value.size(), "the comma cuts this text in two",
             "put it in quotes: \"" + std::string(line.substr(0, end)) + "\"");
    }
    stack_.back().nonsense = true;
  }

  // The first character of the text below | or >.
  std::size_t block_content(std::size_t offset) const {
    const std::size_t line = text_.find('\n', offset);
    if (line == std::string_view::npos) return offset;
    const std::size_t content = text_.find_first_not_of(" \n", line);
    return content == std::string_view::npos ? offset : content;
  }

  // Where the quoted text at `offset` ends; npos if it does not.
  std::size_t closing_quote(std::size_t offset) const {
    const char quote = text_[offset];
    for (std::size_t at = offset + 1; at < text_.size(); ++at) {
      if (quote == '"' && text_[at] == '\\') ++at;
      else if (text_[at] == quote && quote == '\'' && text_.substr(at + 1).starts_with(quote)) ++at;
      else if (text_[at] == quote) return at;
    }
    return std::string_view::npos;
  }

  // Where the quote began that is open at the end.
  std::size_t open_quote(std::size_t otherwise) const {
    for (std::size_t at = last_end_; (at = text_.find_first_of("\"'", at)) != std::string_view::npos; ++at)
      if (at == 0 || std::string_view(" \n\t[{,:").find(text_[at - 1]) != std::string_view::npos) return at;
    return otherwise;
  }

  // `plain`: not quoted, so that what looks like no text is refused.
  void begin_value(std::size_t offset, std::string text, std::size_t length, bool plain) {
    Key key{std::move(text), position(offset), offset, length, !is_nonsense()};
    if (offset < text_.size() && (text_[offset] == '"' || text_[offset] == '\'')) ++key.position.column;
    if (plain)
      if (auto fine = check_plain_key(key.text); !fine) refuse(offset, length, fine.error());
    auto& lines = stack_.back().lines;
    if (const auto [first, fresh] = lines.try_emplace(key.text, key.position.line); !fresh) {
      refuse(offset, length, "'" + key.text + "' stands twice in this map",
             "the first is in line " + std::to_string(first->second));
      key.usable = false;
    }
    stack_.back().key = std::move(key);
  }

  void count_node(std::size_t offset) {
    if (++nodes_ <= kMostNodes) return;
    refuse(offset, 1, "more than " + std::to_string(kMostNodes) + " values", "is it the right file?");
    throw Stop{};
  }

  void begin(Node::Data empty, std::size_t offset, const std::string& tag, YAML::anchor_t anchor, bool flow) {
    check_properties(offset, tag, anchor);
    count_node(offset);
    if (stack_.size() >= kMostDepth) {
      refuse(offset, 1, "nested deeper than " + std::to_string(kMostDepth) + " levels", "is it the right file?");
      throw Stop{};
    }
    last_end_ = std::max(last_end_, offset);
    Frame frame;
    frame.node = Node(std::move(empty), position(offset));
    frame.offset = offset;
    frame.flow = flow;
    frame.is_key = expects_key();
    frame.nonsense = frame.is_key;
    if (frame.is_key)
      refuse(offset, 1, std::string(frame.node.kind()) + " cannot be a key",
             "put a key that begins with { or [ in quotes: \"{device}/temperature\"");
    stack_.push_back(std::move(frame));
  }

  void end() {
    Frame done = std::move(stack_.back());
    stack_.pop_back();
    if (done.is_key) {
      stack_.back().key =
          Key{.text = {}, .position = done.node.position, .offset = done.offset, .length = 0, .usable = false};
      return;
    }
    place(std::move(done.node));
  }

  void add(Node node) {
    count_node(0);
    place(std::move(node));
  }

  void place(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (auto* list = std::get_if<Node::List>(&frame.node.data)) {
      list->push_back(std::move(node));
      return;
    }
    Key key = std::move(*frame.key);
    frame.key.reset();
    if (key.usable)
      std::get<Node::Map>(frame.node.data).push_back({std::move(key.text), std::move(key.position), std::move(node)});
  }

  std::string_view text_;
  std::shared_ptr<const std::string> file_;
  Diagnostics& diagnostics_;
  Node root_;
  std::vector<Frame> stack_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
  std::size_t last_end_ = 0;  // of the last scalar, where it is known
  std::vector<std::size_t> line_starts_{0};
};

// Reads from a text without a copy of it.
class TextBuffer final : public std::streambuf {
 public:
  explicit TextBuffer(std::string& text) { setg(text.data(), text.data(), text.data() + text.size()); }
};

}  // namespace

Parsed parse_yaml(const Source& source) {
  Parsed out;
  const Position start{std::make_shared<const std::string>(source.name), 0, 0};
  std::string text = checked_text(source.text, start, out.diagnostics);
  out.root.position = {start.file, 1, 1};
  if (has_errors(out.diagnostics)) return out;

  TreeBuilder builder(text, start, out.diagnostics);
  try {
    TextBuffer buffer(text);
    std::istream in(&buffer);
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
    out.root = builder.take_root();
    if (out.root.position.line == 0) out.root.position = {start.file, 1, 1};
    out.complete = true;
  } catch (const YAML::Exception& stumble) {
    try {
      builder.refuse(stumble);
    } catch (const Stop&) {
    }
  } catch (const Stop&) {
  } catch (const std::exception& error) {
    out.diagnostics.push_back({Diagnostic::Severity::error, out.root.position,
                               std::string("the YAML reader gave up: ") + error.what(), "simplify the file", 1});
  }
  if (!out.complete && !has_errors(out.diagnostics))
    out.diagnostics.push_back({Diagnostic::Severity::error, out.root.position, "this is no YAML", kManual, 1});
  return out;
}

}  // namespace weir::config
