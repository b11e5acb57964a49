// What was written to the disk, day by day: for whoever wonders how long the card will last.
//
// A value; meta `wear` remembers it. It is written along with marks and snapshots and never by itself, so that what
// was written after the last of them, and by closing, is not counted when the store is opened again.
//
// Days are those of UTC. A usual day is the mean of the last whole days, seven at most; a day without a write counts.
// Until there is one, it is what was written since counting began, taken to a day, once that is an hour ago. A clock
// that is set back by up to a day goes on with the day that it was. One that leaps (back by more, or ahead by more
// than a week) makes the days begin anew; the total stays.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/database.h"

namespace weir::store {

class WearCounter {
 public:
  void add(std::uint64_t bytes, Timestamp now);

  Wear at(Timestamp now) const;

  std::string encode() const;
  static std::optional<WearCounter> decode(std::string_view bytes);  // none: nobody can have written that

 private:
  static constexpr std::size_t kDays = 7;

  void turn_to(std::int64_t day, Timestamp now);
  std::uint64_t usual(Timestamp now) const;

  std::uint64_t total_ = 0;
  Timestamp since_ = 0;                          // when the days began
  std::int64_t day_ = 0;                         // today, in days since the Unix epoch
  std::array<std::uint64_t, 1 + kDays> days_{};  // bytes: of today, of yesterday, …
};

}  // namespace weir::store
