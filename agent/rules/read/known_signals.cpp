#include "rules/read/known_signals.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace weir::rules {
namespace {

std::string key_of(std::size_t levels) { return std::to_string(levels); }
std::string key_of(std::size_t levels, std::size_t level, std::string_view name) {
  return std::to_string(levels) + '/' + std::to_string(level) + '/' + std::string(name);
}

bool alike(const model::Signal& a, const model::Signal& b) {
  return a.type == b.type && a.unit == b.unit && a.writable == b.writable && a.interval == b.interval;
}

std::string without_names(std::string_view pattern) {
  std::string out;
  bool inside = false;
  for (const char c : pattern) {
    if (c == '}') inside = false;
    if (!inside) out += c;
    if (c == '{') inside = true;
  }
  return out;
}

}  // namespace

Type type_of(model::ValueType type) {
  switch (type) {
    case model::ValueType::boolean: return Type::truth;
    case model::ValueType::string: return Type::text;
    case model::ValueType::bytes: return Type::any;
    default: return Type::number;
  }
}

KnownSignals::KnownSignals(std::span<const model::Signal> signals) {
  for (const model::Signal& signal : signals) {
    const auto levels = split(signal.path, '/');
    by_level_[key_of(levels.size())].push_back(&signal);
    for (std::size_t i = 0; i < levels.size(); ++i) by_level_[key_of(levels.size(), i, levels[i])].push_back(&signal);
  }
}

const std::vector<const model::Signal*>& KnownSignals::examples(const model::PathPattern& pattern) const {
  const auto [found, is_new] = found_.try_emplace(without_names(pattern.text()));
  std::vector<const model::Signal*>& out = found->second;
  if (!is_new) return out;
  const auto levels = split(pattern.text(), '/');
  const std::vector<const model::Signal*>* fewest = nullptr;
  const auto consider = [&](const std::string& key) {
    static const std::vector<const model::Signal*> kNone;
    const auto place = by_level_.find(key);
    const auto& candidates = place == by_level_.end() ? kNone : place->second;
    if (fewest == nullptr || candidates.size() < fewest->size()) fewest = &candidates;
  };
  consider(key_of(levels.size()));
  for (std::size_t i = 0; i < levels.size(); ++i)
    if (levels[i].find('{') == std::string_view::npos) consider(key_of(levels.size(), i, levels[i]));
  for (const model::Signal* signal : *fewest)
    if (std::ranges::none_of(out, [&](const model::Signal* known) { return alike(*known, *signal); }) &&
        pattern.match(signal->path))
      out.push_back(signal);
  return out;
}

}  // namespace weir::rules
