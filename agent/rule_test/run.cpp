#include "rule_test/run.h"

namespace weir::rule_test {

rules::Compiled compile(std::span<const Node> files) { return rules::compile(files, {}); }

Ran run(const std::shared_ptr<const rules::RuleSet>& rules, const Test& test) {
  Ran out;
  rules::Engine engine;
  engine.install(rules);
  for (std::size_t i = 0; i < test.signals.size(); ++i)
    engine.define(static_cast<model::SignalId>(i + 1), test.signals[i]);

  Timestamp tick = test.start;
  const auto pass_until = [&](Timestamp time) {
    for (; tick < time && engine.waits_for_time(); tick += kSecond) engine.tick(tick, out.outputs);
    if (tick < time) tick += (time - tick + kSecond - 1) / kSecond * kSecond;
  };

  std::vector<bool> came(test.signals.size());
  for (const Arrival& arrival : test.arrivals) {
    pass_until(arrival.at);
    model::Series series;
    series.signal = arrival.signal + 1;
    series.append(arrival.reading);
    const std::uint64_t before = engine.counters().readings;
    engine.readings(arrival.at, series, out.outputs);
    if (came[arrival.signal]) continue;
    came[arrival.signal] = true;
    if (engine.counters().readings == before) out.unread.push_back(test.signals[arrival.signal].path);
  }
  pass_until(test.end + kSettle);
  return out;
}

}  // namespace weir::rule_test
