#include "uplink/uplink.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "base/backoff.h"
#include "base/log.h"
#include "uplink/lane.h"
#include "weir/v1/uplink.pb.h"

namespace weir::uplink {
namespace {

namespace asio = boost::asio;

std::string topic(const Options& options, const char* what) { return "weir/v1/up/" + options.agent + "/" + what; }

mqtt::Message state_message(const Options& options, bool online, Timestamp time, const char* reason,
                            const std::vector<std::string>& problems = {}) {
  v1::AgentState state;
  state.set_agent(options.agent);
  state.set_incarnation(options.incarnation);
  state.set_online(online);
  state.set_time(time);
  state.set_reason(reason);
  for (const std::string& problem : problems) state.add_problems(problem);
  return {.topic = topic(options, "state"), .payload = state.SerializeAsString(), .qos = 1, .retained = true};
}

}  // namespace

class Uplink::Drain : public std::enable_shared_from_this<Drain> {
 public:
  Drain(asio::any_io_executor executor, const Clock& clock, Options options, const mqtt::MakeClient& make_client,
        mqtt::Options mqtt, Source& source)
      : clock_(clock),
        options_(std::move(options)),
        source_(source),
        burst_(clock),
        introduction_(executor, options_) {
    // Its time is that of the loss, which nobody here will know.
    mqtt.will = state_message(options_, false, 0, "connection lost");
    client_ = make_client(executor, std::move(mqtt));
    for (const auto stream : options_.streams)
      lanes_.emplace_back(stream, source_.acknowledged(stream), executor, options_);
    stats_.since = clock_.now();
    stats_.reason = "not started";
  }

  void start() {
    stats_.reason = "connecting";
    const auto weak = weak_from_this();
    client_->start({.connected =
                        [weak] {
                          if (auto self = weak.lock()) self->on_connected();
                        },
                    .disconnected =
                        [weak](const Error& error) {
                          if (auto self = weak.lock()) self->on_disconnected(error);
                        },
                    .message = {}});
  }

  void stop(std::function<void()> stopped) {
    stopping_ = true;
    cancel_timers();
    if (client_->connected())
      client_->publish(state_message(options_, false, clock_.now(), "stopped"), [](Result<void>) {});
    client_->stop([weak = weak_from_this(), stopped = std::move(stopped)] {
      if (auto self = weak.lock()) {
        self->set_connected(false, "stopped");
        if (stopped) stopped();
      }
    });
  }

  void abandon() {
    stopping_ = true;
    cancel_timers();
    client_.reset();
  }

  void notify() {
    for (auto& lane : lanes_) lane.more = true;
    pump();
  }

  void signals_changed() {
    introduced_ = false;
    if (client_->connected()) introduce();
  }

  void announce(std::string incarnation, std::vector<std::string> problems) {
    if (incarnation == options_.incarnation && problems == problems_) return;
    if (incarnation != options_.incarnation) introduced_ = false;
    options_.incarnation = std::move(incarnation);
    problems_ = std::move(problems);
    ++announced_;
    online_ = false;
    if (client_->connected()) introduce();
  }

  Stats stats() const {
    auto out = stats_;
    for (const auto& lane : lanes_) {
      out.streams.push_back({lane.records.stream(), lane.sent, lane.taken, lane.records.acknowledged()});
    }
    out.under_way = under_way_;
    return out;
  }

 private:
  // Something that may be refused, and then waits before it is tried again.
  struct Retry {
    Retry(const asio::any_io_executor& executor, const Options& options)
        : timer(executor), backoff(options.first_retry, options.longest_retry) {}
    asio::steady_timer timer;
    Backoff backoff;
    bool held = false;
  };

  struct Way : Retry {
    Way(Stream stream, std::uint64_t acknowledged, const asio::any_io_executor& executor, const Options& options)
        : Retry(executor, options), records(stream, acknowledged) {}
    Lane records;
    bool more = true;  // the source may have records after the last of the lane
    bool fetching = false;
    std::uint64_t sent = 0, taken = 0;
  };

