#include "line/thinning.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "codec/codec.h"
#include "codec/reals.h"

namespace weir::line {
namespace {

// Of one thinning, about: what a commit brings, several times over.
constexpr std::size_t kMostHeld = 8 << 20;
constexpr std::size_t kSignalBytes = 256;
// Readings that are looked at before memory is.
constexpr std::size_t kSlice = 4096;
// Fewer readings are kept in any case until it is seen how many intervals they are of.
constexpr std::size_t kFew = 64;

// A power of two, so that it changes no digit; 2^54 of the greatest double are still one.
constexpr double kScale = 1.0 / (1ULL << 54);
constexpr std::int64_t kMostCounted = 1LL << 53;

// Digits of a mean after the last that the readings have.
constexpr unsigned kMeanDigits = 3;

// The interval in which a time is; at the ends of time it is shorter.
struct Slot {
  Timestamp begin = 0, last = -1;

  Slot() = default;
  Slot(Timestamp time, Nanoseconds interval) {
    constexpr auto kLeast = std::numeric_limits<Timestamp>::min(), kMost = std::numeric_limits<Timestamp>::max();
    Nanoseconds since = time % interval;
    if (since < 0) since += interval;
    const Nanoseconds left = interval - 1 - since;
    begin = time < kLeast + since ? kLeast : time - since;
    last = time > kMost - left ? kMost : time + left;
  }
  bool contains(Timestamp time) const { return begin <= time && time <= last; }
};

void append(model::Series& to, const model::Series& from) {
  if (to.times.empty()) {
    to = from;
    return;
  }
  if (!to.qualities.empty() || !from.qualities.empty()) {
    const auto spread = [](const model::Series& series, std::vector<std::uint32_t>& out) {
      for (std::size_t i = 0; i < series.size(); ++i) out.push_back(series.quality(i).code);
    };
    std::vector<std::uint32_t> qualities;
    spread(to, qualities);
    spread(from, qualities);
    to.qualities = std::move(qualities);
  }
  to.times.insert(to.times.end(), from.times.begin(), from.times.end());
  std::visit(
      [&]<class Column>(Column& column) {
        const auto& more = std::get<Column>(from.values);
        column.insert(column.end(), more.begin(), more.end());
      },
      to.values);
}

// Of a reading, or one more interval, in memory.
std::size_t bytes_of(const std::string& text) { return text.size(); }
std::size_t bytes_of(const model::Bytes& bytes) { return bytes.data.size(); }
std::size_t bytes_of(const Summary&) { return sizeof(Summary); }
std::size_t bytes_of(const Latest& latest) { return sizeof(Latest) + latest.value.size(); }
std::size_t bytes_of(const model::Series& series) {
  std::size_t bytes = series.size() * 20;
  if (const auto* texts = std::get_if<std::vector<std::string>>(&series.values))
    for (const std::string& text : *texts) bytes += sizeof(std::string) + bytes_of(text);
  if (const auto* blobs = std::get_if<std::vector<model::Bytes>>(&series.values))
    for (const model::Bytes& blob : *blobs) bytes += sizeof(std::string) + bytes_of(blob);
  return bytes;
}

// As many readings for each interval take no more room than what would stand for them.
std::size_t most_kept(const std::vector<Summary>& intervals) { return 4 * intervals.size(); }
std::size_t most_kept(const std::vector<Latest>& intervals) { return 2 * intervals.size(); }

template <class Value>
void put(model::Series& series, Timestamp time, Value value, model::Quality quality) {
  series.times.push_back(time);
  std::get<std::vector<Value>>(series.values).push_back(std::move(value));
  if (!series.qualities.empty() || quality != model::kGood) {
    series.qualities.resize(series.times.size() - 1, model::kGood.code);
    series.qualities.push_back(quality.code);
  }
}

model::Series make_series(model::SignalId id, model::ValueType type) {
  model::Series series;
  series.signal = id;
  series.values = model::make_column(type);
  return series;
}

// A mean has digits without end that say nothing; these few are enough, and pack well.
double rounded(double mean, unsigned scale) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (scale + kMeanDigits >= codec::kScales) return mean;
  const double power = codec::kPowersOfTen[scale + kMeanDigits];
  const double scaled = mean * power;
  return std::fabs(scaled) < kExact ? static_cast<double>(std::llrint(scaled)) / power : mean;
}

void put_series(const std::vector<Summary>& intervals, model::SignalId id, std::vector<model::Series>& out) {
  std::vector<double> some;
  for (const Summary& one : intervals)
    if (one.count > 0) some.push_back(one.min);
  const unsigned scale = codec::choose_scale(some, true);
  model::Series min = make_series(id, model::ValueType::real), mean = min, max = min;
  model::Series count = make_series(id, model::ValueType::integer);
  for (const Summary& one : intervals) {
    const model::Quality quality = one.count > 0 ? one.quality : one.worst;
    put(min, one.begin, one.count > 0 ? one.min : 0.0, quality);
    put(mean, one.begin, one.count > 0 ? std::clamp(rounded(one.mean(), scale), one.min, one.max) : 0.0, quality);
    put(max, one.begin, one.count > 0 ? one.max : 0.0, quality);
    put(count, one.begin, static_cast<std::int64_t>(std::min<std::uint64_t>(one.count, kMostCounted)), one.worst);
  }
  for (model::Series* series : {&min, &mean, &max, &count}) out.push_back(std::move(*series));
}

void put_series(const std::vector<Latest>& intervals, model::SignalId id, model::ValueType type,
                std::vector<model::Series>& out) {
  model::Series value = make_series(id, type), count = make_series(id, model::ValueType::integer);
  for (const Latest& one : intervals) {
    if (type == model::ValueType::string) put(value, one.begin, one.value, one.quality);
    else put(value, one.begin, model::Bytes{one.value}, one.quality);
    put(count, one.begin, static_cast<std::int64_t>(std::min<std::uint64_t>(one.count, kMostCounted)), one.worst);
  }
  out.push_back(std::move(value));
  out.push_back(std::move(count));
}

}  // namespace

