// A memory of the shapes that a series has taken: which short stretch is like none before?
//
// At most kMost shapes that stand for all: one that is farther than a radius from each of them joins; when they are
// too many, the radius grows and near ones fall together (the doubling algorithm of M. Charikar, C. Chekuri, T. Feder
// and R. Motwani, "Incremental clustering and dynamic information retrieval", STOC 1997). Novelty as the distance to
// the nearest known shape is that of exemplar learning (M. Jones et al., "Exemplar learning for extremely efficient
// anomaly detection in real-valued time series", Data Mining and Knowledge Discovery 30, 2016).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace weir::detect {

class Shapes {
 public:
  static constexpr int kLength = 8;
  static constexpr std::size_t kMost = 64;
  using Shape = std::array<double, kLength>;

  Shapes() { known_.reserve(kMost + 1); }

  double distance(const Shape& shape) const;        // to the nearest, root mean square; 0 if none is known
  void learn(const Shape& shape, double distance);  // its distance() as of now

  void save(std::string& out) const;
  bool restore(ByteReader& in);
  std::size_t bytes() const { return known_.capacity() * sizeof(Shape); }

 private:
  void merge();

  std::vector<Shape> known_;
  double radius_ = 0;
};

}  // namespace weir::detect
