#include "spy.h"

#include <utility>

#include "mqtt/paho.h"
#include "weir/v1/bus.pb.h"

namespace weir::oracle {

Spy::Spy(const std::string& url, std::string driver) : driver_(std::move(driver)) {
  mqtt::Options options;
  options.url = url;
  options.client_id = "spy";
  options.longest_retry = std::chrono::milliseconds(200);
  client_ = mqtt::make_paho_client(io_.get_executor(), std::move(options));
  client_->start(
      {.connected =
           [this] { client_->subscribe({"weir/v1/ack/" + driver_, "weir/v1/data/" + driver_}, [](Result<void>) {}); },
       .disconnected = {},
       .message = [this](const mqtt::Message& message) { received(message); }});
  thread_ = std::thread([this] { io_.run(); });
}

Spy::~Spy() {
  io_.stop();
  thread_.join();
}

std::map<std::uint64_t, std::uint64_t> Spy::told() const {
  const std::lock_guard lock(mutex_);
  return told_;
}

std::uint64_t Spy::resent() const {
  const std::lock_guard lock(mutex_);
  return resent_;
}

void Spy::on_next_ack(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  on_ack_ = std::move(call);
}

void Spy::received(const mqtt::Message& message) {
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex_);
    if (message.topic.starts_with("weir/v1/data/")) {
      v1::Batch batch;
      if (batch.ParseFromString(message.payload) && !sent_[batch.epoch()].insert(batch.seq())) ++resent_;
      return;
    }
    v1::Ack ack;
    if (!ack.ParseFromString(message.payload) || ack.seq() <= told_[ack.epoch()]) return;
    told_[ack.epoch()] = ack.seq();
    call = std::exchange(on_ack_, nullptr);
  }
  if (call) call();
}

}  // namespace weir::oracle
