#include "detect/surprise.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "detect/saved.h"

namespace weir::detect {
namespace {

constexpr double kTop = 0.02;                   // of all magnitudes: what the tail is judged by
constexpr double kFlattest = 1, kSteepest = 8;  // exponents of the tail
constexpr double kLeast = 1e-12, kMost = 1e12;  // magnitudes beyond are taken for these
constexpr double kGone = 0.01;                  // of a reading: it has faded away
constexpr double kHeaviest = 1e6;               // weight at which all is scaled down

}  // namespace

double Surprise::place(double magnitude) {
  return std::log2(std::clamp(magnitude, kLeast, kMost)) * kPerOctave + kBinOfOne;
}

int Surprise::bin(double place) { return std::clamp(static_cast<int>(std::floor(place)), 0, kBins - 1); }

double Surprise::of(double magnitude) const {
  if (learned_ < kLearn || !(magnitude > 0)) return 0;
  const double at = place(magnitude);
  const int own = bin(at);

  double above = 0;  // of the bins beyond its own
  for (int i = kBins - 1; i > own; --i) above += bins_[i];
  const double rest = bins_[own] * (1 - std::clamp(at - own, 0.0, 1.0));
  const double seen = -std::log10((above + rest + 0.5 * weight_) / (total_ + weight_));
  if (above + rest > kGone * weight_) return seen;

  int top = kBins - 1;  // the bin in which the top begins
  double in_top = 0;    // in those beyond it
  for (; top > 0 && in_top + bins_[top] < kTop * total_; --top) in_top += bins_[top];
  if (own <= top) return seen;
  constexpr double kBin = std::numbers::ln2 / kPerOctave;
  double far = 0;  // how far the top reaches, in all
  for (int i = top + 1; i < kBins; ++i) far += bins_[i] * (i - top - 0.5) * kBin;
  const double exponent = std::clamp((in_top + weight_) / (far + 0.25 * weight_), kFlattest, kSteepest);
  const double share = std::max(in_top, 0.5 * weight_) / total_;
  return -std::log10(share) + exponent * std::max(0.0, at - (top + 1)) * kBin / std::numbers::ln10;
}

void Surprise::learn(double magnitude) {
  if (delay_ == 0) return take_in(magnitude);
  if (waits_ == delay_) {
    take_in(waiting_.front());
    std::shift_left(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(delay_), 1);
    --waits_;
  }
  waiting_[waits_++] = magnitude;
}

void Surprise::take_in(double magnitude) {
  static const double kGrowth = std::exp2(1 / kHalfLife);
  learned_ = std::min(learned_ + 1, kLearn);
  weight_ *= kGrowth;
  if (weight_ > kHeaviest) {
    for (float& bin : bins_) bin = static_cast<float>(bin / weight_);
    total_ /= weight_;
    weight_ = 1;
  }
  bins_[magnitude > 0 ? bin(place(magnitude)) : 0] += static_cast<float>(weight_);
  total_ += weight_;
}

double Surprise::usual() const {
  double below = 0;
  for (int i = 0; i < kBins; ++i) {
    below += bins_[i];
    if (below > 0.5 * total_) return i == 0 ? 0 : std::exp2((i + 0.5 - kBinOfOne) / kPerOctave);
  }
  return 0;
}

void Surprise::save(std::string& out) const {
  put_varint(out, learned_);
  put_double(out, total_);
  put_double(out, weight_);
  put_varint(out, waits_);
  for (std::size_t i = 0; i < waits_; ++i) put_double(out, waiting_[i]);
  put_varint(out, std::ranges::count_if(bins_, [](float bin) { return bin > 0; }));
  for (int i = 0; i < kBins; ++i) {
    if (!(bins_[i] > 0)) continue;
    put_varint(out, static_cast<std::uint64_t>(i));
    put_fixed32(out, std::bit_cast<std::uint32_t>(bins_[i]));
  }
}

bool Surprise::restore(ByteReader& in) {
  constexpr double kFullest = 1e12;
  std::uint64_t filled = 0;
  if (!read(in, learned_, kLearn) || !read(in, total_, 0, kFullest) || !read(in, weight_, 1, 2 * kHeaviest) ||
      !read(in, waits_, delay_))
    return false;
  for (std::size_t i = 0; i < waits_; ++i)
    if (!read(in, waiting_[i], 0, kMost)) return false;
  if (!read(in, filled, kBins)) return false;
  bins_.fill(0);
  for (; filled > 0; --filled) {
    std::uint64_t at = 0;
    if (!read(in, at, kBins - 1)) return false;
    bins_[at] = std::bit_cast<float>(in.fixed32());
    if (!(bins_[at] > 0 && bins_[at] <= kFullest)) return false;
  }
  return in.ok() && (total_ > 0 || learned_ == 0);
}

}  // namespace weir::detect
