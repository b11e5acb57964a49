// Any bytes as weir.yaml and as a rule file: nothing may crash, and what is wrong must be said at a place
// that exists. The first byte 0x01 ends the config and begins the rules.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/json.h"
#include "config/config.h"

namespace {

using namespace weir;

void require(bool what) {
  if (!what) std::abort();
}

// Every string that stands verbatim in the text is found there.
void require_places(const Node& node, const std::vector<std::string_view>& lines) {
  if (const auto* list = node.as_list())
    for (const Node& item : *list) require_places(item, lines);
  if (const auto* map = node.as_map())
    for (const auto& member : *map) require_places(member.value, lines);
  const std::string* text = node.as_string();
  if (text == nullptr || !node.verbatim || text->empty()) return;
  const auto line = static_cast<std::size_t>(node.position.line - 1);
  const auto column = static_cast<std::size_t>(node.position.column - 1);
  require(line < lines.size() && column <= lines[line].size());
  require(lines[line].substr(column).starts_with(*text));
}

void require_sound(const config::Source& source) {
  const config::Parsed parsed = config::parse_yaml(source);
  require(parsed.complete || has_errors(parsed.diagnostics));
  std::string_view text = source.text;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  for (const Diagnostic& diagnostic : parsed.diagnostics) {
    require(!diagnostic.message.empty() && diagnostic.position.line <= static_cast<int>(lines.size()) + 1);
    require(!render(diagnostic, source.text).empty());
  }
  require_places(parsed.root, lines);
  if (!has_errors(parsed.diagnostics)) require(parse_json(to_json(parsed.root)).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(all.find('\x01'), all.size());
  const config::Source main{"weir.yaml", all.substr(0, end)};
  std::vector<config::Source> rules;
  if (end < all.size()) rules.push_back({"rules.d/a.yaml", all.substr(end + 1)});
  require_sound(main);
  for (const config::Source& source : rules) require_sound(source);
  const config::Loaded loaded = config::load(main, rules, "/etc/weir");
  require(loaded.config.has_value() != has_errors(loaded.diagnostics));
  return 0;
}
