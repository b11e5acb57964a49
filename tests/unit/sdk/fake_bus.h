// An MQTT client that does only what the test says, and an agent that keeps its side of the contract.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mqtt/client.h"
#include "weir/v1/bus.pb.h"

namespace weir::sdk::test {

class FakeClient final : public mqtt::Client {
 public:
  struct Sent {
    mqtt::Message message;
    mqtt::Done done;
  };

  void start(mqtt::Handlers handlers_in) override { handlers = std::move(handlers_in); }
  void stop(std::function<void()> stopped) override { stopped(); }
  bool connected() const override { return up; }
  void subscribe(std::vector<std::string> filters, mqtt::Done done) override {
    subscribed = std::move(filters);
    if (!up) done(fail("no connection"));
    else if (subscription_refused) done(fail("not authorized"));
    else done({});
  }
  void publish(mqtt::Message message, mqtt::Done done) override {
    if (!up) {
      lost.push_back(std::move(done));
      return;
    }
    sent.push_back({std::move(message), std::move(done)});
  }

  void connect() {
    up = true;
    handlers.connected();
  }
  // What the broker had not acknowledged may or may not have arrived: the test takes it from `sent`
  // before.
  void disconnect() {
    up = false;
    handlers.disconnected(Error{"the connection broke", ""});
    for (Sent& each : std::exchange(sent, {})) lost.push_back(std::move(each.done));
    while (!lost.empty()) {
      const mqtt::Done done = std::move(lost.front());
      lost.pop_front();
      done(fail("the connection broke"));
    }
  }
  // The broker has the oldest message, and says so.
  mqtt::Message deliver() {
    Sent first = std::move(sent.front());
    sent.pop_front();
    mqtt::Message message = first.message;
    first.done({});
    return message;
  }
  // All that is under way arrives; gives what came on `topic`.
  std::vector<std::string> deliver_all(std::string_view topic) {
    std::vector<std::string> out;
    while (!sent.empty())
      if (mqtt::Message message = deliver(); message.topic == topic) out.push_back(std::move(message.payload));
    return out;
  }
  void tell(std::string topic, const google::protobuf::MessageLite& message) {
    handlers.message(
        {.topic = std::move(topic), .payload = message.SerializeAsString(), .qos = 1, .retained = false});
  }

  mqtt::Handlers handlers;
  bool up = false;
  bool subscription_refused = false;
  std::vector<std::string> subscribed;
  std::deque<Sent> sent;
  std::deque<mqtt::Done> lost;
};

// The other side, as intake/ does it: takes only the next batch, acknowledges after a commit.
class ScriptedAgent {
 public:
  struct Range {
    std::int64_t from, to;
  };

  std::optional<v1::Ack> announced(const v1::Announcement& announcement) {
    if (instance_ != announcement.instance()) {
      instance_ = announcement.instance();
      ++epoch_;
      received_ = accepted_ = 0;
    }
    return ack(false);
  }

  // The ack that it answers with at once, if any.
  std::optional<v1::Ack> batch(const v1::Batch& batch) {
    if (batch.epoch() != epoch_) return ack(false);
    if (batch.seq() <= received_) return batch.seq() <= accepted_ ? std::optional(ack(false)) : std::nullopt;
    if (batch.seq() != received_ + 1) return ack(true);
    received_ = batch.seq();
    taken_.push_back(batch);
    return std::nullopt;
  }

  v1::Ack commit() {
    for (const v1::Batch& batch : taken_) {
      for (const v1::Series& series : batch.series()) {
        std::int64_t time = 0;
        for (const std::int64_t delta : series.times()) {
          time += delta;
          ++accepted_readings[time];
        }
      }
      if (batch.has_dropped()) {
        dropped.push_back({batch.dropped().from(), batch.dropped().to()});
        dropped_count += batch.dropped().count();
      }
    }
    taken_.clear();
    accepted_ = received_;
    return ack(false);
  }

  // What was taken and not committed is forgotten, as after a kill.
  void kill() {
    taken_.clear();
    received_ = accepted_;
  }
  // A new store: nothing is known. Its epochs start elsewhere, so that no batch of an old one fits.
  void lose_store(std::uint64_t epochs_from) {
    kill();
    incarnation_ += "'";
    instance_ = 0;
    epoch_ = epochs_from;
  }

  v1::Ack ack(bool resend) const {
    v1::Ack out;
    out.set_incarnation(incarnation_);
    out.set_instance(instance_);
    out.set_epoch(epoch_);
    out.set_seq(accepted_);
    out.set_credit(credit);
    out.set_resend(resend);
    return out;
  }

  bool has_all() const { return taken_.empty(); }
  const std::string& incarnation() const { return incarnation_; }

  std::uint32_t credit = 8;
  std::map<std::int64_t, int> accepted_readings;  // how often each time was accepted
  std::vector<Range> dropped;
  std::uint64_t dropped_count = 0;

 private:
  std::string incarnation_ = "first";
  std::uint64_t instance_ = 0, epoch_ = 0, received_ = 0, accepted_ = 0;
  std::vector<v1::Batch> taken_;
};

}  // namespace weir::sdk::test
