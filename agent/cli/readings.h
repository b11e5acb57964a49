// The readings that a store still has: those of its log, and, where the quota took originals, what stands for
// them in stream backfill, coarser.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/path.h"
#include "model/series.h"
#include "store/database.h"
#include "weir/v1/log.pb.h"

namespace weir::cli {

struct SignalName {
  std::string path, unit;
  bool wanted = true;  // matches the pattern
};

// One signal's readings, thinned: for each interval, which begins at the time that stands there, the mean (or the
// last value, where there is none), and how many readings that was.
struct Thinned {
  Nanoseconds interval = 0;
  model::Series values;
  std::vector<double> min, max;  // none if only the last value is left
  std::vector<std::int64_t> counts;
};

class Readings {
 public:
  struct Handlers {
    std::function<void(const SignalName&, const model::Series&)> series;
    std::function<void(const SignalName&, const Thinned&)> thinned;  // may be empty: they are not looked at
    std::function<void(const std::string&)> wrong;                   // what could not be read
  };

  // Only signals that match; all of them without a pattern.
  Readings(store::Database& database, std::optional<model::PathPattern> pattern)
      : database_(database), pattern_(std::move(pattern)) {}

  // Calls the handlers with what was committed in `begin` or later, in the order in which it was committed (what is
  // thinned comes first, being older). Series are whole: they may hold readings of other times, too. False if a part
  // could not be read.
  bool run(store::LogId begin, const Handlers& handlers);

  // The signals that came by, by path; complete after run().
  const std::map<model::SignalId, SignalName>& names() const { return names_; }

 private:
  void complain(const std::string& what);
  void define(const v1::SignalDefined& defined);
  const SignalName& name(model::SignalId signal);
  void read_snapshot();
  void read_backfill();
  void read_log(store::LogId begin);
  Result<void> take(const store::LogRow& row, bool readings_too);
  Result<void> take_thinned(std::string_view body);

  store::Database& database_;
  const std::optional<model::PathPattern> pattern_;
  const Handlers* handlers_ = nullptr;
  std::map<model::SignalId, SignalName> names_;
  store::LogId named_through_ = 0;  // signals that were defined up to here are known
  v1::Commit commit_;
  v1::RawRecord raw_;
  std::vector<model::Series> series_;
  int failures_ = 0;
  std::string last_failure_;
};

// "2026-11-21T01:18:39Z", or a duration: so long ago. `option` is how it is called, for the error.
Result<Timestamp> parse_when(std::string_view option, const std::string& text, Timestamp now);

// A pattern as in rules; * is {}.
Result<model::PathPattern> parse_pattern(std::string_view option, std::string text);

}  // namespace weir::cli
