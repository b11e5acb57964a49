#include "sdk/outbox.h"

#include <stdexcept>
#include <utility>

#include "base/text.h"

namespace weir::sdk {
namespace {

bool too_long(const model::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size() > kMostValueBytes;
  if (const auto* blob = std::get_if<model::Bytes>(&value)) return blob->data.size() > kMostValueBytes;
  return false;
}

void cut_long_value(model::Reading& reading) {
  if (!too_long(reading.value)) return;
  if (std::holds_alternative<std::string>(reading.value)) reading.value = std::string();
  else reading.value = model::Bytes{};
  reading.quality = model::kBadOutOfRange;
}

void cut_long_values(model::Series& series) {
  if (series.values.index() < 3) return;
  bool any = false;
  for (std::size_t i = 0; i < series.size() && !any; ++i) any = too_long(series.value(i));
  if (!any) return;
  model::Series cut;
  for (std::size_t i = 0; i < series.size(); ++i) {
    model::Reading reading = series.reading(i);
    cut_long_value(reading);
    cut.append(reading);
  }
  series = std::move(cut);
}

}  // namespace

Outbox::Outbox(const std::vector<model::Signal>& signals, std::size_t most_bytes, const Clock& clock,
               std::function<void()> wake)
    : signals_(signals), clock_(clock), wake_(std::move(wake)), queue_(most_bytes), open_(signals.size()) {}

void Outbox::check(std::size_t signal, model::ValueType type) const {
  if (signal >= signals_.size())
    throw std::invalid_argument("published signal " + std::to_string(signal) + " of " +
                                std::to_string(signals_.size()));
  if (type != signals_[signal].type)
    throw std::invalid_argument("published a " + std::string(model::to_text(type)) + " for '" +
                                signals_[signal].path + "', which was announced as " +
                                model::to_text(signals_[signal].type));
}

void Outbox::publish(std::size_t signal, model::Reading reading) {
  check(signal, model::type_of(reading.value));
  cut_long_value(reading);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    model::Series& series = open_[signal];
    if (series.times.empty()) {
      touched_.push_back(signal);
      bytes_ += signals_[signal].path.size() + 16;
    }
    series.append(reading);
    const std::size_t end = series.size();
    bytes_ += estimate_bytes(series, end - 1, end);
    ++readings_;
    wake = opened_or_full();
  }
  if (wake) wake_();
}

void Outbox::publish(std::size_t signal, std::vector<Timestamp> times, model::Column values,
                     std::vector<std::uint32_t> qualities) {
  model::Series many;
  many.times = std::move(times);
  many.values = std::move(values);
  many.qualities = std::move(qualities);
  check(signal, many.type());
  const std::size_t count = std::visit([](const auto& column) { return column.size(); }, many.values);
  if (count != many.size() || (many.qualities.size() > 1 && many.qualities.size() != count))
    throw std::invalid_argument("published columns of unequal length for '" + signals_[signal].path + "'");
  if (many.size() == 0) return;
  cut_long_values(many);

  if (many.size() < kFullReadings && estimate_bytes(many, 0, many.size()) < kFullBytes) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      if (readings_ + many.size() > kFullReadings) close();
      model::Series& series = open_[signal];
      if (series.times.empty()) {
        touched_.push_back(signal);
        bytes_ += signals_[signal].path.size() + 16;
      }
      bytes_ += estimate_bytes(many, 0, many.size());
      readings_ += many.size();
      if (series.times.empty()) {
        series = std::move(many);
      } else {
        for (std::size_t i = 0; i < many.size(); ++i) series.append(many.reading(i));
      }
      wake = opened_or_full();
    }
    if (wake) wake_();
    return;
  }

  // Full by itself: encoded here, outside of the lock, after what is open of the same signal.
  {
    const std::lock_guard lock(mutex_);
    if (!open_[signal].times.empty()) close();
  }
  for (std::size_t begin = 0; begin < many.size();) {
    std::size_t end = begin + 1;
    std::size_t bytes = estimate_bytes(many, begin, end);
    while (end < many.size() && end - begin < kMostReadings) {
      bytes += estimate_bytes(many, end, end + 1);
      if (bytes > kMostBytes) break;
      ++end;
    }
    Body body;
    append_series(body, signals_[signal].path, many, begin, end);
    {
      const std::lock_guard lock(mutex_);
      queue_.push(std::move(body));
    }
    begin = end;
  }
  wake_();
}

bool Outbox::opened_or_full() {
  if (readings_ >= kFullReadings || bytes_ >= kFullBytes) {
    close();
    return true;
  }
  if (opened_) return false;
  opened_ = clock_.boottime();
  return true;
}

void Outbox::close() {
  opened_.reset();
  if (touched_.empty()) return;
  Body body;
  body.bytes.reserve(bytes_);
  for (const std::size_t signal : touched_) {
    model::Series& series = open_[signal];
    append_series(body, signals_[signal].path, series, 0, series.size());
    // A buffer for a few readings is kept; what a burst needed is not.
    if (series.times.capacity() > 64) {
      series = {};
    } else {
      series.times.clear();
      series.qualities.clear();
      std::visit([](auto& column) { column.clear(); }, series.values);
    }
  }
  touched_.clear();
  readings_ = bytes_ = 0;
  queue_.push(std::move(body));
}

void Outbox::flush() {
  {
    const std::lock_guard lock(mutex_);
    if (touched_.empty()) return;
    close();
  }
  wake_();
}

double Outbox::pressure() const {
  const std::lock_guard lock(mutex_);
  const double full = static_cast<double>(queue_.bytes()) / static_cast<double>(queue_.most_bytes());
  return full < 1 ? full : 1;
}

std::optional<Nanoseconds> Outbox::linger_due() const {
  const std::lock_guard lock(mutex_);
  if (!opened_) return std::nullopt;
  return *opened_ + kLinger;
}

void Outbox::close_if_due(Nanoseconds now) {
  const std::lock_guard lock(mutex_);
  if (opened_ && now >= *opened_ + kLinger) close();
}

}  // namespace weir::sdk
