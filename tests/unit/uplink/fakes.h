// A broker and a store that do what a test says.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "mqtt/client.h"
#include "uplink/source.h"
#include "weir/v1/uplink.pb.h"

namespace weir::uplink::test {

struct Sent {
  mqtt::Message message;
  mqtt::Done done;
  std::string what() const { return message.topic.substr(message.topic.rfind('/') + 1); }
  std::uint64_t seq() const {
    v1::Record record;
    return !message.retained && record.ParseFromString(message.payload) ? record.seq() : 0;
  }
};

// The broker's side of a client: what was published and not answered yet, and the levers. It outlives
// the client.
struct Broker {
  explicit Broker(boost::asio::io_context& context) : io(context) {}

  void connect() {
    connected = true;
    handlers.connected();
  }
  // What is under way fails, as paho does it: connected() is false by then.
  void lose() {
    connected = false;
    for (auto& sent : std::exchange(under_way, {})) {
      boost::asio::post(io, [done = std::move(sent.done)] { done(fail("the connection broke")); });
    }
    boost::asio::post(io, [this] { handlers.disconnected({"the connection broke", {}}); });
  }
  Sent take(std::size_t index) {
    auto sent = std::move(under_way.at(index));
    under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(index));
    return sent;
  }
  void succeed(std::size_t index = 0) { take(index).done({}); }
  void refuse(std::size_t index = 0) { take(index).done(fail("the broker refused: quota exceeded (0x97)")); }

  std::vector<std::string> waiting() const {
    std::vector<std::string> out;
    for (const auto& sent : under_way)
      out.push_back(sent.what() + (sent.seq() ? " " + std::to_string(sent.seq()) : ""));
    return out;
  }

  mqtt::MakeClient maker();

  boost::asio::io_context& io;
  mqtt::Handlers handlers;
  mqtt::Options options;
  bool connected = false;
  std::vector<Sent> under_way;
  std::vector<std::string> subscribed;
  bool stopped = false;
};

class FakeClient final : public mqtt::Client {
 public:
  explicit FakeClient(Broker& broker) : broker_(broker) {}
  void start(mqtt::Handlers handlers) override { broker_.handlers = std::move(handlers); }
  void stop(std::function<void()> stopped) override {
    broker_.stopped = true;
    broker_.connected = false;
    boost::asio::post(broker_.io, std::move(stopped));
  }
  bool connected() const override { return broker_.connected; }
  void subscribe(std::vector<std::string> filters, mqtt::Done done) override {
    broker_.subscribed = std::move(filters);
    boost::asio::post(broker_.io, [done = std::move(done)] { done({}); });
  }
  void publish(mqtt::Message message, mqtt::Done done) override {
    broker_.under_way.push_back({std::move(message), std::move(done)});
  }

 private:
  Broker& broker_;
};

inline mqtt::MakeClient Broker::maker() {
  return [this](boost::asio::any_io_executor, mqtt::Options with) {
    options = std::move(with);
    return std::make_unique<FakeClient>(*this);
  };
}

class FakeSource final : public Source {
 public:
  explicit FakeSource(boost::asio::io_context& io) : io_(io) {}

  void append(Stream stream, int count = 1) {
    for (int i = 0; i < count; ++i) {
      const auto seq = ++last[stream];
      records[stream].push_back({stream, seq, "body " + std::to_string(seq), incarnation});
    }
  }

  void fetch(Stream stream, std::uint64_t after, std::size_t bytes,
             std::function<void(Result<std::vector<Record>>)> done) override {
    Result<std::vector<Record>> out;
    if (broken) {
      out = fail("disk on fire");
    } else {
      std::size_t size = 0;
      for (const auto& record : records[stream]) {
        if (record.seq <= after) continue;
        if (!out->empty() && size + record.body.size() > bytes) break;
        size += record.body.size();
        out->push_back(record);
      }
    }
    boost::asio::post(io_, [done = std::move(done), out = std::move(out)] { done(out); });
  }
  std::uint64_t acknowledged(Stream stream) const override {
    const auto found = acks.find(stream);
    return found == acks.end() ? 0 : found->second;
  }
  void acknowledge(Stream stream, std::uint64_t seq) override {
    acks[stream] = seq;
    history.emplace_back(stream, seq);
  }
  std::string birth() const override { return "birth " + std::to_string(births); }

  boost::asio::io_context& io_;
  std::map<Stream, std::vector<Record>> records;
  std::map<Stream, std::uint64_t> last, acks;
  std::vector<std::pair<Stream, std::uint64_t>> history;
  std::string incarnation = "0123456789abcdef";  // of what is appended
  int births = 1;
  bool broken = false;
};

}  // namespace weir::uplink::test
