#include "codec/strings.h"

namespace weir::codec {

void StringsWriter::put(std::span<const std::string_view> values, IntsWriter& ints, PartsWriter& out) {
  if (values.empty()) return;
  numbers_.clear();
  for (const std::string_view value : values) {
    const auto [at, added] = index_.try_emplace(value, static_cast<std::int64_t>(entries_.size()));
    if (added) entries_.push_back(value);
    numbers_.push_back(at->second);
  }
  index_.clear();  // the views die with the caller's values

  put_varint(out.text, entries_.size());
  ints.put(numbers_, out);
  numbers_.clear();
  for (const std::string_view entry : entries_) numbers_.push_back(static_cast<std::int64_t>(entry.size()));
  ints.put(numbers_, out);
  for (const std::string_view entry : entries_) out.text.append(entry);
  entries_.clear();
}

bool get_strings(PartsReader& in, std::size_t count, std::vector<std::string_view>& values) {
  values.clear();
  if (count == 0) return true;
  const std::uint64_t size = in.text.varint();
  if (size > count) return false;
  std::vector<std::int64_t> numbers, lengths;
  if (!get_ints(in, count, numbers) || !get_ints(in, size, lengths)) return false;
  std::vector<std::string_view> entries(size);
  for (std::size_t i = 0; i < size; ++i) {
    if (lengths[i] < 0) return false;
    entries[i] = in.text.take(static_cast<std::uint64_t>(lengths[i]));
  }
  values.reserve(count);
  for (const std::int64_t number : numbers) {
    if (number < 0 || static_cast<std::uint64_t>(number) >= size) return false;
    values.push_back(entries[static_cast<std::size_t>(number)]);
  }
  return in.ok();
}

}  // namespace weir::codec
