#include <algorithm>
#include <cmath>

#include "detect/simple_detector.h"
#include "detect/simple_detectors.h"

namespace weir::detect {
namespace {

constexpr double kTimesUsual = 10;
constexpr double kForget = 0.01;  // of the usual rate, with each reading
constexpr std::uint64_t kLearn = 30;

class Rate final : public SimpleDetector {
 public:
  explicit Rate(const Settings& settings)
      : SimpleDetector(settings.threshold.value_or(kTimesUsual)), absolute_(settings.threshold.has_value()) {}

  std::size_t bytes() const override { return sizeof *this; }

 private:
  std::optional<double> measure(Timestamp, double seconds, double value) override {
    rate_ = seconds > 0 ? (value - last_) / seconds : 0;
    last_ = value;
    if (seconds == 0) return std::nullopt;
    const double size = std::fabs(rate_);
    if (absolute_) return size;
    usual_ = scale_;
    const bool ready = count_ == kLearn;
    count_ = std::min(count_ + 1, kLearn);
    scale_ += std::max(kForget, 1.0 / static_cast<double>(count_)) * (size - scale_);
    if (!ready) return std::nullopt;
    return size == 0 ? 0 : usual_ == 0 ? kMostExcess : size / usual_;
  }

  std::string describe() const override {
    const std::string what =
        std::string(rate_ < 0 ? "falls" : "rises") + " by " + number_text(std::fabs(rate_)) + " per second, ";
    if (absolute_) return what + number_text(excess() / limit()) + " times the limit of " + number_text(limit());
    if (usual_ == 0) return what + "and never changed before";
    return what + number_text(excess()) + " times the usual " + number_text(usual_);
  }

  void save_state(std::string& out) const override {
    put_varint(out, count_);
    put_numbers(out, {last_, rate_, usual_, scale_});
  }
  bool restore_state(ByteReader& in) override {
    count_ = in.varint();
    return count_ <= kLearn && read_numbers(in, {&last_, &rate_, &usual_, &scale_}) && usual_ >= 0 && scale_ >= 0 &&
           std::fabs(last_) <= kFarthest;
  }

  bool absolute_;
  std::uint64_t count_ = 0;  // rates in the scale, up to kLearn
  double last_ = 0, rate_ = 0;
  double usual_ = 0;  // when the last reading was measured
  double scale_ = 0;
};

}  // namespace

std::unique_ptr<Detector> make_rate(const Settings& settings) { return std::make_unique<Rate>(settings); }

}  // namespace weir::detect
