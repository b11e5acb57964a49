#include "model/path.h"

#include <algorithm>

#include "base/text.h"

namespace weir::model {

namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

Result<void> check_name(std::string_view name) {
  if (name.empty()) return fail("an empty name", "give every level of the path a name");
  if (name.size() > 128) return fail("a name of " + std::to_string(name.size()) + " bytes", "128 are allowed");
  for (const char c : name) {
    if (std::string_view("/+#{}").find(c) != std::string_view::npos)
      return fail("'" + std::string(name) + "' holds '" + c + "'", "names hold none of / + # { }");
    if (is_control(c)) return fail("a name with a control character in it", "use printable characters");
  }
  return {};
}

Result<void> check_path(std::string_view path) {
  if (path.size() > 512) return fail("a path of " + std::to_string(path.size()) + " bytes", "512 are allowed");
  const auto names = split(path, '/');
  if (names.size() < 2) return fail("'" + std::string(path) + "' is not a path", "write device/signal");
  for (const std::string_view name : names)
    if (auto ok = check_name(name); !ok) return context("path '" + std::string(path) + "'", ok.error());
  return {};
}

std::string_view device_of(std::string_view path) { return path.substr(0, path.find('/')); }

Result<PathPattern> PathPattern::parse(std::string_view text) {
  PathPattern out;
  out.text_ = text;
  if (text.size() > 512) return fail("a pattern of " + std::to_string(text.size()) + " bytes", "512 are allowed");
  if (std::ranges::any_of(text, is_control))
    return fail("a control character in the pattern", "use printable characters");
  const auto levels = split(text, '/');
  if (levels.size() < 2) return fail("'" + std::string(text) + "' is not a path", "write device/signal");
  for (const std::string_view level : levels) {
    Level parsed;
    if (level.find('}') < level.find('{'))
      return fail("'}' without '{' in '" + std::string(text) + "'", "write a capture as {name}");
    const std::size_t open = level.find('{');
    if (open == std::string_view::npos) {
      parsed.before = level;
    } else {
      const std::size_t close = level.find('}', open);
      if (close == std::string_view::npos)
        return fail("'{' without '}' in '" + std::string(text) + "'", "write a capture as {name}");
      const std::string_view name = level.substr(open + 1, close - open - 1);
      for (const char c : name)
        if (!(c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
          return fail("'{" + std::string(name) + "}' is no capture", "letters, digits and _ only");
      if (!name.empty() && std::ranges::find(out.captures_, name) != out.captures_.end())
        return fail("'{" + std::string(name) + "}' stands twice in '" + std::string(text) + "'",
                    "give each capture a name of its own");
      parsed.captures = true;
      parsed.before = level.substr(0, open);
      parsed.after = level.substr(close + 1);
      out.captures_.emplace_back(name);
    }
    if (parsed.before.empty() && parsed.after.empty() && !parsed.captures)
      return fail("an empty level in '" + std::string(text) + "'", "give every level of the path a name");
    for (const std::string& literal : {parsed.before, parsed.after}) {
      if (literal.find_first_of("{}") != std::string::npos)
        return fail("two captures in one level of '" + std::string(text) + "'", "one capture a level is allowed");
      if (literal.find_first_of("+#") != std::string::npos)
        return fail("'" + std::string(text) + "' holds an MQTT wildcard", "write {name} instead of + or #");
    }
    out.levels_.push_back(std::move(parsed));
  }
  return out;
}

std::optional<std::vector<std::string>> PathPattern::match(std::string_view path) const {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const std::size_t end = path.find('/');
    if ((end == std::string_view::npos) != (i + 1 == levels_.size())) return std::nullopt;
    const std::string_view name = path.substr(0, end);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    const Level& level = levels_[i];
    if (!level.captures) {
      if (name != level.before) return std::nullopt;
      continue;
    }
    if (name.size() <= level.before.size() + level.after.size() || !name.starts_with(level.before) ||
        !name.ends_with(level.after))
      return std::nullopt;
    values.emplace_back(name.substr(level.before.size(), name.size() - level.before.size() - level.after.size()));
  }
  return values;
}

std::string PathPattern::fill(const std::vector<std::string>& values) const {
  std::string out;
  std::size_t next = 0;
  for (const Level& level : levels_) {
    if (!out.empty()) out += '/';
    out += level.before;
    if (level.captures) out += values.at(next++) + level.after;
  }
  return out;
}

}  // namespace weir::model
