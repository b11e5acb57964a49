#include "sdk/states.h"

#include <algorithm>

#include "base/text.h"

namespace weir::sdk {
namespace {

constexpr std::size_t kMostName = 128, kMostReason = 512, kMostDevices = 10'000;

v1::Level encode(Level level) {
  switch (level) {
    case Level::up: return v1::UP;
    case Level::degraded: return v1::DEGRADED;
    case Level::down: return v1::DOWN;
  }
  return v1::LEVEL_UNSPECIFIED;
}

}  // namespace

States::States(std::uint64_t instance, const Clock& clock, std::function<void()> wake)
    : instance_(instance), clock_(clock), wake_(std::move(wake)) {
  driver_.since = clock.now();
}

void States::device(std::string_view name, Level level, std::string_view reason) {
  {
    const std::lock_guard lock(mutex_);
    const std::string key = to_utf8(name, kMostName);
    std::string why = to_utf8(reason, kMostReason);
    const auto it = devices_.find(key);
    if (it == devices_.end()) {
      if (devices_.size() >= kMostDevices) return;
      devices_[key] = {level, clock_.now(), std::move(why)};
    } else {
      if (it->second.level == level && it->second.reason == why) return;
      if (it->second.level != level) it->second.since = clock_.now();
      it->second.level = level;
      it->second.reason = std::move(why);
    }
    if (!ended_) summarize();
    changed_ = true;
  }
  wake_();
}

void States::summarize() {
  std::size_t not_up = 0, down = 0;
  const std::pair<const std::string, Device>* worst = nullptr;
  for (const auto& entry : devices_) {
    if (entry.second.level == Level::up) continue;
    ++not_up;
    if (entry.second.level == Level::down) ++down;
    if (worst == nullptr || entry.second.level > worst->second.level) worst = &entry;
  }
  const Level level = not_up == 0 ? Level::up : down == devices_.size() ? Level::down : Level::degraded;
  if (level != driver_.level) driver_.since = clock_.now();
  driver_.level = level;
  driver_.reason.clear();
  if (worst == nullptr) return;
  driver_.reason = worst->first + ": " + worst->second.reason;
  if (not_up > 1)
    driver_.reason += " (and " + std::to_string(not_up - 1) + " more of " + std::to_string(devices_.size()) + ")";
}

void States::down(std::string_view reason) {
  {
    const std::lock_guard lock(mutex_);
    driver_ = {Level::down, clock_.now(), to_utf8(reason, kMostReason)};
    ended_ = changed_ = true;
  }
  wake_();
}

std::optional<std::string> States::changed() {
  const std::lock_guard lock(mutex_);
  if (!changed_) return std::nullopt;
  changed_ = false;
  v1::DriverState state;
  state.set_instance(instance_);
  state.set_level(encode(driver_.level));
  state.set_since(driver_.since);
  state.set_reason(driver_.reason);
  for (const auto& [name, device] : devices_) {
    v1::DeviceState& out = *state.add_devices();
    out.set_device(name);
    out.set_level(encode(device.level));
    out.set_since(device.since);
    out.set_reason(device.reason);
  }
  return state.SerializeAsString();
}

void States::again() {
  const std::lock_guard lock(mutex_);
  changed_ = true;
}

std::string States::will() const {
  v1::DriverState state;
  state.set_instance(instance_);
  state.set_level(v1::DOWN);
  state.set_reason("the driver is gone from the bus without a word: it crashed, was killed, or lost its connection");
  return state.SerializeAsString();
}

}  // namespace weir::sdk
