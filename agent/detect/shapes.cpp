#include "detect/shapes.h"

#include <algorithm>
#include <cmath>

#include "detect/saved.h"
#include "detect/simple_detector.h"

namespace weir::detect {
namespace {

double between(const Shapes::Shape& a, const Shapes::Shape& b) {  // mean square
  double sum = 0;
  for (int i = 0; i < Shapes::kLength; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum / Shapes::kLength;
}

}  // namespace

double Shapes::distance(const Shape& shape) const {
  if (known_.empty()) return 0;
  double least = between(shape, known_.front());
  for (const Shape& known : known_) least = std::min(least, between(shape, known));
  return std::sqrt(least);
}

void Shapes::learn(const Shape& shape, double distance) {
  if (!known_.empty() && distance <= radius_) return;
  known_.push_back(shape);
  if (known_.size() > kMost) merge();
}

void Shapes::merge() {
  double least = between(known_[0], known_[1]);
  for (std::size_t i = 1; i < known_.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) least = std::min(least, between(known_[i], known_[j]));
  radius_ = std::max(1.5 * radius_, 1.0001 * std::sqrt(least));  // so that two at least fall together

  std::size_t kept = 0;
  for (std::size_t i = 0; i < known_.size(); ++i) {
    const auto end = known_.begin() + static_cast<std::ptrdiff_t>(kept);
    const bool near = std::any_of(
        known_.begin(), end, [&](const Shape& other) { return std::sqrt(between(known_[i], other)) <= radius_; });
    if (!near) known_[kept++] = known_[i];
  }
  known_.resize(kept);
}

void Shapes::save(std::string& out) const {
  put_double(out, radius_);
  put_varint(out, known_.size());
  for (const Shape& shape : known_)
    for (const double value : shape) put_double(out, value);
}

bool Shapes::restore(ByteReader& in) {
  std::uint64_t count = 0;
  if (!read(in, radius_, 0, 4 * kFarthest) || !read(in, count, kMost)) return false;
  known_.resize(count);
  for (Shape& shape : known_)
    for (double& value : shape)
      if (!read(in, value, -kFarthest, kFarthest)) return false;
  return true;
}

}  // namespace weir::detect
