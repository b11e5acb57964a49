// What one rule knows: its groups, in dense arrays, and what a reading or the passing of time does to
// one of them.
//
// A group lives in event time. What happens in it happens in the order of event time: readings that
// are due, windows that end, a `for` that runs out, an input that expires; so the outputs are the same
// whether a reading or a tick made the time pass.
//
//   rule_state.cpp    groups and members, readings on their way in
//   rule_order.cpp    in which order: watermarks, what waits, what falls due
//   rule_judge.cpp    one event time: windows, what goes out
//   rule_alert.cpp    raised and cleared, what people do to alerts, writes
//   rule_revise.cpp   windows that are computed anew
//   rule_snapshot.cpp the state as bytes
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "detect/detector.h"
#include "model/series.h"
#include "rules/engine.h"
#include "rules/memory/sliding_window.h"
#include "rules/memory/step.h"
#include "rules/rule_set.h"
#include "rules/state/pending.h"
#include "rules/state/timers.h"

namespace weir::rules {

// An input that has sent nothing for so long holds back its group no longer; and time that passes
// without readings counts with this delay, so that what is on the way arrives first.
inline constexpr Nanoseconds kIdleAfter = kSecond;

inline constexpr std::uint32_t kNone = 0xFFFFFFFF;  // of groups, members, nodes
inline constexpr std::uint16_t kCannotConvert = 0xFFFF;

// A reading that a rule emitted and that another rule reads.
struct Derived {
  std::uint32_t node;
  model::Reading reading;
};

// Where the effects of a step go, and what it may look at.
struct Sink {
  Outputs& outputs;
  Counters& counters;
  std::vector<Derived>& derived;
  const std::vector<std::string>& units;
  const std::vector<model::Conversion>& conversions;
  Timestamp arrival = 0;  // wall clock
};

// As a value of that type.
model::Value value_of(const Result3& result, Type type);

enum class Phase : std::uint8_t { idle, pending, active };

struct Group {
  const std::string* captures = nullptr;  // joined by '/'; the key of the index
  Timestamp newest = kLongAgo;            // event time of the newest reading
  Nanoseconds newest_at = 0;      // when it came, on the engine's own clock; before the first: when the group began
  Timestamp judged = kLongAgo;    // event time of the last judgement
  Timestamp passed = kLongAgo;    // readings at or before it come too late
  Timestamp since = 0;            // when the condition began; pending or active
  Timestamp clearing = kNever;    // when it began to be clear; kNever: it is not
  Timestamp window_end = kNever;  // kNever: no window is open
  std::uint32_t timer = Timers::kNowhere;
  std::uint32_t window_count = 0;  // of a window {last: N}: readings so far
  Phase phase = Phase::idle;
  bool uncertain = false;
};

class RuleState {
 public:
  explicit RuleState(const Rule& rule) : rule_(&rule) { prepare(); }

  const Rule& rule() const { return *rule_; }
  // Another rule of the same key: another message, perhaps.
  void replace_rule(const Rule& rule) {
    rule_ = &rule;
    prepare();
  }

  std::size_t size() const { return groups_.size(); }
  Group& group(std::uint32_t g) { return groups_[g]; }
  const Group& group(std::uint32_t g) const { return groups_[g]; }
  std::size_t members(std::uint32_t g) const { return rule_->members ? members_[g].all.size() : 0; }
  const std::string& member_name(std::uint32_t g, std::uint32_t m) const { return members_[g].all[m].name; }
  void set_unit(std::uint32_t g, std::uint32_t member, std::uint16_t slot, std::uint16_t unit,
                std::uint16_t conversion);
  void set_derived(std::uint32_t g, std::size_t emit, std::uint32_t node);
  std::uint32_t derived(std::uint32_t g, std::size_t emit) const { return derived_[g * rule_->emits.size() + emit]; }
  void forget_bindings();  // of inputs and of derived signals; to be made anew

  // What another group knows of an input that is common to both.
  void copy_input(std::uint32_t from, std::uint32_t to, std::uint16_t slot);

  // The group of these captures, and the member of that group; kNone if there is none and there may be no more.
  std::uint32_t find_or_create(const std::string& captures, Nanoseconds now, bool& created);
  std::uint32_t find_or_create_member(std::uint32_t g, const std::string& captures);
  // As many as the rule has captures; those of members are empty, unless one is asked for.
  std::vector<std::string_view> captures_of(std::uint32_t g, std::uint32_t member = kNone) const;

  // Readings of one input of one group, in the order in which they came. `member`: kNone unless the input is of one.
  void feed(std::uint32_t g, std::uint32_t member, std::uint16_t slot, const model::Series& series, Nanoseconds now,
            Sink& sink);
  void feed(std::uint32_t g, std::uint32_t member, std::uint16_t slot, const model::Reading& reading, Nanoseconds now,
            Sink& sink);

