#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "detect/simple_detector.h"
#include "detect/simple_detectors.h"

namespace weir::detect {
namespace {

constexpr std::size_t kLearn = 30;
// Of normally distributed readings these make a standard deviation of a median, or else mean, absolute deviation.
constexpr double kOfMedian = 1.4826;
constexpr double kOfMean = 1.2533;
constexpr double kRounding = 1e-12;  // less than this part of a value is no change

double median(std::span<const double> sorted) {
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : sorted[half - 1] / 2 + sorted[half] / 2;
}

// The median of the distances from `middle`: walks outwards from it, always to the nearer side.
double median_distance(std::span<const double> sorted, double middle) {
  auto right = std::ranges::lower_bound(sorted, middle);
  auto left = right;
  double last = 0, before = 0;
  for (std::size_t taken = 0; taken <= sorted.size() / 2; ++taken) {
    const double down = left == sorted.begin() ? std::numeric_limits<double>::infinity() : middle - *(left - 1);
    const double up = right == sorted.end() ? std::numeric_limits<double>::infinity() : *right - middle;
    before = last;
    last = std::min(down, up);
    if (down < up) --left;
    else ++right;
  }
  return sorted.size() % 2 == 1 ? last : before / 2 + last / 2;
}

double mean_distance(std::span<const double> values, double middle) {
  double sum = 0;
  for (const double value : values) sum += std::fabs(value - middle);
  return sum / static_cast<double>(values.size());
}

class Mad final : public SimpleDetector {
 public:
  explicit Mad(const Settings& settings)
      : SimpleDetector(settings.threshold.value_or(5)), window_(settings.window), kept_(kMadReadings) {
    sorted_.reserve(kMadReadings);
  }

  std::size_t bytes() const override {
    return sizeof *this + kept_.capacity() * sizeof(Kept) + sorted_.capacity() * sizeof(double);
  }

 private:
  struct Kept {
    Timestamp time;
    double value;
  };

  std::optional<double> measure(Timestamp time, double, double value) override {
    while (!sorted_.empty() && (sorted_.size() == kMadReadings || too_old(kept_[oldest_].time, time))) drop_oldest();
    std::optional<double> excess;
    if (sorted_.size() >= kLearn) {
      median_ = median(sorted_);
      far_ = value - median_;
      spread_ = kOfMedian * median_distance(sorted_, median_);
      if (spread_ == 0) spread_ = kOfMean * mean_distance(sorted_, median_);  // most are the same
      const double rounding = kRounding * std::max(std::fabs(value), std::fabs(median_));
      excess = std::fabs(far_) <= rounding ? 0 : spread_ <= rounding ? kMostExcess : std::fabs(far_) / spread_;
    }
    keep(time, value);
    return excess;
  }

  bool too_old(Timestamp time, Timestamp now) const {
    return window_ &&
           static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(time) > static_cast<std::uint64_t>(*window_);
  }

  void drop_oldest() {
    sorted_.erase(std::ranges::lower_bound(sorted_, kept_[oldest_].value));
    oldest_ = (oldest_ + 1) % kMadReadings;
  }

  void keep(Timestamp time, double value) {
    kept_[(oldest_ + sorted_.size()) % kMadReadings] = {time, value};
    sorted_.insert(std::ranges::upper_bound(sorted_, value), value);
  }

  std::string describe() const override {
    if (excess() >= kMostExcess) return "it never changed from " + number_text(median_) + " before";
    return number_text(excess()) + " times the usual spread " + (far_ < 0 ? "below" : "above") + " the median of " +
           number_text(median_);
  }

  void save_state(std::string& out) const override {
    put_numbers(out, {median_, far_, spread_});
    put_varint(out, sorted_.size());
    for (std::size_t i = 0; i < sorted_.size(); ++i) {
      const Kept& kept = kept_[(oldest_ + i) % kMadReadings];
      put_varint(out, zigzag(kept.time));
      put_double(out, kept.value);
    }
  }

  bool restore_state(ByteReader& in) override {
    if (!read_numbers(in, {&median_, &far_, &spread_}) || spread_ < 0) return false;
    const std::uint64_t count = in.varint();
    if (count > kMadReadings) return false;
    oldest_ = 0;
    sorted_.clear();
    for (std::uint64_t i = 0; i < count; ++i) {
      const Timestamp time = unzigzag(in.varint());
      double value = 0;
      if (!read_numbers(in, {&value}) || std::fabs(value) > kFarthest) return false;
      keep(time, value);
    }
    return true;
  }

  std::optional<Nanoseconds> window_;
  std::vector<Kept> kept_;  // a ring
  std::size_t oldest_ = 0;
  std::vector<double> sorted_;                // the same values
  double median_ = 0, far_ = 0, spread_ = 0;  // of the last reading
};

}  // namespace

std::unique_ptr<Detector> make_mad(const Settings& settings) { return std::make_unique<Mad>(settings); }

}  // namespace weir::detect
