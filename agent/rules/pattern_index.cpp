#include "rules/pattern_index.h"

#include <algorithm>

#include "base/text.h"

namespace weir::rules {
namespace {

std::string key_of(std::size_t levels, std::size_t level, std::string_view literal) {
  return std::to_string(levels) + '/' + std::to_string(level) + '/' + std::string(literal);
}

std::string key_of(std::size_t levels) { return std::to_string(levels); }

// What stands around the captures of a level.
struct Level {
  std::string_view before, after;
  bool captures;
  explicit Level(std::string_view text)
      : before(text.substr(0, text.find('{'))),
        after(text.find('{') == std::string_view::npos ? std::string_view() : text.substr(text.rfind('}') + 1)),
        captures(text.find('{') != std::string_view::npos) {}
};

bool level_may_overlap(const Level& a, const Level& b) {
  if (!a.captures && !b.captures) return a.before == b.before;
  if (a.captures && b.captures) {
    const std::size_t front = std::min(a.before.size(), b.before.size());
    const std::size_t back = std::min(a.after.size(), b.after.size());
    return a.before.substr(0, front) == b.before.substr(0, front) &&
           a.after.substr(a.after.size() - back) == b.after.substr(b.after.size() - back);
  }
  const Level &literal = a.captures ? b : a, &pattern = a.captures ? a : b;
  return literal.before.size() > pattern.before.size() + pattern.after.size() &&
         literal.before.starts_with(pattern.before) && literal.before.ends_with(pattern.after);
}

}  // namespace

void PatternIndex::add(std::string_view pattern, std::uint32_t entry) {
  const auto levels = split(pattern, '/');
  const auto literal =
      std::ranges::find_if(levels, [](std::string_view level) { return level.find('{') == level.npos; });
  const std::string key = literal == levels.end()
                              ? key_of(levels.size())
                              : key_of(levels.size(), static_cast<std::size_t>(literal - levels.begin()), *literal);
  entries_[key].push_back(entry);
}

std::vector<std::string> PatternIndex::keys_of(std::string_view path) {
  const auto levels = split(path, '/');
  std::vector<std::string> out{key_of(levels.size())};
  for (std::size_t i = 0; i < levels.size(); ++i) out.push_back(key_of(levels.size(), i, levels[i]));
  return out;
}

bool may_overlap(std::string_view a, std::string_view b) {
  for (;;) {
    const std::size_t left = a.find('/'), right = b.find('/');
    if (!level_may_overlap(Level(a.substr(0, left)), Level(b.substr(0, right)))) return false;
    if (left == std::string_view::npos || right == std::string_view::npos) return left == right;
    a.remove_prefix(left + 1);
    b.remove_prefix(right + 1);
  }
}

}  // namespace weir::rules
