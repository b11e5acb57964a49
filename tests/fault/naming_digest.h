// A digest whose bodies name the raw records that they stand for, so that none can go unnoticed.
#pragma once

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/digest.h"

namespace weir::store {

class NamingDigest final : public Digest {
 public:
  using Range = std::pair<StreamSeq, StreamSeq>;  // the first and the last

  // Called when something is about to be thinned, and when it is about to be given up.
  std::function<void()> thins, gives_up;

  std::optional<std::string> thin(const Replaced& replaced) const override {
    std::size_t size = 0;
    for (const Record& record : replaced.records) size += record.body.size();
    std::string out = named(replaced, {});
    if (out.size() > size / 8) return std::nullopt;
    out.resize(size / 8, '.');
    if (thins) thins();
    return out;
  }

  std::string gap(const Replaced& replaced, std::string_view,
                  const std::optional<std::string>& before) const override {
    if (gives_up) gives_up();
    return named(replaced, before.value_or(""));
  }

  static std::vector<Range> ranges_of(const std::string& body) {
    std::vector<Range> out;
    for (char* at = const_cast<char*>(body.c_str()); *at != '\0' && *at != '.'; ++at) {
      const StreamSeq first = std::strtoull(at, &at, 10);
      out.emplace_back(first, std::strtoull(at + 1, &at, 10));
    }
    return out;
  }

 private:
  static std::string named(const Replaced& replaced, const std::string& before) {
    std::vector<Range> ranges = ranges_of(before);
    const auto add = [&ranges](const Range& range) {
      if (!ranges.empty() && ranges.back().second + 1 == range.first) ranges.back().second = range.second;
      else ranges.push_back(range);
    };
    if (replaced.stream == Stream::raw) add({replaced.first, replaced.last});
    else
      for (const Record& record : replaced.records)
        for (const Range& range : ranges_of(record.body)) add(range);
    std::string out;
    for (const auto& [first, last] : ranges) out += std::to_string(first) + "-" + std::to_string(last) + ";";
    return out;
  }
};

}  // namespace weir::store
