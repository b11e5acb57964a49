#include "detect/default_detector.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weir::detect {
namespace {

constexpr double kForget = 0.01;         // of the scale, with each reading: some 100 readings
constexpr std::uint64_t kLearn = 50;     // readings before the first alarm
constexpr std::uint64_t kHoldOff = 100;  // readings after an alarm that raise none
constexpr double kFarthest = 1e150;      // so that sums and squares stay finite

class DefaultDetector final : public Detector {
 public:
  explicit DefaultDetector(double threshold) : threshold_(threshold) {}

  Verdict judge(Timestamp, double value) override {
    if (!std::isfinite(value)) return {};
    value = std::clamp(value, -kFarthest, kFarthest);
    change_ = count_ == 0 ? 0 : std::fabs(value - last_);
    last_ = value;
    usual_ = scale_;
    scale_ += std::max(kForget, 1.0 / static_cast<double>(count_ + 1)) * (change_ - scale_);
    if (quiet_ > 0) --quiet_;
    if (count_ < kLearn) {
      ++count_;
      return {};
    }
    const double ratio = change_ <= 0 ? 0 : usual_ <= 0 ? 1e6 : change_ / usual_;
    double score = ratio / (ratio + 10);
    if (quiet_ > 0) score = std::min(score, std::nextafter(threshold_, 0.0));
    const bool anomalous = score >= threshold_;
    if (anomalous) quiet_ = kHoldOff;
    return {score, anomalous};
  }

  std::string reason() const override {
    char text[64];
    std::snprintf(text, sizeof text, "%.1f times the usual change", usual_ > 0 ? change_ / usual_ : 0.0);
    return text;
  }

  void save(std::string& out) const override {
    put_varint(out, count_);
    put_varint(out, quiet_);
    for (const double number : {last_, change_, usual_, scale_}) put_double(out, number);
  }

  bool restore(ByteReader& in) override {
    count_ = in.varint();
    quiet_ = in.varint();
    bool fine = count_ <= kLearn && quiet_ <= kHoldOff;
    for (double* number : {&last_, &change_, &usual_, &scale_}) {
      *number = in.float64();
      fine = fine && std::fabs(*number) <= 2 * kFarthest;
    }
    return fine && in.ok();
  }

  std::size_t bytes() const override { return sizeof *this; }

 private:
  double threshold_;
  std::uint64_t count_ = 0, quiet_ = 0;
  double last_ = 0, change_ = 0, usual_ = 0, scale_ = 0;
};

}  // namespace

std::unique_ptr<Detector> make_default_detector(Sensitivity sensitivity) {
  return std::make_unique<DefaultDetector>(default_threshold(sensitivity));
}

double default_threshold(Sensitivity sensitivity) {
  switch (sensitivity) {
    case Sensitivity::low: return 0.7;
    case Sensitivity::normal: return 0.6;
    case Sensitivity::high: break;
  }
  return 0.5;
}

}  // namespace weir::detect
