#include "rules/memory/value_counts.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir::rules {
namespace {

constexpr std::uint32_t kMostTimes = std::numeric_limits<std::uint32_t>::max();
const double kLogGamma = std::log((1 + kQuantileError) / (1 - kQuantileError));
constexpr std::size_t kShare = 64;  // so many buckets become one when there are too many

std::uint32_t more(std::uint32_t a, std::uint64_t b) {
  return b > kMostTimes - a ? kMostTimes : a + static_cast<std::uint32_t>(b);
}

// What stands for all magnitudes within kQuantileError of it, which share a bucket; the value of the bucket, again.
double bucket_of(double magnitude) {
  const double k = std::ceil(std::log(magnitude) / kLogGamma);
  return std::min(std::exp(k * kLogGamma) * (1 - kQuantileError), std::numeric_limits<double>::max());
}

double finite(double value) {
  return std::clamp(value, std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max());
}

// What buckets of values like these, ascending, are best around.
double middle_of(const std::vector<double>& values) {
  const double low = values.front(), high = values.back();
  const bool near = low > 0 ? high < 2 * low : high < 0 && low > 2 * high;
  return near ? values[values.size() / 2] : 0;
}

}  // namespace

double ValueCounts::snap(double distance) const {
  if (distance == 0) return 0;
  const double magnitude = std::abs(distance);
  return std::copysign(magnitude <= floor_ ? floor_ : std::max(bucket_of(magnitude), floor_), distance);
}

double ValueCounts::kept(double value) const {
  return buckets_ ? snap(finite(value - middle_)) : value + 0.0;  // there is but one zero
}

double ValueCounts::shown(std::size_t i) const { return buckets_ ? finite(middle_ + values_[i]) : values_[i]; }

// As this one keeps it; to the last bit if both are around the same middle.
double ValueCounts::from(const ValueCounts& other, std::size_t i) const {
  if (buckets_ && other.buckets_ && middle_ == other.middle_) return snap(other.values_[i]);
  return kept(other.shown(i));
}

void ValueCounts::insert(double kept, std::uint64_t times) {
  const auto at = std::ranges::lower_bound(values_, kept);
  const auto i = at - values_.begin();
  if (at != values_.end() && *at == kept) {
    times_[static_cast<std::size_t>(i)] = more(times_[static_cast<std::size_t>(i)], times);
    return;
  }
  values_.insert(at, kept);
  times_.insert(times_.begin() + i, more(0, times));
}

void ValueCounts::bound() {
  if (!buckets_ && values_.size() > kExactValues) use_buckets(middle_of(values_), 0);
  if (values_.size() > kMostBuckets) shrink();
}

void ValueCounts::add(double value, std::uint64_t times) {
  if (!std::isfinite(value) || times == 0) return;
  use_ = Use::quantiles;
  count_ += times;
  insert(kept(value), times);
  bound();
}

void ValueCounts::keep_as(const ValueCounts& other) {
  if (other.buckets_) use_buckets(other.middle_, other.floor_);
}

void ValueCounts::add_exact(double value, std::uint64_t times) {
  if (!std::isfinite(value) || times == 0) return;
  use_ = Use::exact;
  count_ += times;
  if (values_.size() < kMostValues || std::ranges::binary_search(values_, value)) insert(kept(value), times);
  else others_ += times;
}

void ValueCounts::add_text(const std::string& value, std::uint64_t times) {
  if (times == 0) return;
  use_ = Use::texts;
  count_ += times;
  const auto found = texts_.find(value);
  if (found != texts_.end()) {
    found->second = more(found->second, times);
  } else if (texts_.size() < kMostValues && text_bytes_ + value.size() <= kMostTextBytes) {
    texts_.emplace(value, more(0, times));
    text_bytes_ += value.size();
  } else {
    others_ += times;
  }
}

