#include "agent/rates.h"

#include <utility>

namespace weir {

void Rates::sample(Nanoseconds boottime, Counters counters) {
  samples_.push_back({boottime, std::move(counters)});
  if (samples_.size() > kMost) samples_.pop_front();
}

double Rates::of(const std::string& name) const {
  if (samples_.empty()) return 0;
  const Sample& newest = samples_.back();
  const auto now = newest.counters.find(name);
  if (now == newest.counters.end()) return 0;
  for (const Sample& old : samples_) {
    const auto then = old.counters.find(name);
    if (then == old.counters.end() || then->second > now->second || old.at >= newest.at) continue;
    return static_cast<double>(now->second - then->second) * static_cast<double>(kSecond) /
           static_cast<double>(newest.at - old.at);
  }
  return 0;
}

}  // namespace weir
