#include "store/spans.h"

#include <algorithm>

#include "base/bytes.h"
#include "store/sqlite.h"

namespace weir::store {
namespace {

std::size_t at(Stream stream) { return static_cast<std::size_t>(stream); }

}  // namespace

Spans::Spans(std::vector<Incarnation> spans) {
  for (Incarnation& span : spans) {
    if (span.id.size() != kIncarnationSize) throw sqlite::damaged("an incarnation is no id");
    for (const Stream stream : kStreams)
      if (span.first[at(stream)] == 0 || (!empty() && span.first[at(stream)] < newest().first[at(stream)]))
        throw sqlite::damaged("the incarnations are not in order");
    begin(std::move(span.id), span.first);
  }
}

PerStream Spans::from_one() {
  PerStream out{};
  for (const Stream stream : kStreams) out[at(stream)] = 1;
  return out;
}

const std::string& Spans::id_of(Stream stream, StreamSeq seq) const {
  static const std::string kNone;
  for (auto span = spans_.rbegin(); span != spans_.rend(); ++span)
    if (seq >= span->first[at(stream)] || span + 1 == spans_.rend()) return span->id;
  return kNone;
}

std::optional<StreamSeq> Spans::end_of(Stream stream, StreamSeq seq) const {
  for (const Incarnation& span : spans_)
    if (span.first[at(stream)] > seq) return span.first[at(stream)] - 1;
  return std::nullopt;
}

void Spans::begin(std::string id, const PerStream& first) {
  std::erase_if(spans_, [&](const Incarnation& span) {
    return std::ranges::all_of(kStreams, [&](Stream stream) { return span.first[at(stream)] >= first[at(stream)]; });
  });
  spans_.push_back({std::move(id), first});
}

bool Spans::prune(const PerStream& oldest) {
  std::size_t gone = 0;
  while (gone + 1 < spans_.size() && std::ranges::all_of(kStreams, [&](Stream stream) {
           return spans_[gone + 1].first[at(stream)] <= oldest[at(stream)];
         }))
    ++gone;
  spans_.erase(spans_.begin(), spans_.begin() + static_cast<std::ptrdiff_t>(gone));
  return gone != 0;
}

std::string Spans::encode() const {
  std::string out;
  put_varint(out, spans_.size());
  for (const Incarnation& span : spans_) {
    out += span.id;
    for (const Stream stream : kStreams) put_varint(out, span.first[at(stream)]);
  }
  return out;
}

Spans Spans::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  std::vector<Incarnation> spans;
  for (auto left = reader.varint(); left > 0 && reader.ok(); --left) {
    Incarnation& span = spans.emplace_back();
    span.id = reader.take(kIncarnationSize);
    for (const Stream stream : kStreams) span.first[at(stream)] = reader.varint();
  }
  if (!reader.ok() || !reader.at_end()) throw sqlite::damaged("the list of incarnations is cut off");
  return Spans(std::move(spans));
}

}  // namespace weir::store