void Summary::add(double value, model::Quality of) {
  if (of.bad() || !std::isfinite(value)) worst = model::worst(worst, of.bad() ? of : model::kBad);
  else add(value, value, value, 1, of);
}

void Summary::add(double least, double mean, double most, std::uint64_t of, model::Quality theirs) {
  min = count == 0 ? least : std::min(min, least);
  max = count == 0 ? most : std::max(max, most);
  count += of;
  quality = model::worst(quality, theirs);
  worst = model::worst(worst, theirs);
  add_to_sum(mean * kScale * static_cast<double>(of));
}

void Summary::add_to_sum(double more) {
  const double before = sum;
  sum += more;
  rest += std::fabs(before) >= std::fabs(more) ? (before - sum) + more : (more - sum) + before;
}

void Summary::add(const Summary& other) {
  worst = model::worst(worst, other.worst);
  if (other.count == 0) return;
  min = count == 0 ? other.min : std::min(min, other.min);
  max = count == 0 ? other.max : std::max(max, other.max);
  count += other.count;
  quality = model::worst(quality, other.quality);
  add_to_sum(other.sum);
  rest += other.rest;
}

double Summary::mean() const {
  // fmax, since counts that were made up may have made the sum no number.
  return std::fmin(std::fmax((sum + rest) / static_cast<double>(count) / kScale, min), max);
}

void Latest::add(Latest&& later) {
  count += later.count;
  worst = model::worst(worst, later.worst);
  if (quality.bad() != later.quality.bad() ? later.quality.bad() : later.time < time) return;
  time = later.time;
  value = std::move(later.value);
  quality = later.quality;
}

Thinning::Numbers& Thinning::numbers_of(model::SignalId id) {
  const auto [place, fresh] = places_.try_emplace(id, numbers_.size());
  if (fresh) {
    numbers_.emplace_back().id = id;
    held_ += kSignalBytes;
  }
  return numbers_[place->second];
}

Thinning::Texts& Thinning::texts_of(model::SignalId id, model::ValueType type) {
  const auto [place, fresh] = texts_.try_emplace({id, type});
  if (fresh) {
    place->second.id = id;
    held_ += kSignalBytes;
  }
  return place->second;
}

// The one that was last added to, if it is that; they are put in order later.
template <class Interval>
Interval& Thinning::interval_of(Signal<Interval>& signal, Timestamp begin) {
  auto& intervals = signal.intervals;
  if (!signal.ascending && intervals.size() > 2 * signal.settled + kSlice) settle(signal, kIntervals[level_]);
  if (intervals.empty() || intervals.back().begin != begin) {
    signal.ascending = signal.ascending && (intervals.empty() || intervals.back().begin < begin);
    intervals.emplace_back().begin = begin;
    held_ += sizeof(Interval);
  }
  return intervals.back();
}

template <class Interval>
void Thinning::keep(Signal<Interval>& signal, const model::Series& readings) {
  if (!signal.kept) return;
  const std::size_t count = signal.originals.size() + readings.size();
  const bool other = signal.originals.size() > 0 && signal.originals.type() != readings.type();
  if (other || (count > kFew && count > most_kept(signal.intervals))) return forget(signal);
  held_ += bytes_of(readings);
  append(signal.originals, readings);
}