  template <class Call>
  auto bind(Call call) {
    return [weak = weak_from_this(), call](auto&&... args) {
      if (auto self = weak.lock()) call(*self, std::forward<decltype(args)>(args)...);
    };
  }

  void on_connected() {
    set_connected(true, {});
    ++connection_;
    under_way_ = 0;
    for (auto& lane : lanes_) {
      lane.records.all_failed();
      release(lane);
    }
    release(introduction_);
    introducing_ = introduced_ = false;
    online_ = false;
    log::info("uplink {}: connected", options_.name);
    introduce();
  }

  void on_disconnected(const Error& error) {
    std::uint64_t repeats = 0;
    if (burst_.first("disconnected", repeats)) log::warn("uplink {}: {}", options_.name, error.text());
    set_connected(false, error.text());
  }

  void set_connected(bool connected, std::string reason) {
    if (stats_.connected != connected) stats_.since = clock_.now();
    stats_.connected = connected;
    stats_.reason = std::move(reason);
  }

  // Says who and what this is, one after the other: online, then birth.
  void introduce() {
    if (introducing_ || (online_ && introduced_) || introduction_.held || stopping_) return;
    introducing_ = true;
    const bool birth = online_;
    if (birth) introduced_ = true;  // unless the signals change while it is under way
    auto message =
        birth
            ? mqtt::Message{.topic = topic(options_, "birth"), .payload = source_.birth(), .qos = 1, .retained = true}
            : state_message(options_, true, clock_.now(), "", problems_);
    client_->publish(std::move(message), bind([birth, connection = connection_, announced = announced_](
                                                  Drain& self, Result<void> result) {
                       if (self.connection_ != connection || self.stopping_) return;
                       self.introducing_ = false;
                       if (!result) {
                         if (birth) self.introduced_ = false;
                         if (self.client_->connected()) {
                           self.refused(self.introduction_, birth ? "the birth message" : "the state message",
                                        result.error(), [](Drain& again) { again.introduce(); });
                         }
                         return;
                       }
                       if (!birth) self.online_ = announced == self.announced_;
                       self.introduction_.backoff.reset();
                       self.introduce();
                       self.pump();
                     }));
  }

  // Fills the window: each place goes to the most urgent record. Fetched is also what finds no place yet,
  // so that an alert is at hand when there is one.
  void pump() {
    if (stopping_ || !online_ || !introduced_ || introducing_ || !client_->connected()) return;
    while (under_way_ < options_.window) {
      const auto next =
          std::ranges::find_if(lanes_, [](const Way& lane) { return !lane.held && lane.records.waiting() > 0; });
      if (next == lanes_.end()) break;
      send(*next);
    }
    for (auto& lane : lanes_) {
      if (lane.records.waiting() < options_.window) fetch(lane);
    }
  }

  void fetch(Way& lane) {
    if (lane.fetching || !lane.more || lane.held) return;
    lane.fetching = true;
    lane.more = false;  // unless notify() says so meanwhile
    source_.fetch(lane.records.stream(), lane.records.last(), options_.fetch_bytes,
                  bind([&lane](Drain& self, Result<std::vector<Record>> records) {
                    lane.fetching = false;
                    if (self.stopping_) return;
                    if (!records) {
                      lane.more = true;
                      log::error("uplink {}: cannot read stream {}: {}", self.options_.name,
                                 to_text(lane.records.stream()), records.error().text());
                      return self.hold(lane, [](Drain& again) { again.pump(); });
                    }
                    if (!records->empty()) lane.more = true;
                    if (const auto upto = lane.records.add(std::move(*records)))
                      self.source_.acknowledge(lane.records.stream(), *upto);
                    self.pump();
                  }));
  }

