#include "agent/device_access.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "base/random.h"
#include "base/text.h"
#include "model/quality.h"
#include "model/value.h"
#include "weir/v1/bus.pb.h"
#include "wire/wire.h"

namespace weir {
namespace {

std::string value_text(const v1::Value& value) {
  const auto decoded = wire::decode(value);
  return decoded ? model::to_text(*decoded) : std::string();
}

// As the signal's type has it: rules compute with doubles.
Result<model::Value> as_type(const model::Value& value, const model::Signal& signal) {
  if (model::type_of(value) == signal.type) return value;
  if (const auto* whole = std::get_if<std::int64_t>(&value);
      whole != nullptr && signal.type == model::ValueType::real)
    return model::Value(static_cast<double>(*whole));
  constexpr double kExact = 9'007'199'254'740'992;  // 2^53
  if (const auto* real = std::get_if<double>(&value); real != nullptr && signal.type == model::ValueType::integer &&
                                                      std::abs(*real) <= kExact && *real == std::trunc(*real))
    return model::Value(static_cast<std::int64_t>(*real));
  return fail("'" + signal.path + "' is of type " + model::to_text(signal.type) + ", and " + model::to_text(value) +
              " of type " + model::to_text(model::type_of(value)));
}

}  // namespace

DeviceAccess::DeviceAccess(boost::asio::any_io_executor executor, const Clock& clock, Publish publish)
    : executor_(std::move(executor)), clock_(clock), publish_(std::move(publish)) {}

Result<model::SignalId> DeviceAccess::find(const model::SignalTable& signals, std::string_view path) {
  const model::SignalId id = signals.find(path);
  if (id == 0) {
    std::vector<std::string_view> known;
    for (std::size_t i = 1; i <= std::min<std::size_t>(signals.size(), 10'000); ++i)
      known.push_back(signals.path(static_cast<model::SignalId>(i)));
    const std::string hint = did_you_mean(path, known);
    return fail("there is no signal '" + std::string(path) + "'",
                hint.empty() ? "weir drivers --signals lists them" : hint);
  }
  if (signals.driver(id).empty()) return fail("'" + std::string(path) + "' is the output of a rule, not of a device");
  return id;
}

Result<void> DeviceAccess::may_write(const model::SignalTable::Entry& signal) const {
  if (!signal.signal.writable)
    return fail("'" + signal.signal.path + "' is not writable",
                "its driver did not announce it so: mark it `writable: true` in the driver's options");
  const auto allowed = writable_.find(signal.driver);
  if (allowed != writable_.end() && std::ranges::any_of(allowed->second, [&](const model::PathPattern& pattern) {
        return pattern.match(signal.signal.path).has_value();
      }))
    return {};
  return fail("writing '" + signal.signal.path + "' is not allowed",
              "list it in weir.yaml under drivers: " + signal.driver + ": writes: [\"" + signal.signal.path + "\"]");
}

void DeviceAccess::read(const model::SignalTable& signals, std::string_view path, Done done) {
  const auto id = find(signals, path);
  if (!id) return done(std::unexpected(id.error()));
  v1::Read request;
  request.set_id(to_hex(random_bytes(8)));
  request.set_signal(std::string(path));
  const std::string& driver = signals.at(*id).driver;
  wait_for(request.id(), signals.at(*id), std::move(done));
  publish_("weir/v1/read/" + driver, request.SerializeAsString());
}

void DeviceAccess::write(const model::SignalTable& signals, std::string_view path, std::string_view value,
                         Done done) {
  const auto id = find(signals, path);
  if (!id) return done(std::unexpected(id.error()));
  const model::SignalTable::Entry& entry = signals.at(*id);
  if (auto ok = may_write(entry); !ok) return done(std::unexpected(ok.error()));
  const auto parsed = model::parse_value(value, entry.signal.type);
  if (!parsed) return done(std::unexpected(parsed.error()));
  v1::Write request;
  request.set_id(to_hex(random_bytes(8)));
  request.set_signal(std::string(path));
  wire::encode(*parsed, *request.mutable_value());
  request.set_deadline(clock_.now() + std::chrono::nanoseconds(kPatience).count());
  wait_for(request.id(), entry, std::move(done));
  publish_("weir/v1/write/" + entry.driver, request.SerializeAsString());
}

void DeviceAccess::write(const model::SignalTable& signals, const Order& order, Done done) {
  const auto id = find(signals, order.path);
  if (!id) return done(std::unexpected(id.error()));
  const model::SignalTable::Entry& entry = signals.at(*id);
  if (auto ok = may_write(entry); !ok) return done(std::unexpected(ok.error()));
  if (waiting_.contains(order.id)) return done(fail("this write is under way already"));
  const auto value = as_type(order.value, entry.signal);
  if (!value) return done(std::unexpected(value.error()));
  v1::Write request;
  request.set_id(order.id);
  request.set_signal(order.path);
  wire::encode(*value, *request.mutable_value());
  request.set_deadline(order.deadline);
  if (order.lease > 0)
    request.set_lease_ms(static_cast<std::uint64_t>(std::max<Nanoseconds>(order.lease / kMillisecond, 1)));
  if (order.fallback) {
    const auto fallback = as_type(*order.fallback, entry.signal);
    if (!fallback) return done(std::unexpected(fallback.error()));
    wire::encode(*fallback, *request.mutable_fallback());
  }
  wait_for(order.id, entry, std::move(done));
  publish_("weir/v1/write/" + entry.driver, request.SerializeAsString());
}

void DeviceAccess::wait_for(const std::string& id, const model::SignalTable::Entry& signal, Done done) {
  if (waiting_.size() >= kMostWaiting) return done(fail("too many reads and writes are under way", "try again"));
  Waiting& waiting = waiting_[id];
  waiting.driver = signal.driver;
  waiting.unit = signal.signal.unit;
  waiting.done = std::move(done);
  waiting.timeout = std::make_unique<boost::asio::steady_timer>(executor_, kPatience);
  waiting.timeout->async_wait([this, id](boost::system::error_code cancelled) {
    if (cancelled) return;
    const auto it = waiting_.find(id);
    if (it == waiting_.end()) return;
    finish(id,
           fail("driver " + it->second.driver + " did not answer within " + std::to_string(kPatience.count()) + " s",
                "is it running? weir drivers"));
  });
}

void DeviceAccess::finish(const std::string& id, Result<Node> result) {
  const auto it = waiting_.find(id);
  if (it == waiting_.end()) return;
  const Done done = std::move(it->second.done);
  waiting_.erase(it);
  done(std::move(result));
}

void DeviceAccess::answered(std::string_view topic, std::string_view payload) {
  const std::string_view driver = topic.substr(topic.rfind('/') + 1);
  const auto asked_of = [&](const std::string& id) {
    const auto it = waiting_.find(id);
    return it != waiting_.end() && it->second.driver == driver;
  };
  const auto refused = [](v1::Outcome outcome, const std::string& reason) {
    return fail(std::string(wire::to_text(outcome)) + ": " + (reason.empty() ? "no reason given" : reason));
  };
  Node node;
  if (topic.find("/readout/") != std::string_view::npos) {
    v1::ReadOut answer;
    if (!answer.ParseFromArray(payload.data(), static_cast<int>(payload.size())) || !asked_of(answer.id())) return;
    if (answer.outcome() != v1::DONE) return finish(answer.id(), refused(answer.outcome(), answer.reason()));
    node.set("path", answer.signal())
        .set("value", value_text(answer.value()))
        .set("unit", waiting_[answer.id()].unit);
    node.set("quality", model::to_text(model::Quality{answer.quality()}));
    node.set("time", to_iso(answer.time())).set("raw", answer.raw());
    finish(answer.id(), std::move(node));
  } else {
    v1::Written answer;
    if (!answer.ParseFromArray(payload.data(), static_cast<int>(payload.size())) || !asked_of(answer.id())) return;
    if (answer.outcome() != v1::DONE) return finish(answer.id(), refused(answer.outcome(), answer.reason()));
    node.set("path", answer.signal()).set("read_back", value_text(answer.read_back()));
    node.set("unit", waiting_[answer.id()].unit);
    node.set("time", to_iso(answer.time())).set("raw", answer.raw());
    finish(answer.id(), std::move(node));
  }
}

}  // namespace weir
