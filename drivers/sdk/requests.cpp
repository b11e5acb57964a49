#include "sdk/requests.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "base/log.h"
#include "base/text.h"
#include "wire/wire.h"

namespace weir::sdk {
namespace {

constexpr std::size_t kMostWaiting = 64;
constexpr std::size_t kMostAnswers = 256;
constexpr std::size_t kMostId = 128;
constexpr std::size_t kMostPayload = 128 << 10;
constexpr std::size_t kMostText = 512;

template <class Message>
bool parse(Message& message, std::string_view payload) {
  return payload.size() <= kMostPayload && message.ParseFromArray(payload.data(), static_cast<int>(payload.size())) &&
         !message.id().empty() && message.id().size() <= kMostId;
}

template <class Message>
Message answer_to(const auto& request, v1::Outcome outcome, std::string_view reason) {
  Message out;
  out.set_id(request.id());
  out.set_signal(to_utf8(request.signal(), kMostText));
  out.set_outcome(outcome);
  out.set_reason(to_utf8(reason, kMostText));
  return out;
}

void encode(const model::Value& value, v1::Value& out) {
  wire::encode(value, out);
  if (out.kind_case() == v1::Value::kStringValue) out.set_string_value(to_utf8(out.string_value()));
}

// A whole number is a fine value for a double; nothing else is converted.
Result<model::Value> as_type(model::Value value, const model::Signal& signal) {
  if (const auto* whole = std::get_if<std::int64_t>(&value);
      whole != nullptr && signal.type == model::ValueType::real)
    return static_cast<double>(*whole);
  if (model::type_of(value) == signal.type) return value;
  return fail(std::string("a ") + model::to_text(model::type_of(value)) + " was to be written to '" + signal.path +
              "', which is a " + model::to_text(signal.type));
}

Result<Access> guarded(const std::function<Result<Access>()>& access) {
  try {
    return access();
  } catch (const std::exception& error) {
    return fail(std::string("the driver failed: ") + error.what());
  }
}

}  // namespace

Requests::Requests(Driver& driver, const Clock& clock, Answer answer)
    : driver_(driver), clock_(clock), answer_(std::move(answer)) {
  for (std::size_t i = 0; i < driver.signals().size(); ++i) by_path_.emplace(driver.signals()[i].path, i);
}

void Requests::write(std::string_view payload) {
  v1::Write request;
  if (parse(request, payload)) submit(std::move(request));
  else log::warn("a message of {} bytes for a write is no Write with an id; it is ignored", payload.size());
}

void Requests::read(std::string_view payload) {
  v1::Read request;
  if (parse(request, payload)) submit(std::move(request));
  else log::warn("a message of {} bytes for a read is no Read with an id; it is ignored", payload.size());
}

void Requests::submit(Request request) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < kMostWaiting) {
      waiting_.push_back(std::move(request));
      changed_.notify_one();
      return;
    }
  }
  // Not remembered: the same id may be tried again.
  const char* why = "too many requests are waiting for the driver; try again";
  if (const auto* write = std::get_if<v1::Write>(&request)) answer_(answer_to<v1::Written>(*write, v1::REFUSED, why));
  else answer_(answer_to<v1::ReadOut>(std::get<v1::Read>(request), v1::REFUSED, why));
}

bool Requests::step() {
  std::optional<Request> request;
  std::optional<v1::Written> known;
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty()) {
      request = std::move(waiting_.front());
      waiting_.pop_front();
      if (const auto* write = std::get_if<v1::Write>(&*request))
        if (const auto it = answers_.find(write->id()); it != answers_.end()) known = it->second;
    }
  }
  if (!request) return fall_back(clock_.boottime());
  if (known) {
    answer_(std::move(*known));
  } else if (const auto* write = std::get_if<v1::Write>(&*request)) {
    v1::Written answer = done(*write);
    remember(answer);
    answer_(std::move(answer));
  } else {
    answer_(done(std::get<v1::Read>(*request)));
  }
  return true;
}

