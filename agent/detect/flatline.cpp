#include <algorithm>
#include <cmath>

#include "detect/simple_detector.h"
#include "detect/simple_detectors.h"

namespace weir::detect {
namespace {

constexpr double kTimesUsual = 10;
constexpr double kForget = 0.02;  // of the usual time between changes, with each change
constexpr std::uint64_t kLearn = 10;

class Flatline final : public SimpleDetector {
 public:
  explicit Flatline(const Settings& settings)
      : SimpleDetector(settings.window ? static_cast<double>(*settings.window) / kSecond : kTimesUsual),
        absolute_(settings.window.has_value()) {}

  std::size_t bytes() const override { return sizeof *this; }

 private:
  std::optional<double> measure(Timestamp, double seconds, double value) override {
    unchanged_ += seconds;
    if (value != last_ || seconds == 0) {
      // How long the first value had been there is not known.
      if (changes_ > 0) {
        const double part = std::max(kForget, 1.0 / static_cast<double>(std::min(changes_, kLearn)));
        usual_ += part * (unchanged_ - usual_);
      }
      changes_ = seconds == 0 ? 0 : std::min(changes_ + 1, kLearn + 1);
      unchanged_ = 0;
      last_ = value;
    }
    if (absolute_) return unchanged_;
    if (changes_ <= kLearn) return std::nullopt;
    return unchanged_ / usual_;
  }

  std::string describe() const override {
    const std::string what = "unchanged at " + number_text(last_) + " for " + seconds_text(unchanged_);
    if (absolute_) return what + "; " + seconds_text(limit()) + " would be fine";
    return what + ", " + number_text(excess()) + " times the usual " + seconds_text(usual_);
  }

  void save_state(std::string& out) const override {
    put_varint(out, changes_);
    put_numbers(out, {last_, unchanged_, usual_});
  }
  bool restore_state(ByteReader& in) override {
    changes_ = in.varint();
    return changes_ <= kLearn + 1 && read_numbers(in, {&last_, &unchanged_, &usual_}) && unchanged_ >= 0 &&
           usual_ >= 0 && (usual_ > 0 || changes_ <= kLearn) && std::fabs(last_) <= kFarthest;
  }

  bool absolute_;
  std::uint64_t changes_ = 0;  // up to kLearn + 1; the first tells no time
  double last_ = 0;
  double unchanged_ = 0, usual_ = 0;  // seconds
};

}  // namespace

std::unique_ptr<Detector> make_flatline(const Settings& settings) { return std::make_unique<Flatline>(settings); }

}  // namespace weir::detect
