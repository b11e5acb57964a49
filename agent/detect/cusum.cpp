#include <algorithm>

#include "detect/baseline.h"
#include "detect/simple_detector.h"
#include "detect/simple_detectors.h"

namespace weir::detect {
namespace {

class Cusum final : public SimpleDetector {
 public:
  explicit Cusum(const Settings& settings)
      : SimpleDetector(settings.threshold.value_or(10)),
        drift_(settings.drift.value_or(0.5)),
        usual_(0.01, settings.window) {}

  std::size_t bytes() const override { return sizeof *this; }

 private:
  std::optional<double> measure(Timestamp, double seconds, double value) override {
    if (!usual_.ready()) {
      usual_.add(seconds, value);
      return std::nullopt;
    }
    if (alarmed_) {
      above_ = below_ = 0;
      usual_.forget_mean();
      usual_.add(seconds, value);
      mean_ = usual_.mean();
      alarmed_ = false;
      return 0;
    }
    const double far = usual_.distance(value);
    mean_ = usual_.mean();
    above_ = std::max(0.0, above_ + far - drift_);
    below_ = std::max(0.0, below_ - far - drift_);
    usual_.add(seconds, value);
    const double sum = std::max(above_, below_);
    alarmed_ = sum >= limit();
    return sum;
  }

  std::string describe() const override {
    return std::string("the mean has moved ") + (below_ > above_ ? "down" : "up") + " from " + number_text(mean_) +
           ": " + number_text(excess()) + " standard deviations in sum";
  }

  void save_state(std::string& out) const override {
    put_varint(out, alarmed_ ? 1 : 0);
    put_numbers(out, {above_, below_, mean_});
    usual_.save(out);
  }
  bool restore_state(ByteReader& in) override {
    const std::uint64_t alarmed = in.varint();
    alarmed_ = alarmed == 1;
    return alarmed <= 1 && read_numbers(in, {&above_, &below_, &mean_}) && above_ >= 0 && below_ >= 0 &&
           usual_.restore(in);
  }

  double drift_;
  Baseline usual_;
  double above_ = 0, below_ = 0;
  double mean_ = 0;  // before the last reading
  bool alarmed_ = false;
};

}  // namespace

std::unique_ptr<Detector> make_cusum(const Settings& settings) { return std::make_unique<Cusum>(settings); }

}  // namespace weir::detect
