#include "detect/stillness.h"

#include <algorithm>
#include <limits>

namespace weir::detect {
namespace {

constexpr std::uint64_t kLearn = 200, kFewest = 10, kTimesLongest = 3;
constexpr double kMostUsual = 0.25;  // readings without a change to one with
constexpr std::uint64_t kMany = 1ull << 40;

}  // namespace

bool Stillness::frozen(Timestamp time, bool changed) {
  readings_ = std::min(readings_ + 1, kMany);
  if (changed || readings_ == 1) {
    if (readings_ > 1) run_.add(static_cast<double>(length_));
    longest_length_ = std::max(longest_length_, length_);
    longest_ = std::max(longest_, still_);
    length_ = 0;
    since_ = time;
    still_ = 0;
    return false;
  }
  length_ = std::min(length_ + 1, kMany);
  Nanoseconds lasted = 0;
  if (__builtin_sub_overflow(time, since_, &lasted)) lasted = std::numeric_limits<Nanoseconds>::max();
  still_ = std::max<Nanoseconds>(still_, lasted);
  return readings_ > kLearn && length_ == std::max(kFewest, kTimesLongest * longest_length_) &&
         run_.mean() < kMostUsual;
}

void Stillness::save(std::string& out) const {
  run_.save(out);
  for (const std::uint64_t number : {readings_, length_, longest_length_}) put_varint(out, number);
  for (const std::int64_t number : {since_, still_, longest_}) put_varint(out, zigzag(number));
}

bool Stillness::restore(ByteReader& in) {
  bool fine = run_.restore(in);
  for (std::uint64_t* number : {&readings_, &length_, &longest_length_}) fine = fine && read(in, *number, kMany);
  for (std::int64_t* number : {&since_, &still_, &longest_}) *number = unzigzag(in.varint());
  return fine && in.ok() && still_ >= 0 && longest_ >= 0;
}

}  // namespace weir::detect
