#include "bench.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>

#include "base/document.h"
#include "base/json.h"

namespace weir::bench {

void Report::add(std::string name, std::string unit, double figure, double floor) {
  rows_.push_back({std::move(name), std::move(unit), figure, floor, floor > 0 ? figure / floor : 0});
}

void Report::note(const std::string& text) { std::fprintf(stderr, "weir-bench: %s\n", text.c_str()); }

void Report::print(bool json) const {
  if (json) {
    Node::List list;
    for (const Row& row : rows_) {
      Node::Map map;
      map.push_back({"name", {}, Node(row.name, {})});
      map.push_back({"unit", {}, Node(row.unit, {})});
      map.push_back({"figure", {}, Node(row.figure, {})});
      map.push_back({"floor", {}, row.floor > 0 ? Node(row.floor, {}) : Node()});
      map.push_back({"ratio", {}, row.floor > 0 ? Node(row.ratio, {}) : Node()});
      list.emplace_back(std::move(map), Position{});
    }
    std::printf("%s\n", to_json(Node(std::move(list), {})).c_str());
    return;
  }
  std::size_t widest = 4;
  for (const Row& row : rows_) widest = std::max(widest, row.name.size());
  const int width = static_cast<int>(widest);
  std::printf("%-*s  %12s  %12s  %8s  %s\n", width, "what", "figure", "floor", "ratio", "unit");
  for (const Row& row : rows_) {
    std::printf("%-*s  %12.3f", width, row.name.c_str(), row.figure);
    if (row.floor > 0) std::printf("  %12.3f  %8.3f", row.floor, row.ratio);
    else std::printf("  %12s  %8s", "-", "-");
    std::printf("  %s\n", row.unit.c_str());
  }
}

double best_of(int windows, const std::function<void()>& run) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < windows; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    best = std::min(best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace weir::bench
