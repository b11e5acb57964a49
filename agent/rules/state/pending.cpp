#include "rules/state/pending.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace weir::rules {
namespace {

constexpr std::size_t kChunk = 64;
constexpr std::uint32_t kFewGone = 16;

}  // namespace

bool PendingReadings::add(Pending reading) {
  const auto place = reading.place();
  if (size_ == 0 || chunks_.back().back().place() < place) {
    append(std::move(reading));
    return true;
  }
  // The last chunk that begins before it, or the first.
  const auto after = std::ranges::upper_bound(chunks_.begin() + 1, chunks_.end(), place, {},
                                              [](const Chunk& chunk) { return chunk.front().place(); });
  const auto c = static_cast<std::size_t>(after - chunks_.begin()) - 1;
  Chunk& chunk = chunks_[c];
  const auto at =
      std::ranges::lower_bound(chunk.begin() + (c == 0 ? gone_ : 0), chunk.end(), place, {}, &Pending::place);
  if (at != chunk.end() && at->place() == place) return false;
  if (chunk.size() == kChunk) {
    make_room(c);
    return add(std::move(reading));
  }
  chunk.insert(at, std::move(reading));
  ++size_;
  return true;
}

void PendingReadings::append(Pending reading) {
  if (chunks_.empty()) chunks_.emplace_back();
  else if (chunks_.back().size() == kChunk) chunks_.emplace_back().reserve(kChunk);
  chunks_.back().push_back(std::move(reading));
  ++size_;
}

// In a chunk that is full.
void PendingReadings::make_room(std::size_t c) {
  if (c == 0 && gone_ > 0) return drop_gone();
  const auto half = static_cast<std::ptrdiff_t>(kChunk / 2);
  Chunk upper;
  upper.reserve(kChunk);
  std::ranges::move(chunks_[c].begin() + half, chunks_[c].end(), std::back_inserter(upper));
  chunks_[c].erase(chunks_[c].begin() + half, chunks_[c].end());
  chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(c) + 1, std::move(upper));
}

void PendingReadings::drop_gone() {
  chunks_.front().erase(chunks_.front().begin(), chunks_.front().begin() + gone_);
  gone_ = 0;
}

void PendingReadings::drop_first() {
  --size_;
  ++gone_;
  if (gone_ < chunks_.front().size()) {
    // So that a group of which few wait keeps little.
    if (chunks_.size() == 1 && gone_ > kFewGone && gone_ * 2 > chunks_.front().size()) drop_gone();
    return;
  }
  gone_ = 0;
  if (chunks_.size() > 1) chunks_.erase(chunks_.begin());
  else chunks_.front().clear();
}

std::size_t PendingReadings::heap_bytes() const {
  std::size_t out = chunks_.capacity() * sizeof(Chunk);
  for (const Chunk& chunk : chunks_) out += chunk.capacity() * sizeof(Pending);
  return out;
}

}  // namespace weir::rules
