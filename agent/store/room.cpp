#include "store/room.h"

#include <sys/statvfs.h>

#include <algorithm>

namespace weir::store {
namespace {

constexpr std::uint64_t kPage = 4'096, kFrame = kPage + 24;
constexpr std::uint64_t kMostWal = 16ULL << 20, kLeastWal = 512ULL << 10;
constexpr std::uint64_t kShm = 64ULL << 10;
constexpr std::uint64_t kMostReserve = 4ULL << 20, kLeastReserve = 128ULL << 10;
constexpr std::uint64_t kUpkeep = 128ULL << 10;
constexpr std::uint64_t kUsuallyFree = 64ULL << 20;

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

std::uint64_t wal_allowance(const Limits& limits) { return std::clamp(limits.quota / 8, kLeastWal, kMostWal); }

}  // namespace

std::uint64_t left_to_others(const Limits& limits, std::uint64_t file_system) {
  return limits.free_space.value_or(std::min(kUsuallyFree, file_system / 10));
}

Room::Room(sqlite::Connection& connection, std::filesystem::path file, const Clock& clock)
    : file_(std::move(file)),
      clock_(clock),
      connection_(connection),
      page_count_(connection, "PRAGMA page_count"),
      free_pages_(connection, "PRAGMA freelist_count") {}

void Room::set_limits(const Limits& limits) {
  limits_ = limits;
  known_ = false;
  // Behind all arithmetic. SQLite takes no less than the file has.
  const std::uint64_t most = std::max<std::uint64_t>(less(limits.quota, wal_allowance(limits) + kShm) / kPage, 1);
  connection_.run("PRAGMA max_page_count = " + std::to_string(most) +
                  "; PRAGMA journal_size_limit = " + std::to_string(wal_allowance(limits)));
}

std::uint64_t Room::wal_pages() const { return wal_allowance(limits_) / kFrame; }

std::uint64_t Room::pages(sqlite::Statement& statement) {
  sqlite::Rows rows = statement.query();
  return rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
}

std::uint64_t Room::used() {
  used_ = less(pages(page_count_), pages(free_pages_)) * kPage;
  return used_;
}

void Room::look() {
  const Nanoseconds now = clock_.boottime();
  if (known_ && now - looked_ < kSecond) return;
  looked_ = now;
  known_ = true;
  const std::uint64_t wal = wal_allowance(limits_);
  limit_ = less(limits_.quota, wal + kShm);
  used();
  struct ::statvfs about{};
  const std::filesystem::path folder = file_.has_parent_path() ? file_.parent_path() : std::filesystem::path(".");
  if (::statvfs(folder.c_str(), &about) != 0) return;
  std::error_code none;
  auto wal_now = std::filesystem::file_size(file_.string() + "-wal", none);
  if (none) wal_now = 0;
  const std::uint64_t available = std::uint64_t{about.f_bavail} * about.f_frsize;
  const std::uint64_t others = left_to_others(limits_, std::uint64_t{about.f_blocks} * about.f_frsize);
  const std::uint64_t for_wal = std::min(less(wal, wal_now), available / 4);  // the disk may be a small one
  limit_ = std::min(limit_, pages(page_count_) * kPage + less(available, others + for_wal));
}

bool Room::has(std::uint64_t bytes) {
  look();
  return used_ + bytes <= limit_ || used() + bytes <= limit_;
}

std::uint64_t Room::limit() {
  look();
  return limit_;
}

std::uint64_t Room::reserve() { return std::clamp(limit() / 16, kLeastReserve, kMostReserve) + upkeep(); }

std::uint64_t Room::upkeep() const { return kUpkeep + 2 * snapshot_; }

}  // namespace weir::store
