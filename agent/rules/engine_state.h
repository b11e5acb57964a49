// The inside of the engine: rules, which signal feeds which of their groups, and who waits for time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rules/engine.h"
#include "rules/pattern_index.h"
#include "rules/rule_set.h"
#include "rules/state/rule_state.h"
#include "rules/state/timers.h"
#include "rules/validity.h"

namespace weir::rules {

using model::SignalId;

class Engine::State final : private Timers::Places {
 public:
  State() : timers_(*this) {}

  void install(std::shared_ptr<const RuleSet> rules);
  void define(SignalId id, const model::Signal& signal);
  void validate(model::Series& series) { validity_.mark(series); }
  void readings(Timestamp arrival, const model::Series& series, Outputs& outputs);
  void tick(Timestamp now, Outputs& outputs);
  bool waits_for_time() const;
  std::string save() const;
  Result<void> restore(std::string_view bytes);
  const Counters& counters() const { return counters_; }
  std::size_t groups() const;
  std::vector<AlertEvent> active_alerts() const;
  std::size_t command(Timestamp arrival, const AlertCommand& command, Outputs& outputs);
  std::optional<RuleReport> report(std::string_view rule, std::size_t groups) const;
  std::vector<std::string> would_lose(const RuleSet& next) const;
  std::vector<std::string> rules() const;

 private:
  static constexpr Nanoseconds kLongestStep = 10 * kSecond;
  static constexpr std::uint32_t kFirstNode = 0x80000000;  // sources: signals by id, derived ones from here on

  struct Binding {
    std::uint32_t rule, group;
    std::uint32_t member;  // kNone unless the input is of one
    std::uint16_t slot;
  };
  struct GroupName {
    std::uint32_t rule, group;
    bool is_new = false;
  };
  struct Source {
    std::vector<Binding> bindings;
    bool sorted = true;
    std::uint16_t unit = 0;
  };
  struct Signal : Source {
    std::uint32_t path = 0, path_size = 0;  // where it is in paths_
  };
  struct Repairing {  // of a signal whose bad readings are repaired
    std::string path;
    std::uint32_t node;
  };
  // Signals of an input that has only some of the rule's captures, and the groups that they are for.
  struct Partial {
    std::vector<std::uint32_t> sources;
    std::vector<std::uint32_t> groups;
    std::uint32_t example = 0;  // one of them, to know the signal's last value from
  };

  std::uint32_t& place(std::uint32_t rule, std::uint32_t group) override { return states_[rule]->group(group).timer; }

  void advance_clock(Timestamp arrival, Outputs& outputs);
  void forget_outlived(Outputs& outputs);
  void sort_by_name(std::vector<GroupName>& groups) const;
  void bind_all();
  void bind(std::string_view path, std::uint32_t which);
  void attach(std::uint32_t which, Binding binding);
  void connect(GroupName name);
  void settle();
  void spread_unit(std::uint32_t which);
  void spread_units();
  void define_validity(SignalId id);
  void repair(const model::Series& series, Sink& sink);
  std::uint16_t unit_index(const std::string& unit);
  std::uint16_t conversion_index(std::uint16_t unit, const Input& input);
  Sink sink(Outputs& outputs) { return {outputs, counters_, derived_, units_, conversions_, last_arrival_}; }
  Source& source(std::uint32_t which);
  std::string_view path_of(const Signal& signal) const {
    return std::string_view(paths_).substr(signal.path, signal.path_size);
  }
  const std::vector<Binding>& bindings(Source& source);
  static std::string join_captures(const std::vector<std::string>& values);
  void feed_derived(Sink& sink);
  void set_timer(std::uint32_t rule, std::uint32_t group);
  std::vector<Nanoseconds> wakes_of(const RuleState& state) const;
  std::vector<std::vector<Nanoseconds>> all_wakes() const;
  void set_timers(const std::vector<std::vector<Nanoseconds>>& wakes);

  std::shared_ptr<const RuleSet> rules_ = std::make_shared<RuleSet>();
  std::vector<std::unique_ptr<RuleState>> states_;  // as rules_->rules
  std::vector<Signal> signals_;                     // by id
  std::string paths_;                               // of the signals, one behind the other
  std::vector<Source> nodes_;                       // derived signals that some rule reads
  std::vector<std::string> units_{""};
  std::vector<model::Conversion> conversions_{{}};
  PatternIndex index_;
  std::vector<std::pair<std::uint32_t, std::uint16_t>> index_entries_;  // rule and input
  std::map<std::pair<std::uint32_t, std::uint16_t>, std::unordered_map<std::string, Partial>> partials_;
  Validity validity_;
  std::unordered_map<SignalId, Repairing> repairing_;
  std::vector<Repaired> repaired_;
  std::vector<std::uint32_t> spread_;  // sources whose unit has yet to be told to whom they feed
  std::vector<GroupName> unsettled_;   // groups to be connected
  Timers timers_;
  std::vector<Derived> derived_;  // emitted, to be fed to their readers
  Counters counters_;
  Nanoseconds now_ = 0;  // the engine's own clock
  Timestamp last_arrival_ = kLongAgo;
};

}  // namespace weir::rules
