#include "driver_simulator/plant.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>

#include "model/path.h"

namespace weir::driver_simulator {

Plant::Plant(std::vector<Wave> waves) : waves_(std::move(waves)), written_(waves_.size()) {
  for (const Wave& wave : waves_) signals_.push_back(wave.signal);
}

bool Plant::reading(std::size_t signal, std::uint64_t step, model::Reading& out) const {
  if (!reading_at(waves_[signal], step, out)) return false;
  const std::lock_guard lock(mutex_);
  if (written_[signal]) out.value = *written_[signal];
  return true;
}

void Plant::run(sdk::Link& link) {
  std::set<std::string_view> devices;
  for (const model::Signal& signal : signals_) devices.insert(model::device_of(signal.path));
  for (const std::string_view device : devices) link.device_state(device, sdk::Level::up, "");

  // Per interval one line of time; the earliest step is next.
  struct Due {
    Timestamp at;
    std::uint64_t step;
    const std::vector<std::size_t>* signals;
    Nanoseconds interval;
    bool operator>(const Due& other) const { return at > other.at; }
  };
  std::map<Nanoseconds, std::vector<std::size_t>> by_interval;
  for (std::size_t i = 0; i < waves_.size(); ++i) by_interval[waves_[i].interval].push_back(i);
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  const auto first_after = [](Timestamp now, Nanoseconds interval) {
    return static_cast<std::uint64_t>(now / interval + 1);
  };
  for (const auto& [interval, signals] : by_interval) {
    const std::uint64_t step = first_after(link.clock().now(), interval);
    due.push({static_cast<Timestamp>(step) * interval, step, &signals, interval});
  }
  while (!due.empty()) {
    Due next = due.top();
    due.pop();
    const Nanoseconds wait = next.at - link.clock().now();
    if (!link.wait_until(link.clock().boottime() + std::max<Nanoseconds>(wait, 0))) return;
    const Timestamp now = link.clock().now();
    if (now >= next.at) {
      model::Reading reading_now;
      for (const std::size_t signal : *next.signals)
        if (reading(signal, next.step, reading_now)) link.publish(signal, reading_now);
      ++next.step;
    }
    // After a step of the clock, or when the machine was too busy, what was missed is left out.
    const std::uint64_t step = first_after(now, next.interval);
    if (next.step + 1 < step || next.step > step) next.step = step;
    next.at = static_cast<Timestamp>(next.step) * next.interval;
    due.push(next);
  }
}

Result<sdk::Access> Plant::read(std::size_t signal) {
  const auto step = static_cast<std::uint64_t>(clock_.now() / waves_[signal].interval);
  model::Reading out;
  if (!reading(signal, step, out))
    return fail("'" + signals_[signal].path + "' is silent at the moment: a simulated fault");
  return sdk::Access{out, "step " + std::to_string(step)};
}

Result<sdk::Access> Plant::write(std::size_t signal, const model::Value& value) {
  {
    const std::lock_guard lock(mutex_);
    written_[signal] = value;
  }
  return sdk::Access{{clock_.now(), value, model::kGood}, "held"};
}

}  // namespace weir::driver_simulator
