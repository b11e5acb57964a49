// What one rule knows: its groups, in dense arrays, and what a reading or the passing of time does to
// one of them.
//
// A group lives in event time. What happens in it happens in the order of event time: readings that
// are due, windows that end, a `for` that runs out, an input that expires; so the outputs are the same
// whether a reading or a tick made the time pass.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "model/series.h"
#include "rules/engine.h"
#include "rules/rule_set.h"
#include "rules/timers.h"

namespace weir::rules {

// An input that has sent nothing for so long holds back its group no longer; and time that passes
// without readings counts with this delay, so that what is on the way arrives first.
inline constexpr Nanoseconds kIdleAfter = kSecond;

// Event times beyond it (years 1824 to 2116) are refused, so that times and durations can be added.
inline constexpr Timestamp kFarthest = std::int64_t{1} << 62;

// A reading that a rule emitted and that another rule reads.
struct Derived {
  std::uint32_t node;
  model::Reading reading;
};

// Where the effects of a step go.
struct Sink {
  Outputs& outputs;
  Counters& counters;
  std::vector<Derived>& derived;
  const std::vector<std::string>& units;
};

enum class Phase : std::uint8_t { idle, pending, active };

struct Group {
  const std::string* captures = nullptr;  // joined by '/'; the key of the index
  Timestamp newest = kLongAgo;            // event time of the newest reading
  Nanoseconds newest_at = 0;              // when it came, on the engine's own clock
  Timestamp judged = kLongAgo;            // event time of the last judgement
  Timestamp passed = kLongAgo;            // readings at or before it come too late
  Timestamp since = 0;                    // when the condition began; pending or active
  Timestamp clearing = kNever;            // when it began to be clear; kNever: it is not
  Timestamp window_end = kNever;          // kNever: no window is open
  std::uint32_t timer = Timers::kNowhere;
  Phase phase = Phase::idle;
  bool uncertain = false;
};

class RuleState {
 public:
  explicit RuleState(const Rule& rule) : rule_(&rule) { resize_inputs(); }

  const Rule& rule() const { return *rule_; }
  // Another rule of the same key: another message, perhaps.
  void replace_rule(const Rule& rule) { rule_ = &rule; }

  std::size_t size() const { return groups_.size(); }
  Group& group(std::uint32_t g) { return groups_[g]; }
  const Group& group(std::uint32_t g) const { return groups_[g]; }
  void set_unit(std::uint32_t g, std::uint16_t slot, std::uint16_t unit) { slots_[g * rule_->inputs.size() + slot].unit = unit; }
  bool set_derived(std::uint32_t g, std::size_t emit, std::uint32_t node);
  std::uint32_t derived(std::uint32_t g, std::size_t emit) const { return derived_[g * rule_->emits.size() + emit]; }
  void forget_bindings();  // of inputs and of derived signals; to be made anew

  // What another group knows of an input that is common to both.
  void copy_input(std::uint32_t from, std::uint32_t to, std::uint16_t slot);

  // The group of these captures; kNowhere if there is none and there may be no more.
  std::uint32_t find_or_create(const std::string& captures, bool& created);
  std::vector<std::string_view> captures_of(std::uint32_t g) const;

  // Readings of one input of one group, in the order in which they came.
  void feed(std::uint32_t g, std::uint16_t slot, const model::Series& series, Nanoseconds now, Sink& sink);
  void feed(std::uint32_t g, std::uint16_t slot, const model::Reading& reading, Nanoseconds now, Sink& sink);

  // Lets the time pass that has passed on the engine's own clock.
  void pass_time(std::uint32_t g, Nanoseconds now, Sink& sink);

  // When pass_time() may have something to do; kNever: nothing waits.
  Nanoseconds wake_time(std::uint32_t g) const;

  void active_alerts(std::vector<AlertEvent>& out) const;

  void save(std::string& out, const Timers& timers) const;
  // False if it is damaged. Puts the wake times of groups (kNever: none) in `wakes`.
  bool restore(ByteReader& in, Nanoseconds now, std::vector<Nanoseconds>& wakes);

