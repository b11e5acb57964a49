// How the devices of a driver do, and from that the driver. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "sdk/driver.h"
#include "weir/v1/bus.pb.h"

namespace weir::sdk {

class States {
 public:
  // `wake`: there is something new to publish; on the thread that said it, outside of any lock.
  States(std::uint64_t instance, const Clock& clock, std::function<void()> wake);

  // The same state again is nothing new. `since` moves with the level, not with the reason.
  void device(std::string_view name, Level level, std::string_view reason);

  // The driver as a whole is down, whatever its devices said: it stops, or its loop has ended.
  void down(std::string_view reason);

  // The message to publish, once for each change; always after again().
  std::optional<std::string> changed();
  void again();

  // What the broker says in our name if we vanish.
  std::string will() const;

 private:
  void summarize();  // the driver's level and reason from the devices'

  const std::uint64_t instance_;
  const Clock& clock_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  struct Device {
    Level level = Level::up;
    Timestamp since = 0;
    std::string reason;
  };
  std::map<std::string, Device, std::less<>> devices_;
  Device driver_;
  bool ended_ = false;
  bool changed_ = true;
};

}  // namespace weir::sdk
