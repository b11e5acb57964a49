// Which patterns may match a path, without trying all of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::rules {

// Files each pattern (captures in braces) under its number of levels and its first level without a
// capture. What candidates() gives is to be matched; it leaves out nothing that would.
class PatternIndex {
 public:
  void add(std::string_view pattern, std::uint32_t entry);

  // Calls `visit` with each entry that may match `path`; no entry twice. In no order.
  template <class Visit>
  void candidates(std::string_view path, Visit&& visit) const {
    for (const std::string& key : keys_of(path))
      if (const auto found = entries_.find(key); found != entries_.end())
        for (const std::uint32_t entry : found->second) visit(entry);
  }

  void clear() { entries_.clear(); }

 private:
  static std::vector<std::string> keys_of(std::string_view path);
  std::unordered_map<std::string, std::vector<std::uint32_t>> entries_;
};

// Whether some path could match both patterns.
bool may_overlap(std::string_view a, std::string_view b);

}  // namespace weir::rules
