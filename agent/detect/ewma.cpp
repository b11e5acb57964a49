#include <cmath>

#include "detect/baseline.h"
#include "detect/simple_detector.h"
#include "detect/simple_detectors.h"

namespace weir::detect {
namespace {

class Ewma final : public SimpleDetector {
 public:
  explicit Ewma(const Settings& settings)
      : SimpleDetector(settings.threshold.value_or(4)),
        alpha_(settings.alpha.value_or(0.2)),
        usual_(0.01, settings.window) {}

  std::size_t bytes() const override { return sizeof *this; }

 private:
  std::optional<double> measure(Timestamp, double seconds, double value) override {
    mean_ = usual_.mean();
    if (!usual_.ready()) {
      usual_.add(seconds, value);
      short_mean_ = usual_.mean();
      return std::nullopt;
    }
    // How far it is, as if it were one reading, over the standard error that so many weighted readings have.
    short_mean_ += alpha_ * (value - short_mean_);
    faded_ *= (1 - alpha_) * (1 - alpha_);
    far_ = usual_.distance(short_mean_) / std::sqrt(alpha_ / (2 - alpha_) * (1 - faded_));
    usual_.add(seconds, value);
    return std::fabs(far_);
  }

  std::string describe() const override {
    if (excess() >= kMostExcess) return "it never changed from " + number_text(mean_) + " before";
    return "the moving mean of " + number_text(short_mean_) + " is " + number_text(excess()) + " standard errors " +
           (far_ < 0 ? "below" : "above") + " the usual " + number_text(mean_);
  }

  void save_state(std::string& out) const override {
    put_numbers(out, {short_mean_, faded_, far_, mean_});
    usual_.save(out);
  }
  bool restore_state(ByteReader& in) override {
    return read_numbers(in, {&short_mean_, &faded_, &far_, &mean_}) && std::fabs(short_mean_) <= kFarthest &&
           faded_ >= 0 && faded_ <= 1 && usual_.restore(in);
  }

  double alpha_;
  Baseline usual_;
  double short_mean_ = 0;
  double faded_ = 1;           // what of the first value is still in short_mean_, squared
  double far_ = 0, mean_ = 0;  // of the last reading
};

}  // namespace

std::unique_ptr<Detector> make_ewma(const Settings& settings) { return std::make_unique<Ewma>(settings); }

}  // namespace weir::detect
