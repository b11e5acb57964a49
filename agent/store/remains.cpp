#include "store/remains.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "store/encryption.h"
#include "store/meta_table.h"
#include "store/outbox_table.h"

namespace weir::store {
namespace {

constexpr Nanoseconds kSayEvery = 5 * kSecond;
constexpr std::string_view kUplink = "uplink/";

std::int64_t integer(const Value& value) {
  const auto* at = std::get_if<std::int64_t>(&value);
  return at == nullptr ? 0 : *at;
}

std::string_view bytes(const Value& value) {
  const auto* at = std::get_if<std::string>(&value);
  return at == nullptr ? std::string_view() : *at;
}

bool is_null(const Value& value) { return std::holds_alternative<std::monostate>(value); }

// Reads what the tables' own values throw over.
template <class T, class Read>
void take_if_sound(T& out, Read read) {
  try {
    out = read();
  } catch (const sqlite::Failure&) {
    out = T();
  }
}

}  // namespace

Result<Remains> Remains::read(const std::filesystem::path& file, const std::optional<Key>& key, const Clock& clock) {
  auto scan = PageScan::open(file);
  if (!scan) return std::unexpected(std::move(scan.error()));
  Remains out(std::move(*scan), clock);
  out.said_ = clock.boottime();
  out.find_pages();
  if (auto ok = out.find_seal(key); !ok) return context(file.string(), ok.error());
  out.read_meta();
  out.read_snapshots();
  return out;
}

void Remains::progress(std::uint64_t done, std::uint64_t of, const char* doing) {
  if (clock_.boottime() - said_ < kSayEvery) return;
  said_ = clock_.boottime();
  log::info("mending the store: {}, {} %", doing, of == 0 ? 100 : std::min<std::uint64_t>(done * 100 / of, 100));
}

void Remains::find_pages() {
  scan_.each_page([&](PageRef page, const std::vector<Cell>& cells) {
    progress(page.page(), scan_.pages(), "looking for rows");
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const Cell& cell = cells[i];
      const bool begins = i == 0 || cells[i - 1].shape != cell.shape;
      switch (cell.shape) {
        case Shape::log:
          log_bytes_ += cell.bytes;
          if (begins) log_.push_back({cell.key, page, static_cast<std::uint16_t>(i)});
          break;
        case Shape::outbox:
          outbox_bytes_ += cell.bytes;
          if (begins) outbox_.push_back({cell.key, page, static_cast<std::uint16_t>(i)});
          break;
        case Shape::snapshot: snapshot_places_.push_back({page, cell}); break;
        case Shape::meta: meta_places_.push_back({page, cell}); break;
        case Shape::none: break;
      }
    }
  });
  sort(meta_places_);
  std::ranges::stable_sort(snapshot_places_, std::ranges::greater(),
                           [](const Place& place) { return place.cell.key; });
}

void Remains::sort(std::vector<Place>& places) const {
  std::ranges::stable_sort(places, [this](const Place& a, const Place& b) {
    if (scan_.is_free(a.page) != scan_.is_free(b.page)) return scan_.is_free(b.page);
    return a.page > b.page;
  });
}

Result<void> Remains::find_seal(const std::optional<Key>& key) {
  const Seal plain;
  std::string salt, check;
  for (const Place& place : meta_places_) {
    const auto row = scan_.row(place.page, place.cell);
    if (!row) continue;
    const std::string_view name = bytes((*row)[0]);
    std::string* to = name == "salt" ? &salt : name == "key_check" ? &check : nullptr;
    if (to == nullptr || !to->empty()) continue;
    if (auto value = plain.open(place_of_kept(name), bytes((*row)[1]))) *to = std::move(*value);
  }
  if (salt.empty() && check.empty() && !key) return {};
  if (!key)
    return fail("it is encrypted, and there is no key; nothing was changed",
                "give weir the key that it was encrypted with: store.key_file in weir.yaml, or --key-file");
  if (!salt.empty() && !check.empty()) {
    auto seal = Seal::fit(*key, salt, check);
    if (!seal)
      return fail("the key does not fit: it was encrypted with another one; nothing was changed",
                  "give weir that key again (store.key_file, or --key-file), or give this one another store.path");
    seal_ = std::move(*seal);
    return {};
  }
  for (const Place& place : snapshot_places_) {
    const auto row = scan_.row(place.page, place.cell);
    if (!row) continue;
    if (auto seal = Seal::fit_snapshot(*key, place.cell.key, bytes((*row)[1]))) {
      seal_ = std::move(*seal);
      return {};
    }
  }
  if (salt.size() == Seal::kSaltSize) seal_ = Seal(*key, salt, 0);
  return {};
}

