#include "agent/store_source.h"

#include <algorithm>

#include "base/log.h"
#include "line/digest.h"

namespace weir {
namespace {

constexpr uplink::Stream kStreams[] = {uplink::Stream::alerts, uplink::Stream::derived, uplink::Stream::raw,
                                       uplink::Stream::backfill};

store::Stream to_store(uplink::Stream stream) { return static_cast<store::Stream>(stream); }

// What stands in the place of a record that the disk has spoilt: of raw, a gap that says so; the others
// have no word for it, and go out empty. Either way the numbers stay dense.
std::string damaged_body(const store::Record& record) {
  if (record.stream != store::Stream::raw && record.stream != store::Stream::backfill) return {};
  return line::Digest().gap({record.stream, record.incarnation, record.seq, record.seq, {}}, "damaged", {});
}

}  // namespace

StoreSource::StoreSource(store::Store& store, std::string uplink,
                         std::map<uplink::Stream, std::uint64_t> acknowledged, Birth birth)
    : store_(store), uplink_(std::move(uplink)), acknowledged_(std::move(acknowledged)), birth_(std::move(birth)) {}

void StoreSource::fetch(uplink::Stream stream, std::uint64_t after, std::size_t bytes,
                        std::function<void(Result<std::vector<uplink::Record>>)> done) {
  store_.fetch(
      uplink_, to_store(stream), after, bytes,
      [stream, name = uplink_, done = std::move(done)](Result<std::vector<store::Record>> fetched) {
        if (!fetched) return done(std::unexpected(std::move(fetched.error())));
        std::vector<uplink::Record> records;
        records.reserve(fetched->size());
        for (store::Record& record : *fetched) {
          const bool is_ours = record.is_for(name);
          if (record.damaged && is_ours) {
            log::error("uplink {}: record {} of {} is damaged on disk; a gap goes in its place", name, record.seq,
                       uplink::to_text(stream));
            record.body = damaged_body(record);
          }
          records.push_back({stream, record.seq, std::move(record.body), std::move(record.incarnation), is_ours});
        }
        done(std::move(records));
      });
}

std::uint64_t StoreSource::acknowledged(uplink::Stream stream) const {
  const auto it = acknowledged_.find(stream);
  return it == acknowledged_.end() ? 0 : it->second;
}

void StoreSource::acknowledge(uplink::Stream stream, std::uint64_t seq) {
  std::uint64_t& mark = acknowledged_[stream];
  if (seq <= mark) return;
  mark = seq;
  store_.acknowledge(uplink_, to_store(stream), seq);
}

std::vector<uplink::Stream> StoreSource::streams(const std::vector<std::string>& names) {
  std::vector<uplink::Stream> out;
  // Backfill stands for what has to go of the others: who takes one has to hear of it.
  for (const uplink::Stream stream : kStreams)
    if (stream == uplink::Stream::backfill || std::ranges::find(names, uplink::to_text(stream)) != names.end())
      out.push_back(stream);
  return out;
}

}  // namespace weir
