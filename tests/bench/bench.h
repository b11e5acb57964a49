// The frame of weir-bench. A subcommand is a file with one function add_NAME(): it adds the subcommand with its
// options, and a callback that measures and puts rows into the report. Declare it here, call it in main.cpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace weir::bench {

struct Row {
  std::string name;  // as in the table of budgets
  std::string unit;
  double figure = 0;
  double floor = 0;  // the least that the same could take, measured in the same run; 0: there is none
  double ratio = 0;  // figure / floor
};

class Report {
 public:
  void add(std::string name, std::string unit, double figure, double floor);
  void note(const std::string& text);  // to stderr: what was skipped, and why

  // An aligned table, or an array of {"name","unit","figure","floor","ratio"}.
  void print(bool json) const;

 private:
  std::vector<Row> rows_;
};

// Nanoseconds that the quickest of `windows` runs takes.
double best_of(int windows, const std::function<void()>& run);

void add_codec(CLI::App& app, Report& report);
void add_seal(CLI::App& app, Report& report);
void add_store(CLI::App& app, Report& report);
void add_rules(CLI::App& app, Report& report);
void add_ingest(CLI::App& app, Report& report);
void add_alert_latency(CLI::App& app, Report& report);
void add_detect(CLI::App& app, Report& report);
void add_footprint(CLI::App& app, Report& report);

}  // namespace weir::bench
