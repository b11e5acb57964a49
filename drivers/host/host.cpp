#include "driver_host/host.h"

#include <algorithm>

namespace weir::driver_host {
namespace {

model::Value nothing(model::ValueType type) {
  if (type == model::ValueType::integer) return std::int64_t{0};
  return 0.0;
}

}  // namespace

Host::Host(Settings settings)
    : settings_(std::move(settings)), files_(settings_), sources_(find_sources(settings_, files_)) {
  for (const Source& source : sources_) signals_.push_back(source.signal);
}

void Host::cycle(sdk::Link& link) {
  std::string first_failure;
  std::size_t failures = 0;
  {
    const std::lock_guard lock(mutex_);
    files_.begin_cycle();
    const Timestamp now = link.clock().now();
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      auto value = sources_[i].read(files_);
      if (value) {
        link.publish(i, {now, std::move(*value), model::kGood});
        continue;
      }
      link.publish(i, {now, nothing(signals_[i].type), model::kBadNotConnected});
      if (failures++ == 0) first_failure = signals_[i].path + ": " + value.error().what;
    }
  }
  if (failures > 1) first_failure += " (and " + std::to_string(failures - 1) + " more signals)";
  const bool all = failures == sources_.size() && failures > 0;
  link.device_state(settings_.device,
                    failures == 0 ? sdk::Level::up
                    : all         ? sdk::Level::down
                                  : sdk::Level::degraded,
                    first_failure);
  link.flush();
}

void Host::run(sdk::Link& link) {
  if (sources_.empty())
    link.device_state(settings_.device, sdk::Level::down,
                      "nothing to read under " + settings_.proc.string() + " and " + settings_.sys.string());
  // The first cycle after one interval: shares of the CPU need two looks.
  Nanoseconds next = link.clock().boottime() + std::min(settings_.interval, kSecond);
  while (link.wait_until(next)) {
    cycle(link);
    next = std::max(next + settings_.interval, link.clock().boottime());
  }
}

Result<sdk::Access> Host::read(std::size_t signal) {
  const std::lock_guard lock(mutex_);
  files_.begin_cycle();
  auto value = sources_[signal].read(files_);
  if (!value) return std::unexpected(value.error());
  return sdk::Access{{clock_.now(), std::move(*value), model::kGood}, signals_[signal].description};
}

}  // namespace weir::driver_host
