// Readings of many signals, said in fewer values: min, mean, max and count of each interval.
//
// Intervals begin at multiples of their length since the Unix epoch. What an interval's values are, by form, is
// in weir/v1/log.proto at Thinned. Sums are compensated (A. Neumaier, "Rundungsfehleranalyse einiger Verfahren
// zur Summation endlicher Summen", ZAMM 54, 1974) and scaled, so that any doubles and any number of them add up
// without overflow. Takes what it is given in any order; memory is bounded (kMostHeld): past it, the intervals
// become longer.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "model/series.h"
#include "weir/v1/log.pb.h"

namespace weir::line {

// Each divides the next.
inline constexpr std::array<Nanoseconds, 6> kIntervals{10 * kSecond, kMinute, 10 * kMinute, kHour, 6 * kHour, kDay};

// Numbers (bools are 0 and 1) of one interval. Bad ones, NaN and infinities are not in it.
struct Summary {
  Timestamp begin = 0;
  double min = 0, max = 0;
  std::uint64_t count = 0;  // of those that are in it; 0: min, max and mean are nothing
  model::Quality quality;   // the worst of those that are in it
  model::Quality worst;     // of all

  void add(double value, model::Quality of);
  void add(double least, double mean, double most, std::uint64_t of, model::Quality theirs);
  void add(const Summary& other);
  double mean() const;

 private:
  void add_to_sum(double more);
  double sum = 0, rest = 0;  // times 2^-54; rest is what adding to sum lost
};

// Texts or byte strings of one interval.
struct Latest {
  Timestamp begin = 0;
  Timestamp time = 0;  // of the value: the latest that is not bad; if all are, the latest
  std::string value;
  std::uint64_t count = 0;  // of all
  model::Quality quality;   // of the value
  model::Quality worst;     // of all

  void add(Latest&& later);
};

class Thinning {
 public:
  // How many series a signal has in this form; 0: there is no such form.
  static std::size_t series_of(v1::Thinned::Form form);
  // Whether they make sense together: a head, and the series of one signal.
  static bool check(const v1::Thinned& head, std::span<const model::Series> series);

  // Readings as they were, or what check() found fine. False: they are more than can be held, and this is spoilt.
  bool add(const model::Series& readings);
  bool add(const v1::Thinned& head, std::span<const model::Series> series);

  bool coarsen();  // to the next longer intervals; false: there are none

  void put(v1::RawRecord& out);  // replaces its thinned and readings

 private:
  template <class Interval>
  struct Signal {
    model::SignalId id = 0;
    std::vector<Interval> intervals;
    bool ascending = true;    // they are in order, each once
    std::size_t settled = 0;  // how many they were when that was seen to
    bool kept = true;         // `originals` has all of the readings
    model::Series originals;
  };
  using Numbers = Signal<Summary>;
  using Texts = Signal<Latest>;

  Numbers& numbers_of(model::SignalId id);
  Texts& texts_of(model::SignalId id, model::ValueType type);
  template <class Value>
  bool summarize(const model::Series& readings, const std::vector<Value>& values);
  template <class Value>
  bool keep_latest(const model::Series& readings, const std::vector<Value>& values);
  template <class Interval>
  Interval& interval_of(Signal<Interval>& signal, Timestamp begin);
  template <class Interval>
  void keep(Signal<Interval>& signal, const model::Series& readings);
  template <class Interval>
  void forget(Signal<Interval>& signal);
  template <class Interval>
  void settle(Signal<Interval>& signal, Nanoseconds interval);
  void settle();
  bool bound();

  std::size_t level_ = 0;  // of kIntervals
  std::size_t held_ = 0;   // bytes, about, and rather too many
  std::vector<Numbers> numbers_;
  std::unordered_map<model::SignalId, std::size_t> places_;  // in numbers_
  std::map<std::pair<model::SignalId, model::ValueType>, Texts> texts_;
};

}  // namespace weir::line
