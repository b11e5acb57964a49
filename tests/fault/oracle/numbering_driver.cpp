// A driver that numbers its readings, so that each can be told from all others wherever it turns up, and
// that keeps a journal of what it made.
#include <cstdio>
#include <fstream>
#include <memory>

#include <unistd.h>

#include "base/file.h"
#include "journal.h"
#include "sdk/driver.h"
#include "sdk/options.h"

namespace weir::oracle {
namespace {

constexpr const char* kSchema = R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Options of the numbering driver",
  "type": "object",
  "additionalProperties": false,
  "required": ["folder"],
  "properties": {
    "folder": {"type": "string", "description": "Where its journal is"},
    "interval": {"type": "string", "default": "10ms", "description": "Between two readings of each signal"}
  }
})";

class NumberingDriver final : public sdk::Driver {
 public:
  NumberingDriver(std::filesystem::path folder, Nanoseconds interval)
      : folder_(std::move(folder)), interval_(interval) {
    for (std::size_t i = 0; i < kSignals; ++i) {
      model::Signal signal;
      signal.path = signal_path(i);
      signal.type = model::ValueType::integer;
      signals_.push_back(std::move(signal));
    }
  }

  const std::vector<model::Signal>& signals() const override { return signals_; }

  void run(sdk::Link& link) override {
    const std::uint32_t life = next_life();
    Journal journal(journal_file(folder_));
    std::uint32_t n = 0;
    Nanoseconds next = link.clock().boottime();
    do {
      if (n == 0 || ::access(pause_file(folder_).c_str(), F_OK) != 0) cycle(link, journal, life, n);
      next += interval_;
    } while (link.wait_until(next));
  }

 private:
  std::uint32_t next_life() const {
    std::uint32_t life = 0;
    std::ifstream(lives_file(folder_)) >> life;
    ++life;
    if (auto written = write_volatile_file(lives_file(folder_), std::to_string(life)); !written)
      throw std::runtime_error(written.error().text());
    return life;
  }

  void cycle(sdk::Link& link, Journal& journal, std::uint32_t life, std::uint32_t& n) {
    std::vector<model::Reading> readings;
    for (const model::Signal& signal : signals_) {
      // No two at the same instant: a gap is told by times, and is exact only then.
      time_ = std::max(time_ + 1, link.clock().now());
      readings.push_back({time_, numbered(life, ++n), model::kGood});
      journal.add({signal.path, numbered(life, n), time_});
    }
    journal.write();
    for (std::size_t i = 0; i < readings.size(); ++i) link.publish(i, readings[i]);
  }

  std::filesystem::path folder_;
  Nanoseconds interval_;
  std::vector<model::Signal> signals_;
  Timestamp time_ = 0;
};

std::unique_ptr<sdk::Driver> configure(const Node& node, Diagnostics& diagnostics) {
  sdk::Options options(node, diagnostics);
  options.required("folder");
  const std::string folder = options.text("folder", "");
  const Nanoseconds interval =
      options.duration("interval", 10 * kMillisecond, {.least = kMillisecond, .most = kMinute});
  options.finish();
  if (has_errors(diagnostics)) return nullptr;
  return std::make_unique<NumberingDriver>(folder, interval);
}

}  // namespace
}  // namespace weir::oracle

int main(int argc, char** argv) {
  return weir::sdk::run(
      argc, argv,
      {"numbering", "Numbers its readings, for the tests", weir::oracle::kSchema, weir::oracle::configure});
}
