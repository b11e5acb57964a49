// The scoring of the Numenta Anomaly Benchmark (A. Lavin, S. Ahmad, "Evaluating Real-time Anomaly Detection
// Algorithms – the Numenta Anomaly Benchmark", ICMLA 2015).
//
// A row is a detection if its score reaches the threshold. A window with a detection earns by how early the first one
// is, a window without costs; a detection outside of windows costs by how far it is behind the last. The first 15 %
// of a file, 750 rows at most, do not count. 0 points: nothing detected at all; 100: each window at its first row.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace weir::bench::nab {

struct Profile {
  const char* name;
  double tp, fp, fn;  // what a window found earns, a false detection costs at most, a window missed costs
};
inline constexpr Profile kProfiles[] = {
    {"standard", 1, 0.11, 1}, {"reward low FP", 1, 0.22, 1}, {"reward low FN", 1, 0.11, 2}};

struct Window {
  std::size_t first, last;  // rows, both included
};

// What a detection in each row that counts would be worth.
class File {
 public:
  File(std::string key, std::span<const double> scores, std::vector<Window> windows);

  struct Row {
    double score;
    int window;    // -1: in none
    double worth;  // of a detection, before its weight: up to 1 in a window, down to -1 outside
  };
  const std::string& key() const { return key_; }
  const std::vector<Row>& rows() const { return rows_; }
  std::size_t windows() const { return windows_; }

 private:
  std::string key_;
  std::vector<Row> rows_;
  std::size_t windows_;
};

struct Tally {
  double raw = 0;
  std::size_t windows = 0, found = 0, false_rows = 0;
  Tally& operator+=(const Tally& other);
  double points(const Profile& profile) const;
};

Tally tally(const File& file, const Profile& profile, double threshold);
Tally tally(std::span<const File> files, const Profile& profile, double threshold);

// The threshold that earns most, the highest of those that earn the same.
double best_threshold(std::span<const File* const> files, const Profile& profile);

// Each file with the threshold that is best for those of the other folds; file i is of fold i % folds.
Tally nested(std::span<const File> files, const Profile& profile, std::size_t folds);

}  // namespace weir::bench::nab
