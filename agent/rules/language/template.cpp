#include "rules/language/template.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/text.h"
#include "model/path.h"
#include "rules/language/parser.h"

namespace weir::rules {
namespace {

std::optional<int> capture_index(std::span<const std::string> captures, std::string_view name) {
  const auto found = std::ranges::find(captures, name);
  if (found == captures.end() || name.empty()) return std::nullopt;
  return static_cast<int>(found - captures.begin());
}

std::string no_capture(std::string_view name, std::span<const std::string> captures) {
  std::vector<std::string_view> names;
  for (const std::string& capture : captures)
    if (!capture.empty()) names.push_back(capture);
  const std::string hint = did_you_mean(name, names);
  return hint.empty() ? "use a capture of from:, such as {n} in \"boiler-{n}/temperature\"" : hint;
}

// Splits "t:.1f" at the last colon that is not inside quotes or parentheses.
std::size_t format_begins(std::string_view body) {
  int depth = 0;
  char quote = 0;
  std::size_t found = std::string_view::npos;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      else if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') quote = c;
    else if (c == '(') ++depth;
    else if (c == ')') --depth;
    else if (c == ':' && depth == 0) found = i;
  }
  return found;
}

bool parse_format(std::string_view text, MessageTemplate::Part& part) {
  if (text.starts_with('.')) {
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), part.precision);
    if (error != std::errc{} || part.precision < 0 || part.precision > 17) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  if (text.size() != 1 || std::string_view("fegd").find(text.front()) == std::string_view::npos) return false;
  part.format = text.front();
  return part.format != 'd' || part.precision < 0;
}

class MessageParser {
 public:
  MessageParser(std::string_view text, Scope& scope, std::size_t group_captures, bool infer_only,
                const std::function<void(Fault)>& complain)
      : text_(text), scope_(scope), group_captures_(group_captures), infer_only_(infer_only), complain_(complain) {}

  MessageTemplate run() {
    MessageTemplate out;
    if (text_.size() > kLongestMessage) {
      fault(0, 1, "a message of " + std::to_string(text_.size()) + " bytes",
            std::to_string(kLongestMessage) + " are allowed");
      return out;
    }
    MessageTemplate::Part part;
    std::size_t at = 0;
    while (at < text_.size()) {
      const char c = text_[at];
      const bool doubled = at + 1 < text_.size() && text_[at + 1] == c;
      if ((c == '{' || c == '}') && doubled) {
        refuse_foreign(at);
        part.literal += c;
        at += 2;
      } else if (c == '}') {
        fault(at, 1, "'}' without '{'", "write }} for a brace in the message");
        return out;
      } else if (c == '{') {
        const std::size_t end = closing(at);
        if (end == std::string_view::npos) {
          fault(at, 1, "'{' without '}'", "write {{ for a brace in the message");
          return out;
        }
        place(at + 1, end, part);
        out.parts.push_back(std::exchange(part, {}));
        at = end + 1;
      } else {
        part.literal += c;
        ++at;
      }
    }
    if (!part.literal.empty()) out.parts.push_back(std::move(part));
    return out;
  }