void ValueCounts::take_out(double kept, std::uint64_t times) {
  count_ -= std::min(count_, times);
  const auto at = std::ranges::lower_bound(values_, kept);
  if (at == values_.end() || *at != kept) {
    others_ -= std::min(others_, times);
    return;
  }
  const auto i = at - values_.begin();
  std::uint32_t& now = times_[static_cast<std::size_t>(i)];
  if (now > times) {
    now -= static_cast<std::uint32_t>(times);
    return;
  }
  values_.erase(at);
  times_.erase(times_.begin() + i);
}

void ValueCounts::remove(double value, std::uint64_t times) {
  if (!std::isfinite(value)) return;
  take_out(kept(value), times);
  forget_if_empty();
}

void ValueCounts::remove_exact(double value, std::uint64_t times) { remove(value, times); }

void ValueCounts::remove_text(const std::string& value, std::uint64_t times) {
  const auto found = texts_.find(value);
  if (found == texts_.end()) {
    others_ -= std::min(others_, times);
  } else if (found->second > times) {
    found->second -= static_cast<std::uint32_t>(times);
  } else {
    text_bytes_ -= found->first.size();
    texts_.erase(found);
  }
  count_ -= std::min(count_, times);
  forget_if_empty();
}

void ValueCounts::add(const ValueCounts& other) {
  if (other.use_ != Use::nothing) use_ = other.use_;
  if (other.buckets_) use_buckets(other.middle_, other.floor_);
  for (std::size_t i = 0; i < other.values_.size(); ++i) {
    if (other.use_ != Use::quantiles) {
      add_exact(other.values_[i], other.times_[i]);
      continue;
    }
    count_ += other.times_[i];
    insert(from(other, i), other.times_[i]);
    bound();
  }
  for (const auto& [text, times] : other.texts_) add_text(text, times);
  count_ += other.others_;
  others_ += other.others_;
}

void ValueCounts::remove(const ValueCounts& other) {
  if (other.buckets_) use_buckets(other.middle_, other.floor_);
  for (std::size_t i = 0; i < other.values_.size(); ++i) take_out(from(other, i), other.times_[i]);
  for (const auto& [text, times] : other.texts_) remove_text(text, times);
  count_ -= std::min(count_, other.others_);
  others_ -= std::min(others_, other.others_);
  forget_if_empty();
}

// From here on in buckets, around `middle` unless they are around another, with no distance but zero less than
// `floor`.
void ValueCounts::use_buckets(double middle, double floor) {
  if (buckets_ && floor <= floor_) return;
  if (!buckets_) {
    middle_ = middle;
    for (double& value : values_) value = finite(value - middle_);
  }
  buckets_ = true;
  floor_ = std::max(floor, floor_);
  for (double& value : values_) value = snap(value);
  merge_equal();
}

// What falls together stands together: the order is as before.
void ValueCounts::merge_equal() {
  std::size_t last = 0;
  for (std::size_t i = 1; i < values_.size(); ++i) {
    if (values_[last] == values_[i]) {
      times_[last] = more(times_[last], times_[i]);
    } else {
      values_[++last] = values_[i];
      times_[last] = times_[i];
    }
  }
  if (values_.empty()) return;
  values_.resize(last + 1);
  times_.resize(last + 1);
}

void ValueCounts::shrink() {
  std::vector<double> magnitudes;
  magnitudes.reserve(values_.size());
  for (const double value : values_)
    if (value != 0) magnitudes.push_back(std::abs(value));
  std::ranges::nth_element(magnitudes, magnitudes.begin() + kShare);
  use_buckets(middle_, magnitudes[kShare]);
}

void ValueCounts::forget_if_empty() {
  if (count_ == 0) *this = ValueCounts();
}

double ValueCounts::quantile(double q) const {
  std::uint64_t n = 0;  // what is in the buckets, which is less than count_ where they are full
  for (const std::uint32_t times : times_) n += times;
  if (n == 0) return 0;
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(n - 1);
  const auto below = static_cast<std::uint64_t>(rank);
  const double share = rank - static_cast<double>(below);
  std::uint64_t passed = 0;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    passed += times_[i];
    if (passed <= below) continue;
    if (passed > below + 1 || share == 0 || i + 1 == values_.size()) return shown(i);
    return shown(i) * (1 - share) + shown(i + 1) * share;
  }
  return shown(values_.size() - 1);
}

