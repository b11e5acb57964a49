#include "store/holes.h"

#include <algorithm>

#include "base/bytes.h"
#include "store/sqlite.h"

namespace weir::store {

void Holes::add(const Hole& hole) {
  if (hole.first > hole.last) return;
  std::erase_if(holes_, [&](const Hole& inner) { return hole.first <= inner.first && inner.last <= hole.last; });
  auto at = std::ranges::upper_bound(holes_, hole.first, {}, &Hole::first);
  at = holes_.insert(at, hole);
  if (const auto next = at + 1; next != holes_.end() && at->last + 1 == next->first) {
    at->last = next->last;
    at->bytes += next->bytes;
    holes_.erase(next);
  }
  if (at != holes_.begin() && (at - 1)->last + 1 == at->first) {
    (at - 1)->last = at->last;
    (at - 1)->bytes += at->bytes;
    holes_.erase(at);
  }
}

bool Holes::prune(std::uint64_t first) {
  return std::erase_if(holes_, [first](const Hole& hole) { return hole.last < first; }) != 0;
}

bool Holes::covers(std::uint64_t first, std::uint64_t last) const {
  return std::ranges::any_of(holes_, [&](const Hole& hole) { return hole.first <= first && last <= hole.last; });
}

std::uint64_t Holes::count_after(std::uint64_t number) const {
  std::uint64_t count = 0;
  for (const Hole& hole : holes_)
    if (hole.last > number) count += hole.last - std::max(number, hole.first - 1);
  return count;
}

std::uint64_t Holes::bytes_after(std::uint64_t number) const {
  std::uint64_t bytes = 0;
  for (const Hole& hole : holes_)
    if (hole.first > number) bytes += hole.bytes;
  return bytes;
}

void Holes::encode(std::string& out) const {
  put_varint(out, holes_.size());
  for (const Hole& hole : holes_) {
    put_varint(out, hole.first);
    put_varint(out, hole.last);
    put_varint(out, hole.bytes);
  }
}

std::string AllHoles::encode() const {
  std::string out;
  log.encode(out);
  for (const Stream stream : kStreams) of(stream).encode(out);
  return out;
}

AllHoles AllHoles::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  AllHoles out;
  const auto read = [&reader](Holes& holes) {
    std::uint64_t last = 0;
    for (auto left = reader.varint(); left > 0 && reader.ok(); --left) {
      Hole hole;
      hole.first = reader.varint();
      hole.last = reader.varint();
      hole.bytes = reader.varint();
      if (hole.first <= last || hole.last < hole.first) throw sqlite::damaged("the list of holes is not in order");
      last = hole.last;
      holes.add(hole);
    }
  };
  read(out.log);
  for (const Stream stream : kStreams) read(out.of(stream));
  if (!reader.ok() || !reader.at_end()) throw sqlite::damaged("the list of holes is cut off");
  return out;
}

}  // namespace weir::store