  void send(Way& lane) {
    const auto* record = lane.records.take();
    const auto seq = record->seq;
    v1::Record message;
    message.set_incarnation(record->incarnation);
    message.set_stream(static_cast<v1::Stream>(record->stream));
    message.set_seq(seq);
    message.set_body(record->body);
    ++under_way_;
    ++lane.sent;
    client_->publish({.topic = topic(options_, to_text(record->stream)), .payload = message.SerializeAsString()},
                     bind([&lane, seq, connection = connection_](Drain& self, Result<void> result) {
                       self.answered(lane, seq, connection, std::move(result));
                     }));
  }

  void answered(Way& lane, std::uint64_t seq, std::uint64_t connection, Result<void> result) {
    // What the connection before took, it took; what it did not is already waiting again.
    if (!result && connection != connection_) return;
    if (connection == connection_) --under_way_;
    if (result) {
      ++lane.taken;
      lane.backoff.reset();
      stats_.last_taken = clock_.now();
      if (const auto upto = lane.records.succeeded(seq)) source_.acknowledge(lane.records.stream(), *upto);
    } else {
      lane.records.failed(seq);
      if (!client_->connected()) return;
      refused(lane, std::string("record ") + std::to_string(seq) + " of stream " + to_text(lane.records.stream()),
              result.error(), [](Drain& again) { again.pump(); });
    }
    pump();
  }

  template <class Again>
  void refused(Retry& what, const std::string& name, const Error& why, Again again) {
    ++stats_.refused;
    stats_.last_refusal = name + ": " + why.text();
    std::uint64_t repeats = 0;
    if (burst_.first("refused", repeats)) {
      log::warn("uplink {}: the cloud did not take {}; it is kept and tried again", options_.name,
                stats_.last_refusal);
    }
    hold(what, again);
  }

  template <class Again>
  void hold(Retry& what, Again again) {
    if (what.held || stopping_) return;
    what.held = true;
    what.timer.expires_after(what.backoff.next());
    what.timer.async_wait([weak = weak_from_this(), &what, again](boost::system::error_code code) {
      auto self = weak.lock();
      if (!self || code || !what.held) return;
      what.held = false;
      again(*self);
    });
  }

  static void release(Retry& what) {
    what.held = false;
    what.timer.cancel();
  }

  void cancel_timers() {
    for (auto& lane : lanes_) lane.timer.cancel();
    introduction_.timer.cancel();
  }

  const Clock& clock_;
  Options options_;
  Source& source_;
  log::BurstLog burst_;
  std::unique_ptr<mqtt::Client> client_;
  std::deque<Way> lanes_;  // most urgent first; never moved, as what is under way refers to them
  std::uint64_t connection_ = 0;
  std::size_t under_way_ = 0;

  std::vector<std::string> problems_;
  std::uint64_t announced_ = 0;  // counts what it has to say of itself
  Retry introduction_;
  bool online_ = false;       // the cloud has the state
  bool introduced_ = false;   // and the birth, or it is under way
  bool introducing_ = false;  // one of them is under way
  bool stopping_ = false;
  Stats stats_;
};

Uplink::Uplink(asio::any_io_executor executor, const Clock& clock, Options options,
               const mqtt::MakeClient& make_client, mqtt::Options mqtt, Source& source)
    : drain_(std::make_shared<Drain>(std::move(executor), clock, std::move(options), make_client, std::move(mqtt),
                                     source)) {}
Uplink::~Uplink() { drain_->abandon(); }
void Uplink::start() { drain_->start(); }
void Uplink::stop(std::function<void()> stopped) { drain_->stop(std::move(stopped)); }
void Uplink::notify() { drain_->notify(); }
void Uplink::announce(std::string incarnation, std::vector<std::string> problems) {
  drain_->announce(std::move(incarnation), std::move(problems));
}
void Uplink::signals_changed() { drain_->signals_changed(); }
Stats Uplink::stats() const { return drain_->stats(); }

}  // namespace weir::uplink
