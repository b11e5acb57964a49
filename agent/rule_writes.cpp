#include "agent/rule_writes.h"

#include <utility>

#include "base/text.h"
#include "model/value.h"

namespace weir {

void RuleWrites::ask(const model::SignalTable& signals, const std::vector<rules::WriteRequest>& writes) {
  for (const rules::WriteRequest& write : writes) {
    ++counters_.asked;
    if (!counters_.enabled) {
      refused(write, {"rules may not write", "add `writes: enabled` to weir.yaml"});
      continue;
    }
    const auto signal = DeviceAccess::find(signals, write.path);
    if (!signal) {
      refused(write, signal.error());
      continue;
    }
    const std::string driver = signals.at(*signal).driver;
    Lane& lane = lanes_[driver];
    if (lane.waiting.size() >= kMostWaiting) {
      refused(write, {"too many writes wait for driver " + driver, "write_limit: in the rules lets fewer through"});
      continue;
    }
    lane.waiting.push_back(write);
    send(signals, driver);
  }
}

void RuleWrites::send(const model::SignalTable& signals, const std::string& driver) {
  Lane& lane = lanes_[driver];
  while (lane.under_way < kMostUnderWay && !lane.waiting.empty()) {
    const rules::WriteRequest write = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    const Timestamp deadline = write.time + write.max_age;
    if (clock_.now() > deadline) {
      refused(write, {"what caused it is older than " + to_text(std::chrono::nanoseconds(write.max_age)),
                      "is the driver slow, or its clock wrong?"});
      continue;
    }
    ++lane.under_way;
    devices_.write(signals, {write.id, write.path, write.value, write.fallback, write.lease, deadline},
                   [this, &signals, driver, write](const Result<Node>& answer) {
                     --lanes_[driver].under_way;
                     written(write, answer);
                     send(signals, driver);
                   });
  }
}

void RuleWrites::written(const rules::WriteRequest& write, const Result<Node>& answer) {
  if (!answer) {
    last_.erase(write.path);
    return refused(write, answer.error());
  }
  ++counters_.done;
  const std::string value = model::to_text(write.value);
  if (std::exchange(last_[write.path], value) == value) return;
  const Node* read_back = answer->find("read_back");
  log::info("rule {} wrote {} = {}; the device says {}", write.rule, write.path, value,
            read_back != nullptr && read_back->as_string() != nullptr ? *read_back->as_string() : "nothing");
}

void RuleWrites::refused(const rules::WriteRequest& write, const Error& error) {
  ++counters_.refused;
  counters_.last_refusal = write.rule + ", " + write.path + ": " + error.text();
  counters_.last_refused = clock_.now();
  std::uint64_t repeats = 0;
  if (said_.first(write.path + error.what, repeats))
    log::warn("rule {} did not write {} = {}: {}{}", write.rule, write.path, model::to_text(write.value),
              error.text(), repeats > 0 ? " (and " + std::to_string(repeats) + " times before)" : "");
}

}  // namespace weir