void Remains::read_meta() {
  const Seal plain;
  for (const Place& place : meta_places_) {
    const auto row = scan_.row(place.page, place.cell);
    if (!row) continue;
    const std::string name(bytes((*row)[0]));
    if (meta_.contains(name)) continue;
    const Seal& seal = is_clear(name) ? plain : seal_;
    if (auto value = seal.open(place_of_kept(name), bytes((*row)[1]))) meta_.emplace(name, std::move(*value));
    else if (!scan_.is_free(place.page)) ++spoilt_;
  }
  const auto incarnation = meta_.find("incarnation"), incarnations = meta_.find("incarnations");
  if (incarnations != meta_.end()) take_if_sound(spans_, [&] { return Spans::decode(incarnations->second); });
  if (spans_.empty() && incarnation != meta_.end())
    take_if_sound(spans_, [&] { return Spans({{incarnation->second, Spans::from_one()}}); });
  if (const auto holes = meta_.find("holes"); holes != meta_.end())
    take_if_sound(holes_, [&] { return AllHoles::decode(holes->second); });
}

void Remains::read_snapshots() {
  for (const Place& place : snapshot_places_) {
    if (snapshots_.size() == 2) return;
    const LogId at = place.cell.key;
    if (at == 0 || at > kSeqMask || (!snapshots_.empty() && snapshots_.front().at == at)) continue;
    const auto row = scan_.row(place.page, place.cell);
    auto state = row ? seal_.open({Role::snapshot, at}, bytes((*row)[1])) : std::nullopt;
    if (state) snapshots_.insert(snapshots_.begin(), {at, std::move(*state)});
    else if (!scan_.is_free(place.page)) ++spoilt_;
  }
}

std::optional<PerStream> Remains::marks(std::string_view uplink) const {
  const auto found = meta_.find(std::string(kUplink) + std::string(uplink));
  if (found == meta_.end()) return std::nullopt;
  PerStream out{};
  ByteReader reader(found->second);
  for (StreamSeq& seq : out) seq = std::min(reader.varint(), kSeqMask);
  return reader.ok() ? std::optional(out) : std::nullopt;
}

void Remains::set_needed_after(const PerStream& numbers, LogId row) {
  needed_after_ = numbers;
  row_needed_after_ = row;
}

void Remains::merge(std::vector<Cursor> pages, Shape shape,
                    const std::function<bool(std::uint64_t key, const std::vector<Place>&)>& take) {
  const auto later = [](const Cursor& a, const Cursor& b) { return a.key > b.key; };
  std::ranges::make_heap(pages, later);
  std::vector<Place> places;
  while (!pages.empty()) {
    const std::uint64_t key = pages.front().key;
    places.clear();
    while (!pages.empty() && pages.front().key == key) {
      std::ranges::pop_heap(pages, later);
      Cursor& cursor = pages.back();
      const auto& cells = scan_.cells(cursor.page);
      // It may have been read differently before: a disk that fails.
      if (cursor.next < cells.size() && cells[cursor.next].key == key)
        places.push_back({cursor.page, cells[cursor.next]});
      if (++cursor.next < cells.size() && cells[cursor.next].shape == shape && cells[cursor.next].key >= key) {
        cursor.key = cells[cursor.next].key;
        std::ranges::push_heap(pages, later);
      } else {
        pages.pop_back();
      }
    }
    if (places.size() > 1) sort(places);
    if (!places.empty() && !take(key, places)) return;
  }
}

