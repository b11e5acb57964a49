#include <cmath>

#include "detect/baseline.h"
#include "detect/simple_detector.h"
#include "detect/simple_detectors.h"

namespace weir::detect {
namespace {

class ZScore final : public SimpleDetector {
 public:
  explicit ZScore(const Settings& settings)
      : SimpleDetector(settings.threshold.value_or(4)), usual_(settings.alpha.value_or(0.01), settings.window) {}

  std::size_t bytes() const override { return sizeof *this; }

 private:
  std::optional<double> measure(Timestamp, double seconds, double value) override {
    const bool ready = usual_.ready();
    far_ = usual_.distance(value);
    mean_ = usual_.mean();
    usual_.add(seconds, value);
    return ready ? std::optional(std::fabs(far_)) : std::nullopt;
  }

  std::string describe() const override {
    if (excess() >= kMostExcess) return "it never changed from " + number_text(mean_) + " before";
    return number_text(excess()) + " standard deviations " + (far_ < 0 ? "below" : "above") + " the mean of " +
           number_text(mean_);
  }

  void save_state(std::string& out) const override {
    put_numbers(out, {far_, mean_});
    usual_.save(out);
  }
  bool restore_state(ByteReader& in) override { return read_numbers(in, {&far_, &mean_}) && usual_.restore(in); }

  Baseline usual_;
  double far_ = 0, mean_ = 0;  // of the last reading
};

}  // namespace

std::unique_ptr<Detector> make_zscore(const Settings& settings) { return std::make_unique<ZScore>(settings); }

}  // namespace weir::detect
