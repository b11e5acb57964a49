// The contract on the bus, from the driver's side: announce, wait for the epoch, send what there is
// credit for, forget what is accepted, send again what is not.
//
// Lives on the I/O thread. Time comes in by expire(), so that tests need no waiting. docs/drivers.md
// has the order of events.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "model/signal.h"
#include "mqtt/client.h"
#include "sdk/outbox.h"
#include "sdk/requests.h"
#include "sdk/states.h"

namespace weir::sdk {

struct Identity {
  std::string name;  // in weir.yaml
  std::string kind;
  std::string version;
  std::uint64_t instance = 0;  // of this life of the process
  std::string boot_id;         // 16 bytes
};

// How many batches are under way to the broker. Few, because a publisher with many large messages under
// way stalls in Paho; see docs/drivers.md for what was measured.
inline constexpr std::size_t kWindow = 2;

class Session {
 public:
  // `arm` is told when expire() has something to do next (CLOCK_BOOTTIME), whenever that changes.
  Session(Identity identity, const std::vector<model::Signal>& signals, Outbox& outbox, States& states,
          Requests& requests, mqtt::Client& client, const Clock& clock, std::function<void(Nanoseconds)> arm,
          std::size_t window = kWindow);

  mqtt::Handlers handlers();

  // What the bus is to say in our name when we vanish.
  static mqtt::Message will(std::string_view name, const States& states);

  void pump();    // sends whatever may go: states, answers, batches
  void expire();  // the time that was armed has come
  void answer(std::variant<v1::Written, v1::ReadOut> answer);

  // No driver loop any more: what is queued goes, and then `drained` is called, once.
  void drain(std::function<void()> drained);

  std::uint64_t resent() const { return resent_; }

 private:
  void connected();
  void disconnected(const Error& error);
  void received(const mqtt::Message& message);
  void subscribe();
  void announce();
  void acknowledged(std::string_view payload);
  void send_states();
  void send_answers();
  void send_batches();
  void published(std::uint64_t connection, std::string_view what, const Result<void>& result);
  void expect_progress();
  void rearm();
  std::string topic(std::string_view verb) const;

  const Identity identity_;
  const std::vector<model::Signal>& signals_;
  Outbox& outbox_;
  States& states_;
  Requests& requests_;
  mqtt::Client& client_;
  const Clock& clock_;
  const std::function<void(Nanoseconds)> arm_;
  const std::size_t window_;
  log::BurstLog bursts_;

  std::uint64_t connection_ = 0;  // counts them, so that what was said on an earlier one is known as such
  bool connected_ = false;
  bool subscribed_ = false;
  bool welcome_ = false;                    // the agent acknowledged since this connection began
  bool rewind_at_ack_ = false;              // the next ack says where to go on from
  std::size_t under_way_ = 0;               // batches that the broker has not acknowledged
  std::optional<Nanoseconds> held_until_;   // the broker refused something: nothing more before this
  std::optional<Nanoseconds> progress_by_;  // if nothing more is accepted until then, ask
  Nanoseconds waiting_since_ = 0;           // for what progress_by_ waits
  Nanoseconds patience_;                    // how long to wait for acceptance, after how long it took last time
  unsigned stalls_ = 0;                     // times in a row that we had to ask
  std::deque<mqtt::Message> answers_;
  std::function<void()> drained_;
  std::uint64_t resent_ = 0;
};

}  // namespace weir::sdk
