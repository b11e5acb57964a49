// A session between a fake bus and a manual clock.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fake_bus.h"
#include "sdk/session.h"

namespace weir::sdk::test {

class IdleDriver final : public Driver {
 public:
  explicit IdleDriver(std::vector<model::Signal> signals) : signals_(std::move(signals)) {}
  const std::vector<model::Signal>& signals() const override { return signals_; }
  void run(Link&) override {}

 private:
  std::vector<model::Signal> signals_;
};

inline model::Signal signal(std::string path, model::ValueType type = model::ValueType::real, bool writable = false) {
  model::Signal out;
  out.path = std::move(path);
  out.type = type;
  out.writable = writable;
  return out;
}

struct Rig {
  explicit Rig(std::size_t queue_bytes = 1 << 20, std::size_t window = 2)
      : driver({signal("boiler-1/temperature"), signal("boiler-1/name", model::ValueType::string)}),
        outbox(driver.signals(), queue_bytes, clock, [this] { woken = true; }),
        states(kInstance, clock, [this] { woken = true; }),
        requests(driver, clock, [this](auto answer) { session.answer(std::move(answer)); }),
        session(
            {"boiler", "test", "1.2.3", kInstance, std::string(16, 'b')}, driver.signals(), outbox, states, requests,
            client, clock, [this](Nanoseconds at) { armed = at; }, window) {
    clock.advance(1'000 * kSecond);
    client.start(session.handlers());
  }

  void publish(std::int64_t time, double value = 1) { outbox.publish(0, {time, value, model::kGood}); }
  void publish_batch(std::int64_t first, int count = 1) {
    for (int i = 0; i < count; ++i) publish(first + i, static_cast<double>(i));
    outbox.flush();
    session.pump();
  }
  void pass(Nanoseconds time) {
    clock.advance(time);
    session.expire();
  }
  void tell(const v1::Ack& ack) { client.tell("weir/v1/ack/boiler", ack); }
  v1::Ack ack(std::uint64_t seq, std::uint32_t credit = 100, bool resend = false, std::uint64_t epoch = 7) const {
    v1::Ack out;
    out.set_incarnation("first");
    out.set_instance(kInstance);
    out.set_epoch(epoch);
    out.set_seq(seq);
    out.set_credit(credit);
    out.set_resend(resend);
    return out;
  }
  // Connects, delivers what is said first, and is welcomed under epoch 7.
  void welcome(std::uint32_t credit = 100) {
    client.connect();
    client.deliver_all("");
    tell(ack(0, credit));
  }
  std::vector<v1::Batch> batches() {
    std::vector<v1::Batch> out;
    for (const std::string& payload : client.deliver_all("weir/v1/data/boiler"))
      out.emplace_back().ParseFromString(payload);
    return out;
  }

  static constexpr std::uint64_t kInstance = 42;
  ManualClock clock;
  IdleDriver driver;
  FakeClient client;
  bool woken = false;
  std::optional<Nanoseconds> armed;
  Outbox outbox;
  States states;
  Requests requests;
  Session session;
};

}  // namespace weir::sdk::test
