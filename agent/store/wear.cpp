#include "store/wear.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/bytes.h"

namespace weir::store {
namespace {

// 64 PiB: no card lives to see it, and sums and products with it fit.
constexpr std::uint64_t kMost = std::uint64_t{1} << 56;

std::int64_t day_of(Timestamp time) { return time / kDay; }

}  // namespace

void WearCounter::add(std::uint64_t bytes, Timestamp now) {
  now = std::max<Timestamp>(now, 0);
  turn_to(day_of(now), now);
  bytes = std::min(bytes, kMost - total_);
  total_ += bytes;
  days_[0] += bytes;
}

void WearCounter::turn_to(std::int64_t day, Timestamp now) {
  if (day < day_ - 1 || day > day_ + static_cast<std::int64_t>(kDays)) {
    days_ = {};
    since_ = now;
    day_ = day;
  }
  for (; day_ < day; ++day_) {
    std::shift_right(days_.begin(), days_.end(), 1);
    days_[0] = 0;
  }
}

Wear WearCounter::at(Timestamp now) const {
  now = std::max<Timestamp>(now, 0);
  WearCounter then = *this;
  then.add(0, now);
  return {.total = then.total_, .today = then.days_[0], .a_day = then.usual(now)};
}

std::uint64_t WearCounter::usual(Timestamp now) const {
  // The first day was not a whole one.
  const std::int64_t whole = std::min<std::int64_t>(day_ - day_of(since_) - 1, kDays);
  if (whole > 0)
    return std::accumulate(days_.begin() + 1, days_.begin() + 1 + whole, std::uint64_t{0}) /
           static_cast<std::uint64_t>(whole);
  const Nanoseconds age = now - since_;
  if (age < kHour) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(days_[0] + days_[1]) * static_cast<double>(kDay) /
                                    static_cast<double>(age));
}

std::string WearCounter::encode() const {
  std::string out;
  put_varint(out, total_);
  put_varint(out, static_cast<std::uint64_t>(since_));
  put_varint(out, static_cast<std::uint64_t>(day_));
  for (const std::uint64_t day : days_) put_varint(out, day);
  return out;
}

std::optional<WearCounter> WearCounter::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  WearCounter out;
  out.total_ = reader.varint();
  const std::uint64_t since = reader.varint(), day = reader.varint();
  std::uint64_t left = out.total_;
  bool sound = out.total_ <= kMost;
  for (std::uint64_t& one : out.days_) {
    one = reader.varint();
    sound = sound && one <= left;
    left -= std::min(one, left);
  }
  constexpr auto kLatest = static_cast<std::uint64_t>(std::numeric_limits<Timestamp>::max());
  if (!sound || !reader.ok() || !reader.at_end() || since > kLatest || day > kLatest / kDay) return std::nullopt;
  out.since_ = static_cast<Timestamp>(since);
  out.day_ = static_cast<std::int64_t>(day);
  return out.day_ < day_of(out.since_) ? std::nullopt : std::optional(out);
}

}  // namespace weir::store