 private:
  // The brace that ends the place, leaving out those in quoted texts.
  std::size_t closing(std::size_t at) const {
    char quote = 0;
    for (std::size_t i = at + 1; i < text_.size(); ++i) {
      const char c = text_[i];
      if (quote != 0) {
        if (c == '\\') ++i;
        else if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') quote = c;
      else if (c == '}') return i;
    }
    return std::string_view::npos;
  }

  void fault(std::size_t offset, std::size_t length, std::string message, std::string hint = {}) {
    if (!infer_only_) complain_({offset, std::max<std::size_t>(length, 1), std::move(message), std::move(hint)});
  }

  // "{{ $value }}" would be shown just so.
  void refuse_foreign(std::size_t at) {
    const std::size_t next = text_.find_first_not_of(' ', at + 2);
    if (text_[at] == '{' && next != std::string_view::npos && (text_[next] == '$' || text_[next] == '.'))
      fault(at, next + 1 - at, "this is another system's way to write a value",
            "write {t:.1f} for an input, {n} for a capture");
  }

  void place(std::size_t begin, std::size_t end, MessageTemplate::Part& part) {
    std::string_view body = text_.substr(begin, end - begin);
    if (const std::size_t colon = format_begins(body); colon != std::string_view::npos) {
      const std::string_view format = body.substr(colon + 1);
      if (!parse_format(format, part))
        fault(begin + colon + 1, format.size(), "'" + std::string(format) + "' is no format",
              ".1f (one decimal), .3g (three digits), .2e or d (whole) are");
      body = body.substr(0, colon);
    }
    if (const auto capture = capture_index(scope_.captures, body)) {
      part.capture = *capture;
      if (static_cast<std::size_t>(*capture) >= group_captures_)
        fault(begin, body.size(),
              "'{" + std::string(body) + "}' names one member of the group, and the message speaks of all",
              "leave it out, or do not look across it");
      if (part.format != 0)
        fault(begin, body.size(), "a part of a path takes no format", "write {" + std::string(body) + "}");
      return;
    }
    Fault wrong;
    const auto expr = parse_expression(body, wrong);
    if (!expr) {
      fault(begin + wrong.offset, wrong.length, wrong.message, wrong.hint);
      return;
    }
    const Type wanted = part.format != 0 ? Type::number : Type::any;
    if (infer_only_) {
      infer(*expr, wanted, scope_);
      return;
    }
    part.value = compile_expression(*expr, wanted, scope_, [&](Fault f) {
      if (f.offset < kLetPlaces) f.offset += begin;
      complain_(std::move(f));
    });
  }

  std::string_view text_;
  Scope& scope_;
  std::size_t group_captures_;
  bool infer_only_;
  const std::function<void(Fault)>& complain_;
};

void append_number(std::string& out, double number, char format, int precision) {
  char digits[400];  // a double has at most 309 digits before the point
  std::to_chars_result end{};
  if (format == 'd')
    end = std::to_chars(digits, digits + sizeof digits, std::round(number), std::chars_format::fixed, 0);
  else if (format == 0) end = std::to_chars(digits, digits + sizeof digits, number);
  else {
    const auto style = format == 'f'   ? std::chars_format::fixed
                       : format == 'e' ? std::chars_format::scientific
                                       : std::chars_format::general;
    end = std::to_chars(digits, digits + sizeof digits, number, style, precision < 0 ? 6 : precision);
  }
  if (end.ec == std::errc{}) out.append(digits, end.ptr);
}

}  // namespace

std::string PathTemplate::fill(std::span<const std::string_view> captures) const {
  std::string out;
  for (const Part& part : parts) {
    out += part.literal;
    if (part.capture >= 0) out += captures[static_cast<std::size_t>(part.capture)];
  }
  return out;
}

PathTemplate parse_path_template(std::string_view text, std::span<const std::string> captures,
                                 const std::function<void(Fault)>& complain) {
  PathTemplate out;
  out.text = text;
  PathTemplate::Part part;
  std::string sample;  // the path as it would be, to let the model judge it
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] != '{') {
      part.literal += text[at];
      sample += text[at++];
      continue;
    }
    const std::size_t end = text.find('}', at);
    if (end == std::string_view::npos) {
      complain({at, 1, "'{' without '}'", "close the capture: {n}"});
      return out;
    }
    const std::string_view name = text.substr(at + 1, end - at - 1);
    const auto capture = capture_index(captures, name);
    if (!capture) {
      complain(
          {at, end + 1 - at, "'{" + std::string(name) + "}' is no capture of this rule", no_capture(name, captures)});
      return out;
    }
    part.capture = *capture;
    sample += 'x';
    out.parts.push_back(std::exchange(part, {}));
    at = end + 1;
  }
  if (!part.literal.empty()) out.parts.push_back(std::move(part));
  if (const auto ok = model::check_path(sample); !ok) complain({0, text.size(), ok.error().what, ok.error().hint});
  return out;
}

MessageTemplate parse_message_template(std::string_view text, Scope& scope, std::size_t group_captures,
                                       bool infer_only, const std::function<void(Fault)>& complain) {
  return MessageParser(text, scope, group_captures, infer_only, complain).run();
}

std::string fill(const MessageTemplate& message, std::span<const std::string_view> captures, const Scene& scene) {
  std::string out;
  for (const MessageTemplate::Part& part : message.parts) {
    out += part.literal;
    if (part.capture >= 0) out += captures[static_cast<std::size_t>(part.capture)];
    if (part.value.empty()) continue;
    const Result3 value = run(part.value, scene);
    if (!value.known) out += '?';
    else if (part.value.type == Type::truth) out += value.number != 0 ? "true" : "false";
    else if (part.value.type == Type::text) out += *value.text;
    else if (part.value.type == Type::duration && part.format == 0 && std::fabs(value.number) < 9e9)
      out += weir::to_text(std::chrono::nanoseconds(std::llround(value.number * 1e9)));
    else append_number(out, value.number, part.format, part.precision);
  }
  if (out.size() > kLongestMessage) {
    // Not in the middle of a UTF-8 character.
    std::size_t end = kLongestMessage;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
    out.resize(end);
  }
  return out;
}

}  // namespace weir::rules