  // Lets the time pass that has passed on the engine's own clock.
  void pass_time(std::uint32_t g, Nanoseconds now, Sink& sink);

  // Whether nothing has come for so long that what was says nothing any more; and lets go of it.
  bool outlived(std::uint32_t g, Nanoseconds now) const;
  void forget(std::uint32_t g, Sink& sink);

  // When pass_time() may have something to do; kNever: nothing waits. Where that is not well before `set`, for which
  // it is set already, it may be too early.
  Nanoseconds wake_time(std::uint32_t g, Nanoseconds set);

  // Those that are active, latched or shelved, by name of their group.
  void alerts(std::vector<AlertEvent>& out) const;
  // Of the groups meant, as AlertCommand::target has them; how many there were.
  std::size_t command(const AlertCommand& command, Sink& sink);
  bool any_shelved() const { return shelved_ > 0; }
  void unshelve_expired(Sink& sink);

  std::size_t bytes() const;
  std::size_t heap_bytes_of(std::uint32_t g) const;
  GroupReport report(std::uint32_t g, Nanoseconds now, const std::vector<std::string>& units) const;
  std::uint64_t readings() const { return readings_; }
  std::uint64_t late() const { return late_; }

  void save(std::string& out, const Timers& timers) const;
  // False if it is damaged. Puts the wake times of groups (kNever: none) in `wakes`.
  bool restore(ByteReader& in, Nanoseconds now, std::vector<Nanoseconds>& wakes);

 private:
  struct Backlog {
    PendingReadings readings;
    // What the group's newest event time was a while ago: of what is `settled`, nobody waits for an idle
    // input any longer. By arrival, and not by event time: series of one batch come one after the other.
    Timestamp settled = kLongAgo, staged = kLongAgo;
    Nanoseconds staged_at = 0;
  };
  struct Member {
    std::string name;         // its captures, joined by '/'
    std::vector<Slot> slots;  // as many as inputs; those that are not of_member stay empty
    std::vector<std::string> texts;
    std::uint32_t rank = 0;  // its place in by_name
  };
  struct Members {
    std::vector<Member> all;
    std::vector<std::uint32_t> by_name;  // they are gone through in this order: their numbers say who came first
    bool ranked = true;
    Timestamp expiry = kLongAgo;  // what expiry() found since an input changed
    struct Source {
      Timestamp newest;  // of its slot, or what that was a while ago
      std::uint32_t member;
      std::uint16_t input;
    };
    std::vector<Source> sources;       // all that the group hears: a heap, the least first; empty: to be made
    Source holds{kLongAgo, kNone, 0};  // one that held the group back although others are idle
  };
  struct Fresh {  // which inputs came with an event time
    std::uint32_t member, slots;
  };
  struct Alarm {  // what only an alert needs that is raised, latched or shelved
    std::string message;
    Timestamp since = 0, time = 0;  // of the episode; of its last change
    Timestamp repeat_at = kNever;
    Timestamp shelved_until = 0;  // 0: it is not shelved
    std::string who, why;         // of the last change that a person made
    bool acknowledged = false, latched = false, suppressed = false;
  };
  struct Writer {               // what only a group needs that writes
    Timestamp last = kLongAgo;  // when it last wrote
    Timestamp due = kNever;     // when it writes next: it had to wait, or renews a lease
    bool raised = false;        // which of both sets
    bool renews = false;        // what is due is the same once more
    std::uint32_t count = 0;    // how often
  };
  struct Detection {
    std::unique_ptr<detect::Detector> detector;
    detect::Verdict last;
  };
  struct Kept {  // a window that may be computed anew
    Timestamp begin, end;
    std::string before;  // the computation as it was when the window began
    PendingReadings readings;
    std::vector<double> said;  // what went out, number and quality of each; NaN: unknown
    bool dirty = false;        // a late reading came into it
    bool full = false;         // more readings came than are kept: nothing up to its end is computed anew
  };
  struct Incoming {
    Timestamp time;
    double number;
    const std::string* text;
    std::uint32_t quality;
    std::uint32_t member;
  };

