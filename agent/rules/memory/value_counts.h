// How often each value came: for quantiles, the mode and the number of different values. Bounded in size; what
// was added can be taken away again, so that it serves windows that slide.
//
// Up to kExactValues different values are kept as they are. Beyond, for quantiles, they become buckets of a
// DDSketch (C. Masson, J. E. Rim, H. K. Lee, PVLDB 12, 2019): a quantile is then within kQuantileError of the true
// value. If those first values lie within a factor of two of each other, as of air pressure, or a grid's frequency,
// buckets are of the distance from their median, else small changes beside a large offset would share one; the error
// is then relative to that distance. It is twice that for what is added from buckets around another median. All this
// holds as long as magnitudes span less than about eight decades (four, if both signs come); where they span more,
// the smallest share a bucket. Once in buckets, it stays so until it is empty.
//
// One object serves one purpose: what is added first tells which. Values that are not finite are ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace weir::rules {

inline constexpr std::size_t kExactValues = 128;
inline constexpr double kQuantileError = 0.005;   // of the value, or of its distance from the middle
inline constexpr std::size_t kMostValues = 1024;  // of mode and distinct; what comes beyond is not told apart
inline constexpr std::size_t kMostBuckets = 2048;
inline constexpr std::size_t kMostTextBytes =
    65'536;  // of different texts, together; what comes beyond is not told apart

class ValueCounts {
 public:
  // For quantiles.
  void add(double value, std::uint64_t times = 1);
  void remove(double value, std::uint64_t times = 1);

  // From here on it keeps values as that one does: what was added to that one by itself can go as part of this.
  void keep_as(const ValueCounts& other);

  // For the mode and the number of different values; numbers or texts, not both.
  void add_exact(double value, std::uint64_t times = 1);
  void add_text(const std::string& value, std::uint64_t times = 1);
  void remove_exact(double value, std::uint64_t times = 1);
  void remove_text(const std::string& value, std::uint64_t times = 1);

  void add(const ValueCounts& other);     // all that is in it
  void remove(const ValueCounts& other);  // all that was added with it

  // 0 … 1: the value at rank q·(n−1), between neighbours interpolated. Not of nothing.
  double quantile(double q) const;
  // The value that came most often, and how often; of several the least.
  std::pair<double, std::uint64_t> mode() const;
  const std::string* text_mode() const;  // null: there is none
  std::size_t distinct() const;
  bool overflowed() const;  // there were more different ones than can be told apart
  std::uint64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  std::size_t bytes() const;

  void save(std::string& out) const;
  bool restore(ByteReader& in);  // false if it is damaged

 private:
  enum class Use : std::uint8_t { nothing, quantiles, exact, texts };

  void insert(double kept, std::uint64_t times);
  void take_out(double kept, std::uint64_t times);
  void bound();
  double kept(double value) const;
  double snap(double distance) const;
  double shown(std::size_t i) const;
  double from(const ValueCounts& other, std::size_t i) const;
  void use_buckets(double middle, double floor);
  void merge_equal();
  void shrink();
  void forget_if_empty();

  std::vector<double> values_;        // ascending; in buckets: the distance that stands for each
  std::vector<std::uint32_t> times_;  // of each value; saturate
  std::map<std::string, std::uint32_t> texts_;
  std::size_t text_bytes_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t others_ = 0;  // what could not be told apart
  double middle_ = 0;         // of buckets: what distances are from
  double floor_ = 0;          // lesser distances but zero share its bucket
  Use use_ = Use::nothing;
  bool buckets_ = false;
};

}  // namespace weir::rules
