#include "sdk/session.h"

#include <algorithm>
#include <utility>

#include "wire/wire.h"

namespace weir::sdk {
namespace {

constexpr std::string_view kRoot = "weir/v1/";
constexpr Nanoseconds kPatience = 5 * kSecond, kMostPatience = 2 * kMinute, kMostBetweenQuestions = 5 * kMinute;
constexpr Nanoseconds kHoldBack = kSecond;
constexpr std::size_t kMostAnswers = 128;

}  // namespace

Session::Session(Identity identity, const std::vector<model::Signal>& signals, Outbox& outbox, States& states,
                 Requests& requests, mqtt::Client& client, const Clock& clock, std::function<void(Nanoseconds)> arm,
                 std::size_t window)
    : identity_(std::move(identity)),
      signals_(signals),
      outbox_(outbox),
      states_(states),
      requests_(requests),
      client_(client),
      clock_(clock),
      arm_(std::move(arm)),
      window_(window),
      bursts_(clock),
      patience_(kPatience) {}

mqtt::Handlers Session::handlers() {
  return {.connected = [this] { connected(); },
          .disconnected = [this](const Error& error) { disconnected(error); },
          .message = [this](const mqtt::Message& message) { received(message); }};
}

mqtt::Message Session::will(std::string_view name, const States& states) {
  return {.topic = std::string(kRoot) + "state/" + std::string(name),
          .payload = states.will(),
          .qos = 1,
          .retained = true};
}

std::string Session::topic(std::string_view verb) const {
  return std::string(kRoot) + std::string(verb) + "/" + identity_.name;
}

void Session::connected() {
  ++connection_;
  connected_ = true;
  subscribed_ = welcome_ = false;
  held_until_.reset();
  stalls_ = 0;
  log::info("connected to the bus");
  subscribe();
  expect_progress();
  rearm();
}

void Session::disconnected(const Error& error) {
  connected_ = subscribed_ = welcome_ = false;
  progress_by_.reset();
  std::uint64_t repeats = 0;
  if (bursts_.first("disconnected", repeats)) log::warn("no connection to the bus: {}", error.text());
}

// The announcement follows only when the subscription stands: the answer to it must not be missed.
void Session::subscribe() {
  client_.subscribe({topic("ack"), topic("write"), topic("read")},
                    [this, connection = connection_](const Result<void>& result) {
                      if (connection != connection_ || !connected_) return;
                      if (!result) {
                        log::error("the bus does not let this driver listen: {}", result.error().text());
                        return;
                      }
                      subscribed_ = true;
                      announce();
                      states_.again();
                      pump();
                    });
}

void Session::announce() {
  v1::Announcement announcement;
  announcement.set_instance(identity_.instance);
  announcement.set_kind(identity_.kind);
  announcement.set_version(identity_.version);
  for (const model::Signal& signal : signals_) wire::encode(signal, *announcement.add_signals());
  outbox_.with_queue([&](const Queue& queue) {
    announcement.set_epoch(queue.epoch());
    announcement.set_accepted(queue.accepted());
  });
  rewind_at_ack_ = true;
  client_.publish(
      {.topic = topic("signals"), .payload = announcement.SerializeAsString(), .qos = 1, .retained = true},
      [this, connection = connection_](const Result<void>& result) {
        published(connection, "the announcement", result);
      });
}

void Session::published(std::uint64_t connection, std::string_view what, const Result<void>& result) {
  // Of a connection that broke there is nothing to say: all is sent again on the next one.
  if (result || connection != connection_ || !connected_) return;
  held_until_ = clock_.boottime() + kHoldBack;
  std::uint64_t repeats = 0;
  if (bursts_.first("refused", repeats)) log::error("the bus did not take {}: {}", what, result.error().text());
}

void Session::received(const mqtt::Message& message) {
  if (message.topic == topic("ack")) acknowledged(message.payload);
  else if (message.topic == topic("write")) requests_.write(message.payload);
  else if (message.topic == topic("read")) requests_.read(message.payload);
}

void Session::acknowledged(std::string_view payload) {
  v1::Ack ack;
  std::uint64_t repeats = 0;
  if (!ack.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    if (bursts_.first("ack", repeats)) log::warn("an ack of {} bytes cannot be read; it is ignored", payload.size());
    return;
  }
  if (ack.instance() != identity_.instance) return;

  bool waits = false;
  const Queue::Ack verdict = outbox_.with_queue([&](Queue& queue) {
    const Queue::Ack said = queue.acknowledge(ack.incarnation(), ack.epoch(), ack.seq(), ack.credit());
    const bool usable = said != Queue::Ack::stale && said != Queue::Ack::beyond;
    // A second request while the first is being served asks for what is on its way.
    if (usable && (std::exchange(rewind_at_ack_, false) || (ack.resend() && !queue.rewinding()))) queue.rewind();
    waits = !queue.empty();
    return said;
  });
  switch (verdict) {
    case Queue::Ack::stale: return;
    case Queue::Ack::beyond:
      if (bursts_.first("beyond", repeats))
        log::warn("an ack for batch {}, which was never sent, is ignored", ack.seq());
      return;
    case Queue::Ack::new_epoch: log::info("the agent takes readings, epoch {}", ack.epoch()); break;
    case Queue::Ack::progress:
    case Queue::Ack::unchanged: break;
  }
  for (const v1::Refusal& refusal : ack.refused())
    if (bursts_.first("refusal", repeats))
      log::error("the agent refused batch {}: {}", refusal.seq(), refusal.reason());

  const Nanoseconds now = clock_.boottime();
  if (verdict != Queue::Ack::unchanged || !welcome_) {
    if (verdict == Queue::Ack::progress && stalls_ == 0)
      patience_ = std::clamp(4 * (now - waiting_since_), kPatience, kMostPatience);
    stalls_ = 0;
    progress_by_.reset();
    if (waits) expect_progress();
  } else if (waits && stalls_ == 0) {
    // Perhaps a new life of the agent, which knows nothing of what the last one was sent.
    progress_by_ = std::min(progress_by_.value_or(now + patience_), now + 3 * kSecond / 2);
  }
  welcome_ = true;
  pump();
}

void Session::pump() {
  if (connected_ && subscribed_ && !held_until_) {
    send_states();
    send_answers();
    if (welcome_) send_batches();
  }
  const bool empty = outbox_.with_queue([](Queue& queue) { return queue.empty(); });
  // Also for want of credit: the ack that gave some may have been lost.
  if (connected_ && !empty && !progress_by_) expect_progress();
  if (empty && drained_) std::exchange(drained_, nullptr)();
  rearm();
}

void Session::send_states() {
  auto state = states_.changed();
  if (!state) return;
  client_.publish({.topic = topic("state"), .payload = std::move(*state), .qos = 1, .retained = true},
                  [this, connection = connection_](const Result<void>& result) {
                    published(connection, "the driver's state", result);
                    if (!result && connection == connection_) {
                      states_.again();
                      rearm();
                    }
                  });
}

void Session::answer(std::variant<v1::Written, v1::ReadOut> answer) {
  // The oldest goes: whoever asked has given up by then.
  if (answers_.size() >= kMostAnswers) answers_.pop_front();
  const bool written = std::holds_alternative<v1::Written>(answer);
  answers_.push_back({.topic = topic(written ? "written" : "readout"),
                      .payload = std::visit([](const auto& message) { return message.SerializeAsString(); }, answer),
                      .qos = 1,
                      .retained = false});
  pump();
}

void Session::send_answers() {
  std::deque<mqtt::Message> answers;
  answers.swap(answers_);
  for (mqtt::Message& answer : answers) {
    mqtt::Message copy = answer;
    client_.publish(std::move(answer),
                    [this, connection = connection_, kept = std::move(copy)](const Result<void>& result) mutable {
                      published(connection, "an answer", result);
                      if (result || answers_.size() >= kMostAnswers) return;
                      answers_.push_back(std::move(kept));
                      rearm();
                    });
  }
}

void Session::send_batches() {
  while (under_way_ < window_ && !held_until_) {
    bool again = false;
    auto batch = outbox_.with_queue([&](Queue& queue) {
      again = queue.rewinding();
      return queue.next(identity_.boot_id, clock_.boottime());
    });
    if (!batch) return;
    if (again) ++resent_;
    ++under_way_;
    client_.publish(
        {.topic = topic("data"), .payload = std::move(batch->payload), .qos = 1, .retained = false},
        [this, connection = connection_, epoch = batch->epoch, seq = batch->seq](const Result<void>& result) {
          --under_way_;
          published(connection, "a batch", result);
          if (!result && connection == connection_)
            outbox_.with_queue([&](Queue& queue) { queue.rewind_to(epoch, seq); });
          pump();
        });
  }
}

void Session::drain(std::function<void()> drained) {
  outbox_.flush();
  drained_ = std::move(drained);
  pump();
}

void Session::expect_progress() {
  waiting_since_ = clock_.boottime();
  progress_by_ = waiting_since_ + std::min(patience_ << std::min(stalls_, 6U), kMostBetweenQuestions);
}

void Session::expire() {
  const Nanoseconds now = clock_.boottime();
  outbox_.close_if_due(now);
  if (held_until_ && now >= *held_until_) held_until_.reset();
  if (progress_by_ && now >= *progress_by_) {
    ++stalls_;
    expect_progress();
    if (subscribed_) announce();
    else if (connected_) subscribe();
  }
  pump();
}

void Session::rearm() {
  std::optional<Nanoseconds> next = outbox_.linger_due();
  for (const auto& other : {held_until_, progress_by_})
    if (other && (!next || *other < *next)) next = other;
  if (next) arm_(*next);
}

}  // namespace weir::sdk