std::optional<Remains::Row> Remains::row(const Place& place) {
  const auto columns = scan_.row(place.page, place.cell);
  if (!columns || columns->size() < 5) return std::nullopt;
  Row out;
  out.row.id = place.cell.key;
  out.row.time = integer((*columns)[1]);
  out.raw_last = static_cast<StreamSeq>(integer((*columns)[2]));
  if (out.row.id == 0 || out.row.id > kSeqMask || out.raw_last > kSeqMask) return std::nullopt;
  const auto stamp = static_cast<std::uint64_t>(out.row.time);
  auto commit = seal_.open({Role::commit, out.row.id, out.raw_last, stamp}, bytes((*columns)[3]));
  // A commit cannot be replayed without its readings; readings can be delivered without their commit.
  if (is_null((*columns)[4])) {
    if (!commit) return std::nullopt;
  } else {
    auto raw = seal_.open({Role::raw, out.row.id, out.raw_last, stamp}, bytes((*columns)[4]));
    if (!raw || raw->empty()) return std::nullopt;
    out.row.raw = std::move(*raw);
  }
  out.row.raw_seq = out.raw_last;
  if (commit) out.row.commit = std::move(*commit);
  else ++spoilt_;
  return out;
}

std::optional<Remains::Output> Remains::output(const Place& place) {
  const auto columns = scan_.row(place.page, place.cell);
  if (!columns || columns->size() < 3) return std::nullopt;
  Output out;
  out.stream = static_cast<Stream>(place.cell.key >> kSeqBits);
  out.seq = place.cell.key & kSeqMask;
  out.log_id = static_cast<LogId>(integer((*columns)[1]));
  if (out.seq == 0 || out.log_id > kSeqMask || std::ranges::find(kOutboxStreams, out.stream) == kOutboxStreams.end())
    return std::nullopt;
  if (columns->size() == 6) {
    out.time = integer((*columns)[3]);
    out.except = bytes((*columns)[5]);
  }
  auto body = seal_.open(place_of_output(place.cell.key, out.log_id, out.except), bytes((*columns)[2]));
  if (!body) return std::nullopt;
  out.body = std::move(*body);
  return out;
}

void Remains::each_row(const std::function<bool(Row)>& visit) {
  StreamSeq raw_last = 0;
  LogId last = 0;
  std::uint64_t done = 0;
  merge(log_, Shape::log, [&](LogId id, const std::vector<Place>& places) {
    done += places.front().cell.bytes;
    progress(done, log_bytes_, "taking over the log");
    if (holes_.log.covers(id, id)) return true;
    bool deleted = true;
    for (const Place& place : places) {
      auto found = row(place);
      const bool free = scan_.is_free(place.page);
      if (found && free && id <= row_needed_after_ &&
          (found->row.raw.empty() || found->raw_last <= needed_after_[static_cast<std::size_t>(Stream::raw)]))
        continue;
      if (!free) deleted = false;
      if (!found) continue;
      // Rows of two pasts, which can only be after several misfortunes: those that were first stay.
      const StreamSeq own = found->row.raw.empty() ? 0 : 1;
      if (found->raw_last < raw_last + own || (id == last + 1 && last != 0 && found->raw_last != raw_last + own))
        continue;
      last = id;
      raw_last = found->raw_last;
      return visit(std::move(*found));
    }
    if (!deleted) ++spoilt_;
    return true;
  });
}

void Remains::each_output(const std::function<bool(Output)>& visit) {
  merge(outbox_, Shape::outbox, [&](std::uint64_t key, const std::vector<Place>& places) {
    const StreamSeq seq = key & kSeqMask;
    if (key >> kSeqBits <= static_cast<std::uint64_t>(Stream::backfill) &&
        holes_.of(static_cast<Stream>(key >> kSeqBits)).covers(seq, seq))
      return true;
    bool deleted = true;
    for (const Place& place : places) {
      auto found = output(place);
      const bool free = scan_.is_free(place.page);
      if (found && free && seq <= needed_after_[static_cast<std::size_t>(found->stream)]) continue;
      if (!free) deleted = false;
      if (found) return visit(std::move(*found));
    }
    if (!deleted) ++spoilt_;
    return true;
  });
}

}  // namespace weir::store