  // rule_state.cpp
  void prepare();
  void resize();
  Slot& slot(std::uint32_t g, std::uint32_t member, std::uint16_t i) {
    return member == kNone ? slots_[g * rule_->inputs.size() + i] : members_[g].all[member].slots[i];
  }
  const Slot& slot(std::uint32_t g, std::uint32_t member, std::uint16_t i) const {
    return const_cast<RuleState*>(this)->slot(g, member, i);
  }
  std::string& text_of(std::uint32_t g, std::uint32_t member, std::uint16_t i) {
    return member == kNone ? texts_[g * rule_->inputs.size() + i] : members_[g].all[member].texts[i];
  }
  const std::string& text_of(std::uint32_t g, std::uint32_t member, std::uint16_t i) const {
    return const_cast<RuleState*>(this)->text_of(g, member, i);
  }
  Incoming admit(std::uint32_t g, std::uint32_t member, std::uint16_t slot, Timestamp time, model::Quality quality,
                 double number, const std::string* text, model::ValueType type, Sink& sink) const;
  template <class T>
  std::size_t skip_quiet(std::uint32_t g, const model::Series& series, const std::vector<T>& column,
                         std::size_t begin, Nanoseconds now);
  Timestamp farthest_quiet(std::uint32_t g) const;
  template <class T>
  std::size_t judge_run(std::uint32_t g, const model::Series& series, const std::vector<T>& column, std::size_t begin,
                        Nanoseconds now, Sink& sink);
  template <class T>
  std::size_t gather_run(std::uint32_t g, const model::Series& series, const std::vector<T>& column,
                         std::size_t begin, Nanoseconds now);
  void arrive(std::uint32_t g, const Pending& reading);  // with the event time that fresh_ is of
  void sort_fresh(std::uint32_t g);
  void take(std::uint32_t g, std::uint16_t slot, const Incoming& reading, Nanoseconds now, Sink& sink);
  void too_late(std::uint32_t g, std::uint16_t slot, const Incoming& reading, Timestamp last, Sink& sink);
  void heard(std::uint32_t g, std::uint16_t slot, const Incoming& reading, Nanoseconds now,
             Sink& sink);  // of a rule that watches for silence
  void store(std::uint32_t g, std::uint32_t member, std::uint16_t slot, Timestamp time, double number,
             std::uint32_t quality, const std::string* text);

  // rule_order.cpp
  void hold_back(std::uint32_t g, std::uint16_t slot, const Incoming& reading, Nanoseconds now, Sink& sink);
  void settle(std::uint32_t g, Nanoseconds now);
  // The slots of all signals that the group hears, with the member and the input that they are of.
  template <class Self, class Visit>
  static void each_source(Self& self, std::uint32_t g, Visit&& visit) {
    const auto count = static_cast<std::uint16_t>(self.rule_->inputs.size());
    for (std::uint16_t i = 0; i < count; ++i)
      if ((self.member_inputs_ >> i & 1) == 0) visit(self.slots_[g * count + i], kNone, i);
    if (!self.rule_->members) return;
    auto& all = self.members_[g].all;
    for (std::uint32_t m = 0; m < all.size(); ++m)
      for (std::uint16_t i = 0; i < count; ++i)
        if ((self.member_inputs_ >> i & 1) != 0) visit(all[m].slots[i], m, i);
  }
  Timestamp idle_mark(std::uint32_t g, Nanoseconds now) const;
  Timestamp watermark(std::uint32_t g, Nanoseconds now) const;
  void move_on(std::uint32_t g, Nanoseconds now, Sink& sink);
  void find_holder(std::uint32_t g);
  Timestamp least_newest(std::uint32_t g);
  // A source whose newest reading is not beyond it holds the group where it is.
  Timestamp reach(std::uint32_t g) const { return saturated(groups_[g].passed, rule_->lateness); }
  void drain(std::uint32_t g, Timestamp watermark, Sink& sink);
  void pass(std::uint32_t g, Timestamp until, bool inclusive, Sink& sink);
  void look_again(std::uint32_t g, Timestamp time, Sink& sink);
  Timestamp expiry(std::uint32_t g);
  Timestamp next_look(std::uint32_t g, Timestamp until) const;

  // rule_judge.cpp
  void event(std::uint32_t g, Timestamp time, const std::vector<Fresh>& fresh, Sink& sink);
  Scene scene(std::uint32_t g, Timestamp time, Sink& sink);        // the inputs
  Scene whole_scene(std::uint32_t g, Timestamp time, Sink& sink);  // and all that may be asked while nothing comes
  void look_at(std::uint32_t g, std::uint32_t member, Scene& scene) const;
  void forget_steps() {  // what they said of another instant
    for (Result3& step : steps_now_) step = {0, nullptr, model::kBad.code, false};
  }
  void take_steps(std::uint32_t g, Stage stage, std::uint32_t fresh, const Scene& scene);
  void look_across(std::uint32_t g, Scene& scene);
  void tell_steps(std::uint32_t g, bool of_results, const Scene& scene);
  void look_for_anomaly(std::uint32_t g, Scene& scene, bool fresh);
  void gather(std::uint32_t g, Timestamp time, const std::vector<Fresh>& fresh, Scene& scene);
  std::pair<Timestamp, Timestamp> window_around(Timestamp time) const;
  void open_window(std::uint32_t g, Timestamp time);
  void close_window(std::uint32_t g, Timestamp until, Sink& sink);
  void sum_up(std::uint32_t g, Timestamp begin, Timestamp end, Sink& sink);
  void speak(std::uint32_t g, Timestamp time, Sink& sink);
  void speak_at_reading(std::uint32_t g, Timestamp time, Sink& sink);
  void emit(std::uint32_t g, std::size_t index, Timestamp time, const Result3& value, Sink& sink);