v1::Written Requests::done(const v1::Write& request) {
  const auto refuse = [&](std::string_view why) { return answer_to<v1::Written>(request, v1::REFUSED, why); };
  const auto signal = by_path_.find(request.signal());
  if (signal == by_path_.end()) return refuse("this driver has no such signal");
  const model::Signal& about = driver_.signals()[signal->second];
  if (!about.writable) return refuse("'" + about.path + "' is not writable");
  auto value = wire::decode(request.value());
  if (value) value = as_type(std::move(*value), about);
  if (!value) return refuse(value.error().text());
  std::optional<model::Value> fallback;
  if (request.lease_ms() > 0) {
    auto given = wire::decode(request.fallback());
    if (given) given = as_type(std::move(*given), about);
    if (!given) return refuse("a lease needs a fallback: " + given.error().text());
    fallback = std::move(*given);
  }
  if (request.deadline() != 0 && clock_.now() > request.deadline())
    return answer_to<v1::Written>(request, v1::EXPIRED, "it came after its deadline, " + to_iso(request.deadline()));

  auto access = device_write(signal->second, *value);
  {
    // Also when the device did not confirm: it may have taken the value, and then the fallback is owed.
    const std::lock_guard lock(mutex_);
    if (fallback) {
      constexpr std::uint64_t kLongestMs = 365ULL * 24 * 3'600 * 1'000;
      const auto lease = static_cast<Nanoseconds>(std::min(request.lease_ms(), kLongestMs)) * kMillisecond;
      leases_[signal->second] = {clock_.boottime() + lease, std::move(*fallback), 0};
    } else if (access) {
      leases_.erase(signal->second);
    }
  }
  if (!access) return answer_to<v1::Written>(request, v1::FAILED, access.error().text());
  v1::Written out = answer_to<v1::Written>(request, v1::DONE, {});
  encode(access->reading.value, *out.mutable_read_back());
  out.set_time(access->reading.time);
  out.set_raw(to_utf8(access->raw, kMostText));
  return out;
}

v1::ReadOut Requests::done(const v1::Read& request) {
  const auto signal = by_path_.find(request.signal());
  if (signal == by_path_.end()) return answer_to<v1::ReadOut>(request, v1::REFUSED, "this driver has no such signal");
  const auto access = guarded([&] { return driver_.read(signal->second); });
  if (!access) return answer_to<v1::ReadOut>(request, v1::FAILED, access.error().text());
  v1::ReadOut out = answer_to<v1::ReadOut>(request, v1::DONE, {});
  encode(access->reading.value, *out.mutable_value());
  out.set_quality(access->reading.quality.code);
  out.set_time(access->reading.time);
  out.set_raw(to_utf8(access->raw, kMostText));
  return out;
}

Result<Access> Requests::device_write(std::size_t signal, const model::Value& value) {
  return guarded([&] { return driver_.write(signal, value); });
}

bool Requests::fall_back(Nanoseconds now) {
  std::size_t signal = 0;
  model::Value value;
  {
    const std::lock_guard lock(mutex_);
    const auto ended = std::ranges::find_if(leases_, [&](const auto& lease) { return lease.second.until <= now; });
    if (ended == leases_.end()) return false;
    signal = ended->first;
    value = ended->second.fallback;
  }
  const std::string& path = driver_.signals()[signal].path;
  const auto access = device_write(signal, value);
  const std::lock_guard lock(mutex_);
  const auto lease = leases_.find(signal);
  if (access) {
    log::info("the lease of '{}' has run out: wrote its fallback, {}", path, model::to_text(value));
    leases_.erase(lease);
    return true;
  }
  // The device is owed the fallback until it takes it or somebody writes something else.
  constexpr Nanoseconds kLongest = 30 * kSecond;
  lease->second.until = now + std::min(kSecond << std::min(lease->second.failures, 5U), kLongest);
  if (lease->second.failures++ == 0)
    log::error("the lease of '{}' has run out, but its fallback {} cannot be written: {}; trying again", path,
               model::to_text(value), access.error().text());
  return true;
}

void Requests::remember(const v1::Written& answer) {
  const std::lock_guard lock(mutex_);
  if (!answers_.emplace(answer.id(), answer).second) return;
  answered_.push_back(answer.id());
  if (answered_.size() <= kMostAnswers) return;
  answers_.erase(answered_.front());
  answered_.pop_front();
}

std::optional<Nanoseconds> Requests::due() const {
  const std::lock_guard lock(mutex_);
  std::optional<Nanoseconds> out;
  for (const auto& [signal, lease] : leases_)
    if (!out || lease.until < *out) out = lease.until;
  return out;
}

void Requests::work() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (stopping_) break;
    }
    if (step()) continue;
    const auto next = due();
    std::unique_lock lock(mutex_);
    const auto something = [&] { return stopping_ || !waiting_.empty(); };
    if (!next) changed_.wait(lock, something);
    else
      changed_.wait_for(
          lock, std::chrono::nanoseconds(std::clamp<Nanoseconds>(*next - clock_.boottime(), 0, kMinute)), something);
  }
  // Nobody is there any more to keep the leases.
  std::map<std::size_t, Lease> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(leases_);
  }
  for (const auto& [signal, lease] : left) {
    const std::string& path = driver_.signals()[signal].path;
    if (const auto access = device_write(signal, lease.fallback))
      log::info("stopping: wrote the fallback of '{}'", path);
    else log::error("stopping: the fallback of '{}' cannot be written: {}", path, access.error().text());
  }
}

void Requests::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

}  // namespace weir::sdk
