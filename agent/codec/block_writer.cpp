#include <algorithm>
#include <array>
#include <cassert>
#include <limits>

#include "codec/block.h"
#include "codec/reals.h"

namespace weir::codec {
namespace {

// From here on a series is a chunk of its own: what its values have in common then saves more than
// the few bytes of the columns' heads.
constexpr std::size_t kLong = 32;

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

Kind kind_of(const model::Series& series, unsigned scale) {
  switch (series.type()) {
    case model::ValueType::boolean: return Kind::boolean;
    case model::ValueType::integer: return Kind::integer;
    case model::ValueType::real: return scale < kScales ? Kind::decimal : Kind::real;
    case model::ValueType::string: return Kind::string;
    case model::ValueType::bytes: return Kind::bytes;
  }
  return Kind::bytes;
}

const std::vector<double>& reals_of(const model::Series& series) {
  return std::get<std::vector<double>>(series.values);
}

}  // namespace

void BlockWriter::divide(std::span<const model::Series> series) {
  chunks_.clear();
  chunk_of_.clear();
  scales_.assign(series.size(), 0);
  std::array<std::uint32_t, kKinds> pools;
  pools.fill(kNone);
  for (std::size_t i = 0; i < series.size(); ++i) {
    assert(std::visit([&](const auto& column) { return column.size() == series[i].size(); }, series[i].values));
    assert(series[i].qualities.size() <= 1 || series[i].qualities.size() == series[i].size());
    const bool alone = series[i].size() >= kLong;
    const unsigned scale = series[i].type() == model::ValueType::real ? choose_scale(reals_of(series[i]), alone) : 0;
    scales_[i] = static_cast<std::uint8_t>(scale);
    const Kind kind = kind_of(series[i], scale);
    std::uint32_t chunk = alone ? kNone : pools[static_cast<std::size_t>(kind)];
    if (chunk == kNone) {
      chunk = static_cast<std::uint32_t>(chunks_.size());
      chunks_.push_back({.kind = kind});
      if (!alone) pools[static_cast<std::size_t>(kind)] = chunk;
    }
    chunk_of_.push_back(chunk);
    chunks_[chunk].series += 1;
    chunks_[chunk].readings += series[i].size();
  }
  std::size_t first = 0;
  for (Chunk& chunk : chunks_) {
    chunk.first = first;
    first += chunk.series;
    chunk.series = 0;
  }
  members_.resize(series.size());
  for (std::uint32_t i = 0; i < series.size(); ++i) {
    Chunk& chunk = chunks_[chunk_of_[i]];
    members_[chunk.first + chunk.series++] = i;
  }
}

void BlockWriter::put_heads(std::span<const model::Series> series, PartsWriter& out) {
  const auto put = [&](auto&& what) {
    column_.clear();
    for (std::size_t i = 0; i < series.size(); ++i) column_.push_back(static_cast<std::int64_t>(what(i)));
    ints_.put(column_, out);
  };
  put([&](std::size_t i) { return chunk_of_[i]; });
  put([&](std::size_t i) { return series[i].signal; });
  put([&](std::size_t i) { return series[i].size(); });
  put([&](std::size_t i) {
    const std::size_t count = series[i].qualities.size();
    return count == 0 ? kAllGood : count == 1 ? kOneForAll : kEach;
  });
}

// Runs of the same quality, across all series.
void BlockWriter::put_qualities(std::span<const model::Series> series, PartsWriter& out) {
  column_.clear();
  second_.clear();
  bool any = false;
  for (const model::Series& one : series) {
    any = any || !one.qualities.empty();
    for (const std::uint32_t quality : one.qualities) {
      if (column_.empty() || column_.back() != quality) {
        column_.push_back(quality);
        second_.push_back(0);
      }
      ++second_.back();
    }
  }
  if (!any) return;
  put_varint(out.text, column_.size());
  ints_.put(column_, out);
  ints_.put(second_, out);
}

std::span<const Timestamp> BlockWriter::times_of(std::span<const model::Series> series, const Chunk& chunk) {
  if (chunk.series == 1) return series[members_[chunk.first]].times;
  times_.clear();
  for (std::size_t i = 0; i < chunk.series; ++i) {
    const std::vector<Timestamp>& times = series[members_[chunk.first + i]].times;
    times_.insert(times_.end(), times.begin(), times.end());
  }
  return times_;
}

void BlockWriter::put_chunk(std::span<const model::Series> all, const Chunk& chunk, PartsWriter& out) {
  const std::span<const std::uint32_t> members = std::span(members_).subspan(chunk.first, chunk.series);
  const auto each = [&]<class T>(const std::vector<T>*, auto&& use) {
    for (const std::uint32_t i : members)
      for (const T& value : std::get<std::vector<T>>(all[i].values)) use(value);
  };
  column_.clear();
  switch (chunk.kind) {
    case Kind::boolean: {
      unsigned bit = 0;
      each(static_cast<const std::vector<std::uint8_t>*>(nullptr), [&](std::uint8_t value) {
        if (bit == 0) out.text.push_back(0);
        if (value != 0) out.text.back() = static_cast<char>(out.text.back() | 1 << bit);
        bit = (bit + 1) % 8;
      });
      break;
    }
    case Kind::integer:
      if (chunk.series == 1) return ints_.put(std::get<std::vector<std::int64_t>>(all[members.front()].values), out);
      each(static_cast<const std::vector<std::int64_t>*>(nullptr),
           [&](std::int64_t value) { column_.push_back(value); });
      ints_.put(column_, out);
      break;
    case Kind::decimal:
      for (const std::uint32_t i : members) column_.push_back(scales_[i]);
      ints_.put(column_, out);
      column_.clear();
      second_.clear();
      for (const std::uint32_t i : members) {
        for (const double value : reals_of(all[i])) {
          const Decimal decimal = to_decimal(value, scales_[i]);
          column_.push_back(decimal.mantissa);
          second_.push_back(decimal.steps);
        }
      }
      ints_.put(column_, out);
      ints_.put(second_, out);
      break;
    case Kind::real:
      each(static_cast<const std::vector<double>*>(nullptr),
           [&](double value) { column_.push_back(to_ordered(value)); });
      ints_.put(column_, out);
      break;
    case Kind::string:
      texts_.clear();
      each(static_cast<const std::vector<std::string>*>(nullptr),
           [&](const std::string& value) { texts_.push_back(value); });
      strings_.put(texts_, ints_, out);
      break;
    case Kind::bytes:
      texts_.clear();
      each(static_cast<const std::vector<model::Bytes>*>(nullptr),
           [&](const model::Bytes& value) { texts_.push_back(value.data); });
      strings_.put(texts_, ints_, out);
      break;
  }
}

void BlockWriter::put(std::span<const model::Series> series, PartsWriter& out) {
  put_varint(out.text, series.size());
  if (series.empty()) return;
  divide(series);
  put_heads(series, out);
  put_qualities(series, out);
  std::span<const Timestamp> before;
  for (const Chunk& chunk : chunks_) {
    std::span<const Timestamp> times = times_of(series, chunk);
    const bool same = !before.empty() && std::ranges::equal(times, before);
    out.text.push_back(static_cast<char>(static_cast<char>(chunk.kind) | (same ? kSameTimes : 0)));
    if (!same) ints_.put(times, out);
    put_chunk(series, chunk, out);
    if (times.data() == times_.data()) {  // the next pool's go there, too
      times_.swap(times_before_);
      times = times_before_;
    }
    before = times;
  }
}

}  // namespace weir::codec
