// Texts and byte strings, by a dictionary of the different ones among them in order of appearance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/ints.h"
#include "codec/parts.h"

namespace weir::codec {

class StringsWriter {
 public:
  void put(std::span<const std::string_view> values, IntsWriter& ints, PartsWriter& out);

 private:
  std::unordered_map<std::string_view, std::int64_t> index_;
  std::vector<std::string_view> entries_;
  std::vector<std::int64_t> numbers_;
};

// The values are views into what `in` reads.
bool get_strings(PartsReader& in, std::size_t count, std::vector<std::string_view>& values);

}  // namespace weir::codec
