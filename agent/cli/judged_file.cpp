#include "cli/judged_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "csv/reader.h"
#include "csv/text.h"

namespace weir::cli {
namespace {

constexpr std::size_t kLongestShown = 40;

struct Columns {
  std::size_t time, value;
};

Result<Columns> find_columns(csv::Reader& reader) {
  if (auto header = reader.read_header(); !header) return std::unexpected(header.error());
  const auto time = reader.column("timestamp"), value = reader.column("value");
  if (time && value) return Columns{*time, *value};
  const std::string columns = to_utf8(join(reader.columns(), ", "), 200);
  return fail("it has no column '" + std::string(time ? "value" : "timestamp") + "'; there are: " + columns,
              columns.find_first_of(";\t") != columns.npos
                  ? "columns are separated by commas: timestamp,value"
                  : "the first line names the columns: timestamp,value; others are ignored");
}

std::string shown(std::string_view text) {
  return "'" + to_utf8(text, kLongestShown) + (text.size() > kLongestShown ? "…'" : "'");
}

class Judge {
 public:
  Judge(detect::Detector& detector, const JudgeHandlers& handlers) : detector_(detector), handlers_(handlers) {}

  void take(const csv::Reader& reader, const Columns& columns, csv::Reader::Step step) {
    const auto& fields = reader.fields();
    time_text_ = columns.time < fields.size() ? fields[columns.time] : std::string_view();
    value_text_ = columns.value < fields.size() ? fields[columns.value] : std::string_view();
    Timestamp time = 0;
    double value = 0;
    std::string why = step == csv::Reader::Step::wrong ? reader.wrong() : check(time, value);
    if (why.empty()) return judge(time, value);
    ++findings_.not_judged;
    in_alarm_ = false;
    if (handlers_.wrong) handlers_.wrong(reader.line(), why);
    write({}, "not judged: " + why);
  }

  Findings end() {
    keep_worst(findings_.worst, Findings::kWorst);
    return std::move(findings_);
  }

 private:
  // Why it is no reading that can be judged; empty if it is one.
  std::string check(Timestamp& time, double& value) {
    if (!csv::parse_time(time_text_, time)) return csv::no_time(time_text_);
    if (csv::trim(value_text_).empty()) return "it has no value";
    if (!csv::parse_number(value_text_, value)) return shown(value_text_) + " is no number";
    if (!std::isfinite(value)) return "its value is not finite";
    if (last_ && time == *last_) return "it has the same time as the reading before";
    if (last_ && time < *last_) {
      ++findings_.older;
      return "it is older than the reading before";
    }
    return {};
  }

  void judge(Timestamp time, double value) {
    last_ = time;
    const detect::Verdict verdict = detector_.judge(time, value);
    std::string reason;
    if (verdict.anomalous) reason = detector_.reason();
    if (findings_.readings++ == 0) findings_.first = time_text_;
    findings_.last.assign(time_text_);
    if (verdict.anomalous) alarm(verdict, reason);
    in_alarm_ = verdict.anomalous;
    if (handlers_.reading) handlers_.reading({time, value, verdict, reason});
    write(verdict, reason);
  }

  void alarm(const detect::Verdict& verdict, const std::string& reason) {
    if (!in_alarm_) {
      keep_worst(findings_.worst, Findings::kWorst);
      findings_.worst.emplace_back().from = time_text_;
      ++findings_.alarms;
    }
    Alarm& alarm = findings_.worst.back();
    alarm.until.assign(time_text_);
    if (alarm.readings++ > 0 && verdict.score <= alarm.score) return;
    alarm.score = verdict.score;
    alarm.value = value_text_;
    alarm.reason = reason;
  }

  void write(const detect::Verdict& verdict, std::string_view reason) {
    char score[32];
    char* const end = std::to_chars(score, score + sizeof score, verdict.score).ptr;
    row_.clear();
    row_ += csv::quoted(time_text_);
    row_ += ',';
    row_ += csv::quoted(value_text_);
    row_ += ',';
    row_.append(score, end);
    row_ += verdict.anomalous ? ",1," : ",0,";
    row_ += csv::quoted(reason);
    row_ += '\n';
    handlers_.row(row_);
  }

  detect::Detector& detector_;
  const JudgeHandlers& handlers_;
  Findings findings_;
  std::optional<Timestamp> last_;
  bool in_alarm_ = false;
  std::string_view time_text_, value_text_;
  std::string row_;
};

}  // namespace

void keep_worst(std::vector<Alarm>& alarms, std::size_t most) {
  while (alarms.size() > most) {
    auto least = alarms.begin();
    for (auto it = least; it != alarms.end(); ++it)
      if (it->score <= least->score) least = it;
    alarms.erase(least);
  }
}

Result<Findings> judge_file(std::istream& in, detect::Detector& detector, const JudgeHandlers& handlers) {
  csv::Reader reader(in);
  const auto columns = find_columns(reader);
  if (!columns) return std::unexpected(columns.error());
  handlers.row(kJudgedHeader);
  Judge judge(detector, handlers);
  for (csv::Reader::Step step; (step = reader.next()) != csv::Reader::Step::end;) judge.take(reader, *columns, step);
  Findings findings = judge.end();
  if (reader.broken()) return fail("it cannot be read to its end", "is the disk or the share still there?");
  if (findings.readings == 0)
    return fail("none of its " + std::to_string(findings.not_judged) + " rows is a reading",
                "a row is a time and a number: 2026-11-21T01:18:39Z,20.5");
  return findings;
}

}  // namespace weir::cli