std::pair<double, std::uint64_t> ValueCounts::mode() const {
  if (values_.empty()) return {0, 0};
  const auto most = std::ranges::max_element(times_);
  return {values_[static_cast<std::size_t>(most - times_.begin())], *most};
}

const std::string* ValueCounts::text_mode() const {
  const auto most = std::ranges::max_element(texts_, {}, &std::pair<const std::string, std::uint32_t>::second);
  return most == texts_.end() ? nullptr : &most->first;
}

std::size_t ValueCounts::distinct() const { return values_.size() + texts_.size() + (others_ > 0 ? 1 : 0); }

bool ValueCounts::overflowed() const { return others_ > 0; }

std::size_t ValueCounts::bytes() const {
  constexpr std::size_t kNode = 48 + sizeof(std::pair<const std::string, std::uint32_t>);  // of a red-black tree
  return values_.capacity() * sizeof(double) + times_.capacity() * sizeof(std::uint32_t) + texts_.size() * kNode +
         text_bytes_;
}

void ValueCounts::save(std::string& out) const {
  out.push_back(static_cast<char>(static_cast<unsigned>(use_) | (buckets_ ? 4U : 0U)));
  if (use_ == Use::nothing) return;
  put_varint(out, count_);
  put_varint(out, others_);
  if (buckets_) {
    put_double(out, middle_);
    put_double(out, floor_);
  }
  put_varint(out, use_ == Use::texts ? texts_.size() : values_.size());
  for (std::size_t i = 0; i < values_.size(); ++i) {
    put_double(out, values_[i]);
    put_varint(out, times_[i]);
  }
  for (const auto& [text, times] : texts_) {
    put_bytes(out, text);
    put_varint(out, times);
  }
}

bool ValueCounts::restore(ByteReader& in) {
  *this = ValueCounts();
  const std::string_view byte = in.take(1);
  if (byte.empty()) return false;
  const auto head = static_cast<unsigned char>(byte.front());
  if (head > 7 || (head > 3 && (head & 3) != static_cast<unsigned char>(Use::quantiles))) return false;
  use_ = static_cast<Use>(head & 3);
  buckets_ = (head & 4) != 0;
  if (use_ == Use::nothing) return true;
  count_ = in.varint();
  others_ = in.varint();
  if (buckets_) {
    middle_ = in.float64();
    floor_ = in.float64();
  }
  const std::uint64_t size = in.varint();
  const std::size_t most = use_ == Use::quantiles ? (buckets_ ? kMostBuckets : kExactValues) : kMostValues;
  if (!in.ok() || !std::isfinite(middle_) || !std::isfinite(floor_) || floor_ < 0 || size > most ||
      size > in.rest().size())
    return false;
  for (std::uint64_t i = 0; i < size; ++i) {
    const std::string text(use_ == Use::texts ? in.bytes() : std::string_view());
    const double value = use_ == Use::texts ? 0 : in.float64();
    const std::uint64_t times = in.varint();
    if (!in.ok() || times == 0 || times > kMostTimes || !std::isfinite(value)) return false;
    if (use_ == Use::texts) {
      if (!texts_.empty() && texts_.rbegin()->first >= text) return false;
      if ((text_bytes_ += text.size()) > kMostTextBytes) return false;
      texts_.emplace_hint(texts_.end(), text, static_cast<std::uint32_t>(times));
    } else {
      if (!values_.empty() && values_.back() >= value) return false;
      values_.push_back(value);
      times_.push_back(static_cast<std::uint32_t>(times));
    }
  }
  if (buckets_) {  // so that they are in order and in bounds, whatever came
    for (double& value : values_) value = snap(value);
    merge_equal();
  }
  return count_ > 0;
}

}  // namespace weir::rules