  // rule_alert.cpp
  void judge(std::uint32_t g, Timestamp time, Scene& scene, Sink& sink);
  void decide(std::uint32_t g, Timestamp time, const Result3& condition, const Scene& scene, Sink& sink);
  bool stays(const Group& group, const Result3& condition) const;
  const Program& asked(const Group& group) const {
    return group.phase == Phase::active && !rule_->clear.empty() ? rule_->clear : rule_->when;
  }
  Result3 condition(std::uint32_t g, const Scene& scene) const;
  void run_out(std::uint32_t g, Timestamp time, Sink& sink);
  void raise(std::uint32_t g, Timestamp time, const Scene& scene, Sink& sink);
  void clear(std::uint32_t g, Timestamp time, const char* what, const Scene& scene, Sink& sink);
  Timestamp alert_deadline(std::uint32_t g) const;
  Timestamp repeat_due(std::uint32_t g) const;
  void repeat(std::uint32_t g, Timestamp time, Sink& sink);
  void update_suppressed(std::uint32_t g, Timestamp time, const Scene& scene, Sink& sink);
  void say(std::uint32_t g, Timestamp time, const char* what, const Scene* scene, Sink& sink);
  AlertEvent alert_event(std::uint32_t g, const char* what, const Alarm& alarm) const;
  void drop_if_over(std::uint32_t g);
  std::vector<std::uint32_t> named(const std::string& target) const;
  Timestamp write_due(std::uint32_t g) const;
  void want_write(std::uint32_t g, bool raised, Timestamp time, const Scene& scene, Sink& sink);
  void write(std::uint32_t g, Timestamp time, const Scene& scene, Sink& sink);

  // rule_revise.cpp
  void keep_window(std::uint32_t g, Timestamp begin, Timestamp end);
  void keep_readings(std::uint32_t g, Timestamp time, const std::vector<Fresh>& fresh);
  bool keep_late(std::uint32_t g, std::uint16_t slot, const Incoming& reading, Sink& sink);
  bool keep_said(std::uint32_t g, std::size_t emit, const Result3& value);
  void revise(std::uint32_t g, Sink& sink);

  // rule_snapshot.cpp
  void save_computation(std::uint32_t g, std::string& out) const;  // what is computed with: inputs, steps, windows
  bool restore_computation(std::uint32_t g, ByteReader& in);
  static void save_pending(const PendingReadings& readings, std::string& out);
  bool restore_pending(std::uint32_t g, ByteReader& in, std::uint64_t most, PendingReadings& to) const;

  const Rule* rule_;
  bool only_alerts_ = false;  // the rule is a condition of one input and an alert, nothing else
  bool threshold_ = false;    // likewise, and the condition is `t > 90` and nothing else
  bool has_stage_[3] = {};    // which stages it has steps of
  bool plain_window_ =
      false;             // the rule is a window of equal length over one input, which is all that its aggregates read
  bool slides_ = false;  // its window keeps stretches
  bool emits_reason_ = false;        // of a rule that detects: an output is, or holds, the reason
  bool keeps_results_ = false;       // a message may speak of a window that is over
  std::uint32_t judged_inputs_ = 0;  // bit i: when or clear reads input i
  std::uint32_t member_inputs_ = 0;  // bit i: input i is of members
  std::vector<Group> groups_;
  std::vector<Slot> slots_;                // inputs of a group side by side
  std::vector<std::string> texts_;         // likewise, where any input is a text
  std::vector<StepState> steps_;           // likewise
  std::vector<Accumulator> accumulators_;  // aggregates of a group side by side
  std::vector<SlidingWindow> sliding_;     // likewise
  std::vector<Result3> results_;           // of the last window, where an alert speaks of it
  std::vector<Backlog> backlogs_;          // where readings wait for their order
  std::vector<Members> members_;           // where a rule looks across
  std::vector<Detection> detections_;
  std::vector<std::list<Kept>> kept_;   // where late readings revise
  std::vector<std::uint32_t> derived_;  // where others read what this emits
  std::unordered_map<std::string, std::uint32_t> index_;
  std::unordered_map<std::uint32_t, Alarm> alarms_;
  std::unordered_map<std::uint32_t, Writer> writers_;
  std::size_t shelved_ = 0;
  std::uint64_t readings_ = 0, late_ = 0;
  Kept* revising_ = nullptr;  // the window that is computed anew: what goes out goes out again
  // Used again and again, so that nothing is allocated while readings come.
  std::vector<Result3> results_now_, steps_now_;
  std::vector<Fresh> fresh_;
  std::deque<std::string> made_;
};

}  // namespace weir::rules
