#include "rule_test/run.h"

namespace weir::rule_test {
namespace {

class Run {
 public:
  Run(const std::shared_ptr<const rules::RuleSet>& rules, const Test& test) : test_(test), tick_(test.start) {
    engine_.install(rules);
    for (std::size_t i = 0; i < test.signals.size(); ++i)
      engine_.define(static_cast<model::SignalId>(i + 1), test.signals[i]);
  }

  Ran run() {
    auto arrival = test_.arrivals.begin();
    auto command = test_.commands.begin();
    while (arrival != test_.arrivals.end() || command != test_.commands.end()) {
      if (command == test_.commands.end() || (arrival != test_.arrivals.end() && arrival->at <= command->at))
        take(*arrival++);
      else obey(*command++);
    }
    pass_until(test_.end + kSettle);
    say_what_was_lost();
    return std::move(out_);
  }

 private:
  void pass_until(Timestamp time) {
    for (; tick_ < time && engine_.waits_for_time(); tick_ += kSecond) engine_.tick(tick_, out_.outputs);
    if (tick_ < time) tick_ += (time - tick_ + kSecond - 1) / kSecond * kSecond;
  }

  void take(const Arrival& arrival) {
    pass_until(arrival.at);
    model::Series series;
    series.signal = arrival.signal + 1;
    series.append(arrival.reading);
    engine_.validate(series);
    const std::uint64_t before = engine_.counters().readings;
    engine_.readings(arrival.at, series, out_.outputs);
    if (came_[arrival.signal]) return;
    came_[arrival.signal] = true;
    if (engine_.counters().readings == before)
      out_.notes.push_back("no rule reads " + test_.signals[arrival.signal].path);
  }

  void obey(const Command& command) {
    pass_until(command.at);
    if (engine_.command(command.at, command.command, out_.outputs) == 0)
      out_.notes.push_back("a command met no alert: " + command.command.target);
  }

  void say_what_was_lost() {
    const rules::Counters& counters = engine_.counters();
    const auto say = [&](std::uint64_t count, const std::string& what) {
      if (count > 0) out_.notes.push_back(what + ": " + std::to_string(count));
    };
    say(counters.late, "readings that came too late");
    say(counters.duplicate, "readings of a time that was taken");
    say(counters.units, "readings in a unit that cannot be converted");
    say(counters.arithmetic, "results that were unknown: division by zero, overflow");
  }

  const Test& test_;
  rules::Engine engine_;
  Timestamp tick_;
  Ran out_;
  std::vector<bool> came_ = std::vector<bool>(test_.signals.size());
};

}  // namespace

rules::Compiled compile(std::span<const Node> files, const rules::Site& site) { return rules::compile(files, site); }

Ran run(const std::shared_ptr<const rules::RuleSet>& rules, const Test& test) { return Run(rules, test).run(); }

}  // namespace weir::rule_test
