// Whether readings can be what they claim to be (`valid:`), and what stands in for those that cannot (`repair:`).
//
// Marks readings before rules and the cloud see them: their quality becomes uncertain or bad, with the reason as an
// OPC UA StatusCode; the value itself is never touched, and a quality never becomes better. Pure like the engine: the
// same readings in the same order are marked the same, and what is marked already is marked the same again, so that a
// replay of the log changes nothing. Not thread-safe.
//
//   finding                                  mark
//   another type than the profile's          bad: type mismatch
//   outside `range`, not `allowed`, NaN      bad: out of range
//   outside `likely`                         uncertain: out of range
//   a faster change than `rate`              uncertain: not accurate
//   unchanged for `stuck`                    uncertain: last usable value
//   of a signal that the profile has not     as `others` says
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "model/path.h"
#include "model/series.h"
#include "model/signal.h"
#include "model/unit.h"
#include "rules/hash.h"
#include "rules/language/event_time.h"
#include "rules/language/template.h"

namespace weir::rules {

enum class Repair : std::uint8_t {
  none,
  hold,         // the last usable value, until there is another
  interpolate,  // on the line between the usable values around it; goes out when the second of them is there
  limit         // the nearest end of `range`; what is bad for another reason is held
};

// What one signal of a profile has to be like.
struct Check {
  model::PathPattern pattern;
  std::optional<Type> type;
  std::optional<model::Unit> unit;  // of range, likely and rate; none: the signal's own
  std::optional<std::pair<double, double>> range, likely;
  std::optional<double> rate;  // per second
  Nanoseconds stuck = 0;
  std::vector<double> allowed;
  std::vector<std::string> allowed_texts;
  Repair repair = Repair::none;
  PathTemplate repaired;
  Hash128 key;  // of all that
};

struct Profile {
  std::string device;  // a pattern of one level: "boiler-{n}"
  std::vector<Check> checks;
  std::optional<model::Quality> others;  // of signals that it does not name; none: they are fine
};

struct ValiditySet {
  std::vector<Profile> profiles;  // no two for one device
};

// Of a corrected signal.
struct Repaired {
  model::SignalId source;
  model::Reading reading;
};

inline constexpr std::size_t kMostUnrepaired = 4096;  // readings that wait for the next usable one

class Validity {
 public:
  // The state of signals whose check is the same stays. All signals are to be defined again.
  void install(std::shared_ptr<const ValiditySet> set);

  // The path of its corrected signal; empty if it has none.
  std::string define(model::SignalId id, const model::Signal& signal);

  // True if a mark was made.
  bool mark(model::Series& series);

  // What goes out beside readings that were marked.
  void repair(const model::Series& series, std::vector<Repaired>& out);

  void save(std::string& out) const;
  bool restore(ByteReader& in);  // false if it is damaged

 private:
  struct State {
    const Check* check = nullptr;
    Hash128 key;
    model::Quality others{};
    model::Conversion conversion;  // from the signal's unit to that of the check
    bool convertible = true;
    Timestamp last = kLongAgo, unchanged_since = 0;  // of usable readings
    double value = 0;
    std::uint64_t text = 0;  // a hash of it
    bool usable = false;     // there is a value to hold
    Timestamp usable_time = 0;
    model::Value usable_value;
    std::vector<std::pair<Timestamp, std::uint32_t>> waiting;  // to be interpolated
  };

  State* find(model::SignalId id);
  static std::optional<model::Value> limit(const State& state, const model::Reading& reading);
  static model::Quality judge(State& state, Timestamp time, model::Quality quality, double number,
                              const std::string* text, model::ValueType type);

  std::shared_ptr<const ValiditySet> set_ = std::make_shared<ValiditySet>();
  std::vector<std::uint32_t> index_;  // by signal: 1 + its place in states_; 0: none
  std::vector<State> states_;
};

}  // namespace weir::rules
