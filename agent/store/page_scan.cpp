#include "store/page_scan.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::store {
namespace {

constexpr unsigned char kTableLeaf = 0x0D, kIndexLeaf = 0x0A, kIndexInterior = 0x02;
constexpr std::size_t kFileHeader = 100;          // in front of the first page's own
constexpr std::uint64_t kMostPayload = 1U << 30;  // SQLite's own limit
constexpr std::size_t kMostColumns = 6;
constexpr std::size_t kCached = 16;

// Big-endian, seven bits a byte, of the ninth all eight. Moves `at`; 0 and the end if it runs out.
std::uint64_t varint(std::span<const unsigned char> bytes, std::size_t& at) {
  std::uint64_t out = 0;
  for (int i = 0; at < bytes.size(); ++i) {
    const unsigned char byte = bytes[at++];
    if (i == 8) return out << 8 | byte;
    out = out << 7 | (byte & 0x7F);
    if ((byte & 0x80) == 0) return out;
  }
  return 0;
}

// How long a value of this serial type is (section 2.1); nothing if there is no such.
std::optional<std::uint64_t> size_of(std::uint64_t type) {
  constexpr std::array<std::uint64_t, 10> kSizes{0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
  if (type < kSizes.size()) return kSizes[type];
  if (type < 12) return std::nullopt;
  return (type - 12) / 2;
}

bool is_integer(std::uint64_t type) { return (type >= 1 && type <= 6) || type == 8 || type == 9; }
bool is_blob(std::uint64_t type) { return type >= 12 && type % 2 == 0; }
bool is_text(std::uint64_t type) { return type >= 13 && type % 2 == 1; }

struct Head {
  std::size_t size = 0;
  std::vector<std::uint64_t> types;
};

// The head of a record of `payload` bytes, of which these are the first.
std::optional<Head> head_of(std::span<const unsigned char> bytes, std::uint64_t payload) {
  Head out;
  std::size_t at = 0;
  const std::uint64_t size = varint(bytes, at);
  if (size <= at || size > bytes.size()) return std::nullopt;
  out.size = size;
  std::uint64_t end = size;
  while (at < size) {
    const std::uint64_t type = varint(bytes.first(size), at);
    const auto length = size_of(type);
    if (!length || *length > payload || out.types.size() == kMostColumns) return std::nullopt;
    end += *length;
    out.types.push_back(type);
  }
  if (end != payload) return std::nullopt;
  return out;
}

Shape shape_of(const std::vector<std::uint64_t>& types, bool is_index) {
  const std::size_t count = types.size();
  if (is_index) return count == 2 && is_text(types[0]) && is_blob(types[1]) ? Shape::meta : Shape::none;
  if (count < 2 || types[0] != 0) return Shape::none;
  if (count == 2) return is_blob(types[1]) ? Shape::snapshot : Shape::none;
  if (count >= 5 && is_integer(types[1]) && is_integer(types[2]) && is_blob(types[3]) &&
      (is_blob(types[4]) || types[4] == 0) && (count == 5 || is_integer(types[5])))
    return Shape::log;
  if ((count == 3 || count == 6) && is_integer(types[1]) && is_blob(types[2]) &&
      (count == 3 || (is_integer(types[3]) && is_integer(types[4]) && (is_text(types[5]) || types[5] == 0))))
    return Shape::outbox;
  return Shape::none;
}

std::int64_t integer_of(std::uint64_t type, std::string_view bytes) {
  if (type == 8 || type == 9) return static_cast<std::int64_t>(type - 8);
  std::uint64_t out = (static_cast<unsigned char>(bytes[0]) & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (const char byte : bytes) out = out << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(out);
}

std::optional<std::vector<Value>> values_of(std::string_view payload) {
  const auto head = head_of({reinterpret_cast<const unsigned char*>(payload.data()), payload.size()}, payload.size());
  if (!head) return std::nullopt;
  std::vector<Value> out;
  std::size_t at = head->size;
  for (const std::uint64_t type : head->types) {
    const std::string_view bytes = payload.substr(at, *size_of(type));
    at += bytes.size();
    if (is_integer(type)) out.emplace_back(integer_of(type, bytes));
    else if (type == 0) out.emplace_back();
    else out.emplace_back(std::string(bytes));
  }
  return out;
}

std::size_t head_at(PageRef ref) { return ref.page() == 1 ? kFileHeader : 0; }

}  // namespace

Result<PageScan> PageScan::open(const std::filesystem::path& path) {
  auto file = RawFile::open(path);
  if (!file) return std::unexpected(file.error());
  const std::filesystem::path wal_path = path.string() + "-wal";
  auto wal = read_wal(wal_path);
  auto wal_file = RawFile::open(wal_path);
  if (!wal || !wal_file) return PageScan(std::move(*file), std::nullopt, {});
  return PageScan(std::move(*file), std::move(*wal_file), std::move(*wal));
}

PageScan::PageScan(RawFile file, std::optional<RawFile> wal_file, Wal wal)
    : file_(std::move(file)), wal_file_(std::move(wal_file)), wal_(std::move(wal)), cache_(kCached) {
  // A page that is there in part may have whole rows.
  pages_ = static_cast<std::uint32_t>(std::min<std::int64_t>((file_.size() + kPageSize - 1) / kPageSize, 0xFFFFFFFE));
  for (std::uint32_t i = 0; i < wal_.frames.size(); ++i) frames_of_[wal_.frames[i].page].push_back(i);
  find_free_pages();
}

bool PageScan::read(PageRef ref, Page& out) {
  const RawFile& from = ref.is_in_wal() ? *wal_file_ : file_;
  const bool good = from.read(out, ref.offset());
  if (!good) ++unread_;
  return good;
}

PageScan::Slot& PageScan::cached(PageRef ref) {
  auto slot = std::ranges::find(cache_, ref, &Slot::ref);
  if (slot == cache_.end()) {
    slot = cache_.begin() + static_cast<std::ptrdiff_t>(next_slot_++ % kCached);
    slot->ref = ref;
    slot->good = read(ref, slot->page);
    slot->cells = slot->good ? find_cells(ref, slot->page) : std::vector<Cell>();
  }
  return *slot;
}

PageRef PageScan::newest_sound(std::uint32_t page) const {
  if (const auto found = frames_of_.find(page); found != frames_of_.end())
    for (auto frame = found->second.rbegin(); frame != found->second.rend(); ++frame)
      if (wal_.frames[*frame].sound) return PageRef::in_wal(wal_.frames[*frame]);
  return PageRef::in_file(page);
}

// Section 1.5: trunk pages in a chain, each with the numbers of further ones. One that makes no sense: none is known.
void PageScan::find_free_pages() {
  Page page;
  if (pages_ == 0 || !read(newest_sound(1), page) || std::memcmp(page.data(), "SQLite format 3", 16) != 0) return;
  const std::uint64_t known = std::uint64_t{pages_} + frames_of_.size();
  std::uint64_t count = big_endian_32(&page[36]);
  if (count > known) return;
  std::vector<bool> free(known + 1);
  const auto add = [&](std::uint32_t number) {
    if (number < 2 || number > known || free[number] || count == 0) return false;
    --count;
    return static_cast<bool>(free[number] = true);
  };
  for (std::uint32_t trunk = big_endian_32(&page[32]); trunk != 0; trunk = big_endian_32(&page[0])) {
    if (!add(trunk) || !read(newest_sound(trunk), page)) return;
    const std::uint32_t leaves = big_endian_32(&page[4]);
    if (leaves > kPageSize / 4 - 2) return;
    for (std::uint32_t i = 0; i < leaves; ++i)
      if (!add(big_endian_32(&page[8 + 4 * std::size_t{i}]))) return;
  }
  if (count == 0) free_ = std::move(free);
}

// Section 1.6, "B-tree Cell Format": how long a row is, and how much of it is in the page itself.
std::optional<PageScan::Payload> PageScan::payload(const Page& page, std::size_t at, unsigned char type) const {
  constexpr std::uint64_t kLeast = (kPageSize - 12) * 32 / 255 - 23;
  const std::uint64_t most = type == kTableLeaf ? kPageSize - 35 : (kPageSize - 12) * 64 / 255 - 23;
  Payload out;
  out.at = at + (type == kIndexInterior ? 4 : 0);
  out.size = varint(page, out.at);
  if (type == kTableLeaf) out.key = varint(page, out.at);
  if (out.size == 0 || out.size > kMostPayload) return std::nullopt;
  out.local = out.size;
  if (out.size > most) {
    const std::uint64_t some = kLeast + (out.size - kLeast) % (kPageSize - 4);
    out.local = some <= most ? some : kLeast;
    if (out.at + out.local + 4 > page.size()) return std::nullopt;
    out.overflow = big_endian_32(&page[out.at + out.local]);
    if (out.overflow == 0) return std::nullopt;
  }
  if (out.at + out.local > page.size()) return std::nullopt;
  return out;
}

bool PageScan::take(const Page& page, const Payload& from, std::string& out) {
  out.assign(reinterpret_cast<const char*>(&page[from.at]), from.local);
  std::uint32_t next = from.overflow;
  // A circle (Brent): a page that is met again after twice as many steps as the last time.
  std::uint32_t met = 0;
  std::uint64_t steps = 0, until = 1;
  for (Page rest; out.size() < from.size; next = big_endian_32(rest.data())) {
    if (next == 0 || next == met || !read(newest_sound(next), rest)) return false;
    if (++steps == until) {
      met = next;
      until *= 2;
    }
    const std::uint64_t left = std::min<std::uint64_t>(from.size - out.size(), kPageSize - 4);
    out.append(reinterpret_cast<const char*>(&rest[4]), left);
  }
  return true;
}

const std::vector<Cell>& PageScan::cells(PageRef ref) { return cached(ref).cells; }

std::vector<Cell> PageScan::find_cells(PageRef ref, const Page& page) const {
  std::vector<Cell> out;
  const std::size_t head = head_at(ref);
  const unsigned char type = page[head];
  if (type != kTableLeaf && type != kIndexLeaf && type != kIndexInterior) return out;
  const std::size_t pointers = head + (type == kIndexInterior ? 12 : 8);
  const std::size_t count = std::min<std::size_t>(big_endian_16(&page[head + 3]), (kPageSize - pointers) / 2);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = big_endian_16(&page[pointers + 2 * i]);
    if (at < pointers || at >= kPageSize) continue;
    const auto found = payload(page, at, type);
    if (!found) continue;
    const auto record = head_of(std::span(page).subspan(found->at, found->local), found->size);
    if (!record) continue;
    const Shape shape = shape_of(record->types, type != kTableLeaf);
    if (shape == Shape::none) continue;
    out.push_back({.shape = shape, .key = found->key, .bytes = found->size, .at = static_cast<std::uint16_t>(at)});
  }
  std::ranges::stable_sort(out, {}, [](const Cell& cell) { return std::pair(cell.shape, cell.key); });
  return out;
}

void PageScan::each_page(const std::function<void(PageRef, const std::vector<Cell>&)>& visit) {
  const auto look_at = [&](PageRef ref) {
    if (const auto& found = cells(ref); !found.empty()) visit(ref, found);
  };
  const auto look_at_newest = [&](std::uint32_t page) {
    if (const auto found = frames_of_.find(page); found != frames_of_.end())
      for (auto frame = found->second.rbegin(); frame != found->second.rend(); ++frame) {
        look_at(PageRef::in_wal(wal_.frames[*frame]));
        if (wal_.frames[*frame].sound) return;
      }
    if (page <= pages_) look_at(PageRef::in_file(page));
  };
  for (std::uint32_t page = 1; page <= pages_; ++page) look_at_newest(page);
  for (const auto& [page, frames] : frames_of_)
    if (page > pages_) look_at_newest(page);
}

std::optional<std::vector<Value>> PageScan::row(PageRef ref, const Cell& cell) {
  const Slot& slot = cached(ref);
  if (!slot.good) return std::nullopt;
  const auto found = payload(slot.page, cell.at, slot.page[head_at(ref)]);
  std::string bytes;
  if (!found || !take(slot.page, *found, bytes)) return std::nullopt;
  return values_of(bytes);
}

}  // namespace weir::store
