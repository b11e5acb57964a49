// How often each value came: for quantiles, the mode and the number of different values. Bounded in size; what
// was added can be taken away again, so that it serves windows that slide.
//
// Up to kExactValues different values are kept as they are. Beyond, for quantiles, they become buckets of a
// DDSketch (C. Masson, J. E. Rim, H. K. Lee, PVLDB 12, 2019): a quantile is then within kQuantileError of the
// true value, as long as the magnitudes span less than about nine decades; below that the smallest share a bucket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace weir::rules {

inline constexpr std::size_t kExactValues = 128;
inline constexpr double kQuantileError = 0.005;   // relative to the value
inline constexpr std::size_t kMostValues = 1024;  // of mode and distinct; what comes beyond is not told apart
inline constexpr std::size_t kMostBuckets = 2048;

// Numbers for quantiles, in buckets when there are many.
class ValueCounts {
 public:
  // For quantiles.
  void add(double value, std::uint64_t times = 1);
  void remove(double value, std::uint64_t times = 1);

  // For the mode and the number of different values; numbers or texts, not both.
  void add_exact(double value);
  void add_text(const std::string& value);

  void add(const ValueCounts& other);       // all that is in it
  void remove(const ValueCounts& other);    // all that was added with it

  double quantile(double q) const;          // 0 … 1, the value at rank q·(n−1), between neighbours interpolated
  std::pair<double, std::uint64_t> mode() const;
  const std::string* text_mode() const;     // null: there is none
  std::size_t distinct() const;
  bool overflowed() const;                  // there were more different ones than can be told apart
  std::uint64_t count() const;
  bool empty() const { return count() == 0; }
  std::size_t bytes() const;

  void save(std::string& out) const;
  bool restore(ByteReader& in);
};

}  // namespace weir::rules
