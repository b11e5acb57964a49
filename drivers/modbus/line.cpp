#include "driver_modbus/line.h"

#include <algorithm>

namespace weir::modbus {
namespace {

constexpr std::size_t kMostErrands = 32;

// A condition variable's clock stands still while the machine sleeps, deadlines do not: it looks now
// and then.
constexpr Nanoseconds kLongestSleep = 10 * kSecond;

}  // namespace

Line::Line(std::unique_ptr<Master> master, std::vector<Device> devices)
    : master_(std::move(master)), devices_(std::move(devices)) {}

Device& Line::first_due() {
  return *std::ranges::min_element(devices_, {}, [](const Device& device) { return device.due(); });
}

void Line::run(sdk::Link& link) {
  for (Device& device : devices_) device.start(link.clock().boottime());
  std::unique_lock lock(mutex_);
  running_ = true;
  while (!link.stopping()) {
    if (const auto errand = next_errand()) {
      lock.unlock();
      do_errand(*errand, link);
      lock.lock();
      continue;
    }
    Device& device = first_due();
    const Nanoseconds left = device.due() - link.clock().boottime();
    if (left > 0) {
      changed_.wait_for(lock, std::chrono::nanoseconds(std::min(left, kLongestSleep)));
      continue;
    }
    lock.unlock();
    device.poll(*master_, link);
    lock.lock();
  }
  running_ = false;
  for (; !errands_.empty(); errands_.pop_front()) errands_.front()->answer.set_value(fail("the driver is stopping"));
}

void Line::wake() {
  // Under the lock, so that it cannot fall between the look at stopping() and the sleep.
  const std::scoped_lock lock(mutex_);
  changed_.notify_all();
}

std::shared_ptr<Line::Errand> Line::next_errand() {
  if (errands_.empty()) return nullptr;
  auto errand = std::move(errands_.front());
  errands_.pop_front();
  errand->begun = true;
  return errand;
}

void Line::do_errand(Errand& errand, sdk::Link& link) {
  Device& device = devices_[errand.device];
  errand.answer.set_value(errand.value ? device.write(errand.signal, *errand.value, *master_, link)
                                       : device.read(errand.signal, *master_, link));
}

Result<sdk::Access> Line::read(std::size_t device, std::size_t signal) {
  Errand errand;
  errand.device = device;
  errand.signal = signal;
  return ask(std::move(errand));
}

Result<sdk::Access> Line::write(std::size_t device, std::size_t signal, model::Value value) {
  Errand errand;
  errand.device = device;
  errand.signal = signal;
  errand.value = std::move(value);
  return ask(std::move(errand));
}

Result<sdk::Access> Line::ask(Errand asked) {
  const auto errand = std::make_shared<Errand>(std::move(asked));
  auto answer = errand->answer.get_future();
  {
    const std::scoped_lock lock(mutex_);
    if (!running_) return fail("the driver is not running");
    if (errands_.size() >= kMostErrands) return fail("too many requests at once", "try again in a few seconds");
    errands_.push_back(errand);
    changed_.notify_all();
  }
  if (answer.wait_for(kPatience) == std::future_status::timeout) {
    const std::scoped_lock lock(mutex_);
    if (!errand->begun && std::erase(errands_, errand) > 0)
      return fail("the line was busy with other requests for " + weir::to_text(kPatience),
                  "try again in a few seconds");
  }
  return answer.get();
}

}  // namespace weir::modbus
