// A file of readings, judged: CSV in, CSV out, in the same memory for any size. Pure but for the streams.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "detect/detector.h"

namespace weir::cli {

inline constexpr std::string_view kJudgedHeader = "timestamp,value,anomaly_score,is_anomaly,reason\n";

// Readings one after the other that are anomalous.
struct Alarm {
  std::string from, until;  // as they stand in the file
  std::string value;        // of the most unusual of them, likewise
  double score = 0;
  std::string reason;
  std::uint64_t readings = 0;
};

struct Findings {
  std::uint64_t readings = 0;    // judged
  std::uint64_t not_judged = 0;  // rows that are no readings, or not later than the one before
  std::uint64_t older = 0;       // of those, the ones that are older
  std::uint64_t alarms = 0;
  std::vector<Alarm> worst;  // of the alarms, by time; at most kWorst
  std::string first, last;   // times as they stand in the file

  static constexpr std::size_t kWorst = 20;
};

// Those with the highest scores, and of equal ones the first, in the order in which they are.
void keep_worst(std::vector<Alarm>& alarms, std::size_t most);

struct JudgedReading {
  Timestamp time;
  double value;
  detect::Verdict verdict;
  std::string_view reason;  // if it is anomalous
};

struct JudgeHandlers {
  std::function<void(std::string_view)> row;                          // one of the output for each of the input
  std::function<void(const JudgedReading&)> reading = {};             // may be empty
  std::function<void(std::uint64_t, const std::string&)> wrong = {};  // line, why it is not judged; may be empty
};

// `in` has a header with the columns timestamp and value; others are ignored. Times and values are written as they
// stand there. A row that is not judged has score 0 and says why in its reason, so that rows agree.
Result<Findings> judge_file(std::istream& in, detect::Detector& detector, const JudgeHandlers& handlers);

}  // namespace weir::cli