template <class Interval>
void Thinning::forget(Signal<Interval>& signal) {
  signal.kept = false;
  signal.originals = {};
}

template <class Value>
bool Thinning::summarize(const model::Series& readings, const std::vector<Value>& values) {
  Numbers& signal = numbers_of(readings.signal);
  for (std::size_t from = 0; from < values.size(); from += kSlice) {
    Slot slot;
    Summary* interval = nullptr;
    for (std::size_t i = from; i < std::min(from + kSlice, values.size()); ++i) {
      if (!slot.contains(readings.times[i])) {
        slot = Slot(readings.times[i], kIntervals[level_]);
        interval = &interval_of(signal, slot.begin);
      }
      interval->add(static_cast<double>(values[i]), readings.quality(i));
    }
    if (!bound()) return false;
  }
  keep(signal, readings);
  return true;
}

template <class Value>
bool Thinning::keep_latest(const model::Series& readings, const std::vector<Value>& values) {
  Texts& signal = texts_of(readings.signal, readings.type());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Timestamp time = readings.times[i];
    Latest& interval = interval_of(signal, Slot(time, kIntervals[level_]).begin);
    Latest one{.begin = interval.begin,
               .time = time,
               .value = {},
               .count = 1,
               .quality = readings.quality(i),
               .worst = readings.quality(i)};
    if constexpr (std::is_same_v<Value, model::Bytes>) one.value = values[i].data;
    else one.value = values[i];
    held_ += one.value.size();
    if (interval.count == 0) interval = std::move(one);
    else interval.add(std::move(one));
    if (!bound()) return false;
  }
  keep(signal, readings);
  return true;
}

bool Thinning::add(const model::Series& readings) {
  const bool added = std::visit(
      [&]<class Value>(const std::vector<Value>& values) {
        if constexpr (std::is_arithmetic_v<Value>) return summarize(readings, values);
        else return keep_latest(readings, values);
      },
      readings.values);
  return added && bound();
}

std::size_t Thinning::series_of(v1::Thinned::Form form) {
  switch (form) {
    case v1::Thinned::SUMMARY: return 4;
    case v1::Thinned::LATEST: return 2;
    case v1::Thinned::ORIGINAL: return 1;
    default: return 0;
  }
}

bool Thinning::check(const v1::Thinned& head, std::span<const model::Series> series) {
  if (series.empty() || series.size() != series_of(head.form())) return false;
  if (head.form() == v1::Thinned::ORIGINAL) return true;
  if (std::ranges::find(kIntervals, head.interval()) == kIntervals.end()) return false;
  for (const model::Series& one : series)
    if (one.signal != series.front().signal || one.times != series.front().times) return false;
  const auto* counts = std::get_if<std::vector<std::int64_t>>(&series.back().values);
  if (counts == nullptr || std::ranges::any_of(*counts, [](std::int64_t n) { return n < 0 || n > kMostCounted; }))
    return false;
  if (head.form() == v1::Thinned::LATEST)
    return series[0].type() == model::ValueType::string || series[0].type() == model::ValueType::bytes;
  const auto* min = std::get_if<std::vector<double>>(&series[0].values);
  const auto* mean = std::get_if<std::vector<double>>(&series[1].values);
  const auto* max = std::get_if<std::vector<double>>(&series[2].values);
  if (min == nullptr || mean == nullptr || max == nullptr) return false;
  for (std::size_t i = 0; i < counts->size(); ++i) {
    const bool sound =
        std::isfinite((*min)[i]) && (*min)[i] <= (*mean)[i] && (*mean)[i] <= (*max)[i] && std::isfinite((*max)[i]);
    if ((*counts)[i] > 0 && !sound) return false;
  }
  return true;
}

