#include "detect/day_pattern.h"

#include <algorithm>

#include "detect/saved.h"
#include "detect/simple_detector.h"

namespace weir::detect {
namespace {

std::int32_t day_of(Timestamp time) { return static_cast<std::int32_t>(time / kDay - (time % kDay < 0 ? 1 : 0)); }

}  // namespace

std::size_t DayPattern::step(Timestamp time) {
  return static_cast<std::size_t>((time % kDay + kDay) % kDay / kStep);  // before 1970, too
}

std::optional<double> DayPattern::at(Timestamp time) const {
  const Step& now = steps_[step(time)];
  if (now.count < 2 || day_of(time) <= now.first_day) return {};
  return now.mean;
}

void DayPattern::learn(Timestamp time, double value) {
  Step& now = steps_[step(time)];
  if (now.count == 0) now.first_day = day_of(time);
  now.count = static_cast<std::uint8_t>(std::min<int>(now.count + 1, kHorizon));
  now.mean += (value - now.mean) / now.count;
}

void DayPattern::save(std::string& out) const {
  for (const Step& one : steps_) {
    put_varint(out, one.count);
    if (one.count == 0) continue;
    put_double(out, one.mean);
    put_varint(out, zigzag(one.first_day));
  }
}

bool DayPattern::restore(ByteReader& in) {
  for (Step& one : steps_) {
    std::uint64_t count = 0;
    if (!read(in, count, kHorizon)) return false;
    one = {0, 0, static_cast<std::uint8_t>(count)};
    if (count == 0) continue;
    if (!read(in, one.mean, -kFarthest, kFarthest)) return false;
    one.first_day = static_cast<std::int32_t>(unzigzag(in.varint()));
  }
  return true;
}

}  // namespace weir::detect
