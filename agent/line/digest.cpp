#include "line/digest.h"

#include <algorithm>
#include <limits>

#include "codec/codec.h"
#include "line/gaps.h"
#include "line/thinning.h"
#include "weir/v1/uplink.pb.h"

namespace weir::line {
namespace {

// The line and the digest itself make nothing that is larger.
constexpr codec::Limits kLimits{.bytes = 16 << 20, .readings = 2'000'000, .series = 200'000};

constexpr std::string_view kThinned = "thinned", kDamaged = "damaged";

// Calls `run` with each head and the series of each of its signals. False if the heads do not fit the series, or
// `run` says so.
template <class Run>
bool each_signal(const v1::RawRecord& record, std::span<const model::Series> series, Run run) {
  for (const v1::Thinned& head : record.thinned()) {
    const std::size_t width = Thinning::series_of(head.form());
    for (std::uint32_t signal = 0; signal < std::max(head.signals(), 1U); ++signal) {
      if (width == 0 || series.size() < width || !run(head, series.first(width))) return false;
      series = series.subspan(width);
    }
  }
  return series.empty();
}

// What is said of all records together.
class Account {
 public:
  Account(const store::Replaced& replaced, std::string_view reason) : gap_(range(replaced)) {
    gap_.set_reason(std::string(reason));
  }

  void lost(std::uint64_t seq) {
    ++lost_;
    first_ = std::min(first_, seq);
    last_ = std::max(last_, seq);
  }
  void had(Timestamp time, std::uint64_t count = 1) {
    if (gap_.count() == 0) {
      gap_.set_from(time);
      gap_.set_to(time);
    }
    gap_.set_from(std::min(gap_.from(), time));
    gap_.set_to(std::max(gap_.to(), time));
    gap_.set_count(gap_.count() + count);
  }
  void had(const std::vector<model::Series>& series) {
    for (const model::Series& one : series) {
      if (one.times.empty()) continue;
      const auto [earliest, latest] = std::ranges::minmax(one.times);
      had(earliest, one.size());
      had(latest, 0);
    }
  }
  void read() { ++read_; }
  bool any_read() const { return read_ > 0; }

  // The range, unless the gaps in its records speak for it; and what could not be read.
  void tell(Gaps& gaps) {
    const bool known = read_ + lost_ > 0;
    if (gap_.stream() != v1::BACKFILL || !known) {
      gap_.set_records(known ? read_ : gap_.last() - gap_.first() + 1);
      if (gap_.records() > 0) gaps.add(gap_);
    }
    if (lost_ == 0) return;
    v1::Gap gap;
    gap.set_stream(gap_.stream());
    gap.set_incarnation(gap_.incarnation());
    gap.set_reason(std::string(kDamaged));
    gap.set_first(first_);
    gap.set_last(last_);
    gap.set_records(lost_);
    gaps.add(std::move(gap));
  }

 private:
  static v1::Gap range(const store::Replaced& replaced) {
    v1::Gap gap;
    gap.set_stream(static_cast<v1::Stream>(replaced.stream));
    gap.set_incarnation(replaced.incarnation);
    gap.set_first(replaced.first);
    gap.set_last(replaced.last);
    return gap;
  }

  v1::Gap gap_;
  std::uint64_t read_ = 0, lost_ = 0, first_ = std::numeric_limits<std::uint64_t>::max(), last_ = 0;
};

// A RawRecord and its block, of raw or backfill.
struct Opened {
  v1::RawRecord record;
  std::vector<model::Series> series;

  bool open(store::Stream stream, const store::Record& from) {
    if (from.damaged || !record.ParseFromString(from.body)) return false;
    if (stream == store::Stream::backfill && record.gaps().empty()) return false;  // it speaks of nothing
    if (!record.readings().empty()) return codec::decode(record.readings(), kLimits, series).has_value();
    series.clear();
    return true;
  }
  bool sound() const {
    return record.thinned().empty() ||
           each_signal(record, series, [](const auto& head, auto signal) { return Thinning::check(head, signal); });
  }
};

bool add(const Opened& opened, Thinning& thinning) {
  if (opened.record.thinned().empty())
    return std::ranges::all_of(opened.series, [&](const model::Series& one) { return thinning.add(one); });
  return each_signal(opened.record, opened.series,
                     [&](const auto& head, auto signal) { return thinning.add(head, signal); });
}

// What a record of derived or alerts had in it; false if it cannot be read.
bool look_into(store::Stream stream, const store::Record& record, Account& account) {
  if (record.damaged) return false;
  if (stream == store::Stream::alerts) {
    v1::AlertRecord alerts;
    if (!alerts.ParseFromString(record.body)) return false;
    for (const v1::AlertEvent& event : alerts.events()) account.had(event.time());
    return true;
  }
  v1::DerivedRecord derived;
  if (!derived.ParseFromString(record.body)) return false;
  if (derived.readings().empty()) return true;
  const auto series = codec::decode(derived.readings(), kLimits);
  if (series) account.had(*series);
  return series.has_value();
}

}  // namespace

std::optional<std::string> Digest::thin(const store::Replaced& replaced) const {
  Thinning thinning;
  Account account(replaced, kThinned);
  Gaps gaps;
  v1::RawRecord out;
  Opened opened;
  std::size_t bytes = 0;
  for (const store::Record& record : replaced.records) {
    bytes += record.body.size();
    if (!opened.open(replaced.stream, record) || !opened.sound()) {
      account.lost(record.seq);
      continue;
    }
    if (!add(opened, thinning)) return {};
    account.read();
    account.had(opened.series);
    for (v1::Gap& gap : *opened.record.mutable_gaps()) gaps.add(std::move(gap));
    if (opened.record.suspended()) out.set_suspended(true);
  }
  if (!account.any_read()) return {};
  account.tell(gaps);
  gaps.put(out);
  do {
    thinning.put(out);
    if (out.ByteSizeLong() <= bytes / 2) return out.SerializeAsString();
  } while (thinning.coarsen());
  return {};
}

std::string Digest::gap(const store::Replaced& replaced, std::string_view reason,
                        const std::optional<std::string>& before) const {
  Gaps gaps;
  v1::RawRecord out;
  if (before && !out.ParseFromString(*before)) {
    out.Clear();
    v1::Gap& gap = *out.add_gaps();
    gap.set_stream(v1::BACKFILL);
    gap.set_reason(std::string(kDamaged));
    gap.set_records(1);
  }
  for (const v1::Gap& gap : out.gaps()) gaps.add(gap);

  Account account(replaced, reason);
  Opened opened;
  const bool raw = replaced.stream == store::Stream::raw || replaced.stream == store::Stream::backfill;
  for (const store::Record& record : replaced.records) {
    if (raw ? !opened.open(replaced.stream, record) : !look_into(replaced.stream, record, account)) {
      account.lost(record.seq);
      continue;
    }
    account.read();
    if (!raw) continue;
    if (replaced.stream == store::Stream::raw) account.had(opened.series);
    for (v1::Gap& gap : *opened.record.mutable_gaps()) {
      // What stood for these numbers is gone, too.
      if (gap.reason() == kThinned) gap.set_reason(std::string(reason));
      gaps.add(std::move(gap));
    }
  }
  account.tell(gaps);
  gaps.put(out);
  return out.SerializeAsString();
}

}  // namespace weir::line
