// The rows of a store's file, read page by page without SQLite: for a file of which some pages are bad.
//
// It looks at each page for itself: no tree has to lead to it. What is taken for a row is what has the shape of one
// of our four tables; whether it is one, its seal has to tell. The format: https://www.sqlite.org/fileformat2.html
// (b-tree pages: section 1.6; records: 2.1; overflow chains: 1.6; the freelist: 1.5). Everything is hostile: counts
// and offsets are checked, an overflow chain is never longer than the row and never goes in a circle.
//
// Holds a few pages and a few bytes for each frame of the WAL. Throws nothing; one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "store/raw_file.h"
#include "store/wal_check.h"

namespace weir::store {

// What a column holds. Text and blobs are both strings: the shape of the table tells.
using Value = std::variant<std::monostate, std::int64_t, std::string>;

enum class Shape : std::uint8_t { none, meta, log, outbox, snapshot };

struct Cell {
  Shape shape = Shape::none;
  std::uint64_t key = 0;    // the row's id; meta has none
  std::uint64_t bytes = 0;  // of the row, as it says
  std::uint16_t at = 0;     // in its page
};

// One version of a page: in the file, or in the WAL. Of two versions the greater is the newer.
class PageRef {
 public:
  static PageRef in_file(std::uint32_t page) { return PageRef(page); }
  static PageRef in_wal(const WalFrame& frame) {
    return PageRef(kWal | std::uint64_t{frame.index} << 32 | frame.page);
  }

  std::uint32_t page() const { return static_cast<std::uint32_t>(bits_); }
  bool is_in_wal() const { return (bits_ & kWal) != 0; }
  std::int64_t offset() const {
    if (is_in_wal()) return WalFrame{.index = static_cast<std::uint32_t>((bits_ & ~kWal) >> 32)}.offset();
    return std::int64_t{page() - 1} * kPageSize;
  }
  friend auto operator<=>(const PageRef&, const PageRef&) = default;

 private:
  static constexpr std::uint64_t kWal = std::uint64_t{1} << 63;
  explicit PageRef(std::uint64_t bits) : bits_(bits) {}
  std::uint64_t bits_;
};

class PageScan {
 public:
  // `file`-wal is read with it. A WAL that cannot be read is one that is not there.
  static Result<PageScan> open(const std::filesystem::path& file);

  std::uint32_t pages() const { return pages_; }
  std::uint64_t unread() const { return unread_; }  // pages that the disk could not give back, so far
  const std::optional<std::string>& wal_damage() const { return wal_.damage; }

  // Each version of each page that may have rows, with their places in the order of their keys: of a page the
  // newest that is sound, and those newer than it that are not.
  void each_page(const std::function<void(PageRef, const std::vector<Cell>&)>& visit);

  // Those of one; until the next call of anything.
  const std::vector<Cell>& cells(PageRef page);

  // Whether SQLite has the page on its freelist: what is in it was deleted.
  bool is_free(PageRef page) const { return page.page() < free_.size() && free_[page.page()]; }

  // The columns of a row; nothing if they cannot be had. The id, which is not stored among them, is null.
  std::optional<std::vector<Value>> row(PageRef page, const Cell& cell);

 private:
  using Page = std::array<unsigned char, kPageSize>;
  struct Payload {
    std::uint64_t size = 0, key = 0;
    std::size_t at = 0, local = 0;  // in the page
    std::uint32_t overflow = 0;     // 0: none
  };

  struct Slot {
    std::optional<PageRef> ref;
    Page page{};
    bool good = false;
    std::vector<Cell> cells;
  };

  PageScan(RawFile file, std::optional<RawFile> wal_file, Wal wal);

  bool read(PageRef ref, Page& out);
  Slot& cached(PageRef ref);
  std::vector<Cell> find_cells(PageRef ref, const Page& page) const;
  PageRef newest_sound(std::uint32_t page) const;
  void find_free_pages();
  std::optional<Payload> payload(const Page& page, std::size_t at, unsigned char type) const;
  bool take(const Page& page, const Payload& from, std::string& out);

  RawFile file_;
  std::optional<RawFile> wal_file_;
  Wal wal_;
  std::uint32_t pages_ = 0;
  std::uint64_t unread_ = 0;
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> frames_of_;  // of a page: places in wal_.frames
  std::vector<bool> free_;                                                   // by page
  std::vector<Slot> cache_;
  std::size_t next_slot_ = 0;
};

}  // namespace weir::store