bool Thinning::add(const v1::Thinned& head, std::span<const model::Series> series) {
  if (head.form() == v1::Thinned::ORIGINAL) return add(series.front());
  while (kIntervals[level_] < head.interval())
    if (!coarsen()) return false;
  const auto& counts = std::get<std::vector<std::int64_t>>(series.back().values);
  const model::Series& times = series.front();
  const auto begin_of = [&](std::size_t i) { return Slot(times.times[i], kIntervals[level_]).begin; };
  if (head.form() == v1::Thinned::SUMMARY) {
    Numbers& signal = numbers_of(times.signal);
    forget(signal);
    const auto& min = std::get<std::vector<double>>(series[0].values);
    const auto& mean = std::get<std::vector<double>>(series[1].values);
    const auto& max = std::get<std::vector<double>>(series[2].values);
    for (std::size_t i = 0; i < times.size(); ++i) {
      Summary& interval = interval_of(signal, begin_of(i));
      const auto count = static_cast<std::uint64_t>(counts[i]);
      if (count > 0) interval.add(min[i], mean[i], max[i], count, series[1].quality(i));
      interval.worst = model::worst(interval.worst, series.back().quality(i));
      if (!bound()) return false;
    }
    return true;
  }
  Texts& signal = texts_of(times.signal, times.type());
  forget(signal);
  for (std::size_t i = 0; i < times.size(); ++i) {
    Latest& interval = interval_of(signal, begin_of(i));
    Latest one{.begin = interval.begin,
               .time = times.times[i],
               .value = {},
               .count = static_cast<std::uint64_t>(counts[i]),
               .quality = times.quality(i),
               .worst = series.back().quality(i)};
    if (times.type() == model::ValueType::bytes)
      one.value = std::get<std::vector<model::Bytes>>(times.values)[i].data;
    else one.value = std::get<std::vector<std::string>>(times.values)[i];
    held_ += one.value.size();
    if (interval.count == 0) interval = std::move(one);
    else interval.add(std::move(one));
    if (!bound()) return false;
  }
  return true;
}

// In order, each once, and of the given length.
template <class Interval>
void Thinning::settle(Signal<Interval>& signal, Nanoseconds interval) {
  auto& intervals = signal.intervals;
  for (Interval& one : intervals) one.begin = Slot(one.begin, interval).begin;
  if (!signal.ascending) std::ranges::stable_sort(intervals, {}, &Interval::begin);
  std::size_t count = 0;
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    if (count > 0 && intervals[count - 1].begin == intervals[i].begin)
      intervals[count - 1].add(std::move(intervals[i]));
    else if (count++ != i) intervals[count - 1] = std::move(intervals[i]);
  }
  intervals.resize(count);
  signal.ascending = true;
  signal.settled = count;
  if (signal.kept && signal.originals.size() > kFew && signal.originals.size() > most_kept(intervals)) forget(signal);
}

void Thinning::settle() {
  held_ = 0;
  const auto one = [&](auto& signal) {
    settle(signal, kIntervals[level_]);
    held_ += kSignalBytes + bytes_of(signal.originals);
    for (const auto& interval : signal.intervals) held_ += bytes_of(interval);
  };
  for (Numbers& signal : numbers_) one(signal);
  for (auto& [key, signal] : texts_) one(signal);
}

bool Thinning::coarsen() {
  if (level_ + 1 == kIntervals.size()) return false;
  ++level_;
  settle();
  return true;
}

// Well below, so that it is not asked for with every reading.
bool Thinning::bound() {
  if (held_ <= kMostHeld) return true;
  settle();
  while (held_ > kMostHeld / 2)
    if (!coarsen()) break;
  return held_ <= kMostHeld;
}

void Thinning::put(v1::RawRecord& out) {
  settle();
  std::vector<Numbers*> numbers;
  for (Numbers& signal : numbers_) numbers.push_back(&signal);
  std::ranges::sort(numbers, {}, [](const Numbers* signal) { return signal->id; });

  out.clear_thinned();
  std::vector<model::Series> series, originals;
  const auto put_head = [&](v1::Thinned::Form form, std::size_t signals) {
    if (signals == 0) return;
    v1::Thinned& head = *out.add_thinned();
    head.set_form(form);
    if (form != v1::Thinned::ORIGINAL) head.set_interval(kIntervals[level_]);
    head.set_signals(static_cast<std::uint32_t>(signals));
  };
  const auto is_original = [](const auto& signal) {
    return signal.kept && signal.originals.size() <= most_kept(signal.intervals);
  };
  std::size_t summaries = 0, latests = 0;
  for (const Numbers* signal : numbers) {
    if (signal->intervals.empty()) continue;
    if (is_original(*signal)) {
      originals.push_back(signal->originals);
    } else {
      put_series(signal->intervals, signal->id, series);
      ++summaries;
    }
  }
  for (const auto& [key, signal] : texts_) {
    if (signal.intervals.empty()) continue;
    if (is_original(signal)) {
      originals.push_back(signal.originals);
    } else {
      put_series(signal.intervals, signal.id, key.second, series);
      ++latests;
    }
  }
  put_head(v1::Thinned::SUMMARY, summaries);
  put_head(v1::Thinned::LATEST, latests);
  put_head(v1::Thinned::ORIGINAL, originals.size());
  series.insert(series.end(), std::make_move_iterator(originals.begin()), std::make_move_iterator(originals.end()));
  out.clear_readings();
  if (!series.empty()) codec::encode(series, *out.mutable_readings());
}

}  // namespace weir::line