 private:
  struct Pending {               // a reading that waits for its order
    Timestamp time;
    double number;
    std::uint32_t quality;
    std::uint16_t slot;
    std::unique_ptr<std::string> text;
  };
  struct Backlog {               // ascending by time and slot, from `begin` on
    std::vector<Pending> readings;
    std::size_t begin = 0;
    // What the group's newest event time was a while ago: of what is `settled`, nobody waits for an idle
    // input any longer. By arrival, and not by event time: series of one batch come one after the other.
    Timestamp settled = kLongAgo, staged = kLongAgo;
    Nanoseconds staged_at = 0;
    bool empty() const { return begin == readings.size(); }
  };
  struct Active {                // what only a raised alert needs
    std::string message;
    Timestamp time;              // of its last change
  };
  struct Incoming {
    Timestamp time;
    double number;
    const std::string* text;
    std::uint32_t quality;
  };

  void resize_inputs();
  Incoming admit(std::uint16_t slot, Timestamp time, model::Quality quality, double number, const std::string* text,
                 model::ValueType type, Sink& sink) const;
  template <class T>
  std::size_t skip_quiet(std::uint32_t g, const model::Series& series, const std::vector<T>& column, std::size_t begin,
                         Nanoseconds now);
  void take(std::uint32_t g, std::uint16_t slot, const Incoming& reading, Nanoseconds now, Sink& sink);
  void hold_back(std::uint32_t g, std::uint16_t slot, const Incoming& reading, Nanoseconds now, Sink& sink);
  void store(std::uint32_t g, std::uint16_t slot, Timestamp time, double number, std::uint32_t quality, const std::string* text);
  void settle(std::uint32_t g, Nanoseconds now);
  Timestamp watermark(std::uint32_t g, Nanoseconds now) const;
  void drain(std::uint32_t g, Timestamp watermark, Sink& sink);
  void release_first(std::uint32_t g, Sink& sink);
  void event(std::uint32_t g, Timestamp time, std::uint32_t fresh, Sink& sink);
  void pass(std::uint32_t g, Timestamp until, bool inclusive, Sink& sink);
  void open_window(std::uint32_t g, Timestamp time);
  void close_window(std::uint32_t g, Sink& sink);
  void judge(std::uint32_t g, Timestamp time, Sink& sink);
  void run_out(std::uint32_t g, Timestamp time, Sink& sink);
  Timestamp alert_deadline(const Group& group) const;
  Timestamp expiry(std::uint32_t g) const;
  Scene scene(std::uint32_t g, Timestamp time, Sink& sink) const;
  void emit(std::uint32_t g, std::size_t index, Timestamp time, const Result3& value, Sink& sink);
  void change(std::uint32_t g, Timestamp time, const char* what, Sink& sink);
  AlertEvent alert_event(std::uint32_t g, Timestamp time, const char* what, const std::string& message) const;

  bool keeps_results() const { return rule_->window > 0 && rule_->alert.has_value(); }

  const Rule* rule_;
  bool threshold_ = false;                      // the rule is `t > 90` and an alert, nothing else
  std::uint32_t judged_inputs_ = 0;             // bit i: when or clear reads input i
  std::vector<Group> groups_;
  std::vector<Slot> slots_;                     // inputs of a group side by side
  std::vector<std::string> texts_;              // likewise, where any input is a text
  std::vector<Accumulator> accumulators_;       // aggregates of a group side by side
  std::vector<Result3> results_;                // of the last window, where an alert speaks of it
  std::vector<Result3> results_now_;            // of the window that ends, while it does
  std::vector<Backlog> backlogs_;               // where readings wait for their order
  std::vector<std::uint32_t> derived_;          // where others read what this emits
  std::unordered_map<std::string, std::uint32_t> index_;
  std::unordered_map<std::uint32_t, Active> active_;
};

}  // namespace weir::rules
