#include "nab_score.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir::bench::nab {
namespace {

constexpr double kProbation = 0.15;
constexpr std::size_t kLongestProbation = 750;

// 1 far before, 0 at 0, -1 far behind.
double sigmoid(double y) { return y > 3 ? -1 : 2 / (1 + std::exp(5 * y)) - 1; }

double length(const Window& window) { return static_cast<double>(window.last - window.first); }

}  // namespace

File::File(std::string key, std::span<const double> scores, std::vector<Window> windows)
    : key_(std::move(key)), windows_(windows.size()) {
  std::ranges::sort(windows, {}, &Window::first);
  const auto probation =
      std::min(static_cast<std::size_t>(kProbation * static_cast<double>(scores.size())), kLongestProbation);
  const double most = sigmoid(-1);
  std::size_t next = 0;  // the first window that is not over
  for (std::size_t i = 0; i < scores.size(); ++i) {
    while (next < windows.size() && i > windows[next].last) ++next;
    Row row{scores[i], -1, -1};
    if (next < windows.size() && i >= windows[next].first) {
      const Window& window = windows[next];
      row.window = static_cast<int>(next);
      row.worth = sigmoid(-static_cast<double>(window.last - i + 1) / (length(window) + 1)) / most;
    } else if (next > 0) {
      const Window& window = windows[next - 1];
      row.worth = sigmoid(static_cast<double>(i - window.last) / std::max(1.0, length(window)));
    }
    if (i >= probation) rows_.push_back(row);
  }
}

Tally& Tally::operator+=(const Tally& other) {
  raw += other.raw;
  windows += other.windows;
  found += other.found;
  false_rows += other.false_rows;
  return *this;
}

double Tally::points(const Profile& profile) const {
  const double null = -profile.fn * static_cast<double>(windows);
  const double perfect = profile.tp * static_cast<double>(windows);
  return windows == 0 ? 0 : 100 * (raw - null) / (perfect - null);
}

Tally tally(const File& file, const Profile& profile, double threshold) {
  Tally out;
  out.windows = file.windows();
  int last = -1;  // windows come in order, and the first detection in one is the best
  for (const File::Row& row : file.rows()) {
    if (!(row.score >= threshold)) continue;
    if (row.window < 0) {
      out.raw += profile.fp * row.worth;
      ++out.false_rows;
    } else if (row.window != last) {
      out.raw += profile.tp * row.worth;
      ++out.found;
      last = row.window;
    }
  }
  out.raw -= profile.fn * static_cast<double>(out.windows - out.found);
  return out;
}

Tally tally(std::span<const File> files, const Profile& profile, double threshold) {
  Tally out;
  for (const File& file : files) out += tally(file, profile, threshold);
  return out;
}

double best_threshold(std::span<const File* const> files, const Profile& profile) {
  struct Point {
    double score;
    std::size_t window;  // of all files; npos: in none
    double worth;
  };
  constexpr auto kNone = static_cast<std::size_t>(-1);
  std::vector<Point> points;
  std::size_t windows = 0;
  for (const File* file : files) {
    for (const File::Row& row : file->rows())
      points.push_back(
          {row.score, row.window < 0 ? kNone : windows + static_cast<std::size_t>(row.window), row.worth});
    windows += file->windows();
  }
  std::ranges::stable_sort(points, std::ranges::greater(), &Point::score);
  std::vector<double> earned(windows, -profile.fn);
  double raw = 0, most = 0;  // beside nothing detected at all
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    if (point.window == kNone) {
      raw += profile.fp * point.worth;
    } else if (profile.tp * point.worth > earned[point.window]) {
      raw += profile.tp * point.worth - earned[point.window];
      earned[point.window] = profile.tp * point.worth;
    }
    const bool last_of_score = i + 1 == points.size() || points[i + 1].score != point.score;
    if (last_of_score && raw > most) most = raw, best = point.score;
  }
  return best;
}

Tally nested(std::span<const File> files, const Profile& profile, std::size_t folds) {
  Tally out;
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<const File*> others;
    for (std::size_t i = 0; i < files.size(); ++i)
      if (i % folds != fold) others.push_back(&files[i]);
    const double threshold = best_threshold(others, profile);
    for (std::size_t i = fold; i < files.size(); i += folds) out += tally(files[i], profile, threshold);
  }
  return out;
}

}  // namespace weir::bench::nab
