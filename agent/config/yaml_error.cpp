#include "config/yaml_error.h"

#include <algorithm>
#include <string>

namespace weir::config {
namespace {

constexpr std::string_view kQuote = "put the whole text in quotes";
constexpr std::string_view kIndent = "indent it as the lines that it belongs to";

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

Error explain_end(const Stumble& stumble) {
  const std::string_view before = trimmed(stumble.before);
  if (before.empty() && !stumble.in_flow)
    return {"the indentation of this line fits nothing above it", std::string(kIndent)};
  const char last = before.empty() ? '\0' : before.back();
  if (last == '"' || last == '\'')
    return {"text behind the closing quote", "put the whole text within the quotes, or a comma between two values"};
  const char here = stumble.after.empty() ? '\0' : stumble.after.front();
  if (here == '{' || here == '[' || last == '}' || last == ']')
    return {"braces and brackets within an unquoted text", std::string(kQuote) + ": \"boiler-{n}/temperature\""};
  if (stumble.in_flow) return {"a comma is missing here, or a closing ] or }", std::string(kQuote) + " if it is one"};
  return {"this does not belong here", std::string(kIndent) + ", or " + std::string(kQuote)};
}

Error explain_value(const Stumble& stumble) {
  if (stumble.before.find(": ") != std::string_view::npos)
    return {"a second ':' in an unquoted text", std::string(kQuote)};
  if (trimmed(stumble.before).empty()) return {"a ':' without a key in front of it", "write key: value"};
  return {"a ':' here makes a key of a line that goes on with the text above it",
          std::string(kIndent) + ", or put the text above in quotes"};
}

}  // namespace

Error explain(const Stumble& stumble) {
  const auto is = [&](std::string_view text) { return stumble.message.find(text) != std::string_view::npos; };
  if (is("end of map") || is("end of sequence")) return explain_end(stumble);
  if (is("illegal map value")) return explain_value(stumble);
  if (is("illegal map key")) return {"a key cannot stand here", std::string(kIndent)};
  if (is("illegal block entry"))
    return {"a '-' cannot begin a list here", "begin the list on the next line, or put the text in quotes"};
  if (is("illegal flow end"))
    return {"'" + std::string(stumble.after.substr(0, 1)) + "' closes nothing",
            "open it with [ or {, or " + std::string(kQuote)};
  if (is("illegal EOF in scalar")) return {"this quote is never closed", "close it on the same line"};
  if (is("illegal document indicator")) return {"a quote is open at '---' or '...'", "close the quote before"};
  if (is("alias") || is("anchor"))
    return {"anchors (&) and aliases (*) are not read", "write it out; a text that begins with & or * needs quotes"};
  if (is("unknown token")) {
    const std::string first(stumble.after.substr(0, 1));
    return {"a text cannot begin with " + (first.empty() ? "this" : "'" + first + "'"), std::string(kQuote)};
  }
  if (is("unknown escape character") || is("scanning hex") || is("invalid unicode"))
    return {"YAML has no such escape in a double-quoted text", "write \\\\ for a backslash, or use single quotes"};
  if (is("tag") || is("TAG")) return {"tags (!…) are not read", "put a text that begins with ! in quotes"};
  if (is("block scalar") || is("indentation"))
    return {"the text behind | or > is not laid out as YAML wants it",
            "write | alone, and indent the lines below it"};
  return {"this is no YAML: " + std::string(stumble.message), "compare with docs/configuration.md"};
}

}  // namespace weir::config
