#include "intake/decode.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"

namespace weir::intake {
namespace {

std::unexpected<Refused> refuse(Refusal why, std::string detail) {
  return std::unexpected(Refused{why, std::move(detail)});
}

// The one column that has values. False if none or several have.
bool take_column(const v1::Series& from, model::Column& column) {
  int used = 0;
  if (!from.bools().empty()) {
    ++used;
    column = std::vector<std::uint8_t>(from.bools().begin(), from.bools().end());
  }
  if (!from.ints().empty()) {
    ++used;
    column = std::vector<std::int64_t>(from.ints().begin(), from.ints().end());
  }
  if (!from.doubles().empty()) {
    ++used;
    column = std::vector<double>(from.doubles().begin(), from.doubles().end());
  }
  if (!from.strings().empty()) {
    ++used;
    column = std::vector<std::string>(from.strings().begin(), from.strings().end());
  }
  if (!from.blobs().empty()) {
    ++used;
    std::vector<model::Bytes> blobs;
    blobs.reserve(static_cast<std::size_t>(from.blobs().size()));
    for (const std::string& blob : from.blobs()) blobs.push_back({blob});
    column = std::move(blobs);
  }
  return used == 1;
}

bool take_times(const v1::Series& from, std::vector<Timestamp>& times) {
  times.resize(static_cast<std::size_t>(from.times().size()));
  Timestamp time = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (__builtin_add_overflow(time, from.times(static_cast<int>(i)), &time)) return false;
    times[i] = time;
  }
  return true;
}

// Removes what is later than the guard allows, or sets it to now.
void guard_future(model::Series& series, const FutureGuard& guard, Decoded& out) {
  if (guard.latest == 0 || std::ranges::none_of(series.times, [&](Timestamp t) { return t > guard.latest; })) return;
  model::Series kept;
  kept.signal = series.signal;
  kept.values = model::make_column(series.type());
  for (std::size_t i = 0; i < series.size(); ++i) {
    model::Reading reading = series.reading(i);
    if (reading.time > guard.latest) {
      if (!guard.clamp) {
        out.removed_first = out.removed == 0 ? reading.time : std::min(out.removed_first, reading.time);
        out.removed_last = std::max(out.removed_last, reading.time);
        ++out.removed;
        continue;
      }
      reading.time = guard.now;
      reading.quality = model::worst(reading.quality, model::kUncertain);
      ++out.clamped;
    }
    kept.append(reading);
  }
  series = std::move(kept);
}

}  // namespace

const char* to_text(Refusal refusal) {
  static constexpr std::array<const char*, static_cast<std::size_t>(Refusal::count_)> kNames{
      "not-protobuf", "too-large", "unknown-driver", "foreign-epoch", "unknown-signal", "malformed", "future-stamp"};
  return kNames.at(static_cast<std::size_t>(refusal));
}

std::expected<Decoded, Refused> decode(const v1::Batch& batch, std::string_view driver,
                                       const model::SignalTable& signals, const FutureGuard& guard,
                                       const Limits& limits) {
  Decoded out;
  if (static_cast<std::size_t>(batch.series().size()) > limits.series)
    return refuse(Refusal::too_large,
                  std::to_string(batch.series().size()) + " series, allowed are " + std::to_string(limits.series));
  std::size_t readings = 0;
  for (const v1::Series& from : batch.series()) readings += static_cast<std::size_t>(from.times().size());
  if (readings > limits.readings)
    return refuse(Refusal::too_large,
                  std::to_string(readings) + " readings, allowed are " + std::to_string(limits.readings));

  out.series.reserve(static_cast<std::size_t>(batch.series().size()));
  out.first = std::numeric_limits<Timestamp>::max();
  out.last = std::numeric_limits<Timestamp>::min();
  for (int i = 0; i < batch.series().size(); ++i) {
    const v1::Series& from = batch.series(i);
    const auto about = [&](const std::string& what) {
      return "series " + std::to_string(i + 1) + " (" + to_utf8(from.signal(), 100) + "): " + what;
    };
    model::Series series;
    series.signal = signals.find(from.signal());
    if (series.signal == 0) return refuse(Refusal::unknown_signal, about("this signal was not announced"));
    const auto& known = signals.at(series.signal);
    if (known.driver != driver) return refuse(Refusal::unknown_signal, about("this signal is not this driver's"));
    if (!take_times(from, series.times)) return refuse(Refusal::malformed, about("a time beyond 64 bits"));
    if (series.times.empty()) return refuse(Refusal::malformed, about("no times"));
    if (!take_column(from, series.values))
      return refuse(Refusal::malformed, about("exactly one kind of values is allowed"));
    const std::size_t values = std::visit([](const auto& column) { return column.size(); }, series.values);
    if (values != series.size())
      return refuse(Refusal::malformed,
                    about(std::to_string(series.size()) + " times, " + std::to_string(values) + " values"));
    if (series.type() != known.signal.type)
      return refuse(Refusal::malformed, about(std::string("values of type ") + model::to_text(series.type()) +
                                              ", announced was " + model::to_text(known.signal.type)));
    series.qualities.assign(from.qualities().begin(), from.qualities().end());
    if (series.qualities.size() > 1 && series.qualities.size() != series.size())
      return refuse(Refusal::malformed, about(std::to_string(series.size()) + " times, " +
                                              std::to_string(series.qualities.size()) + " qualities"));
    guard_future(series, guard, out);
    if (series.times.empty()) continue;
    const auto [earliest, latest] = std::ranges::minmax(series.times);
    out.first = std::min(out.first, earliest);
    out.last = std::max(out.last, latest);
    out.readings += static_cast<std::uint32_t>(series.size());
    out.series.push_back(std::move(series));
  }
  if (out.series.empty()) out.first = out.last = 0;
  return out;
}

}  // namespace weir::intake
