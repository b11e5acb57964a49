// What comes from the drivers over the bus: decoded, checked, taken once and in order, acknowledged
// when it is committed.
//
// For each driver the intake has two marks: how far it was received (handed to the sink) and how far it
// was accepted (committed). Only the second is ever told to a driver. A batch that does not follow on
// the first is asked for again; one that can never be accepted is refused once, moves the mark on, and
// leaves a gap record.
//
// No I/O of its own: messages come in by message(), acks leave through `publish`. Not thread-safe; lives
// on the line's thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "intake/decode.h"
#include "intake/sink.h"
#include "weir/v1/bus.pb.h"
#include "weir/v1/log.pb.h"

namespace weir::intake {

struct Options {
  std::string incarnation;
  Limits limits;
  Nanoseconds future_tolerance = 5 * kSecond;
  bool clamp_future = true;
  std::uint32_t broker_queue = 20'000;     // messages that the broker keeps for us
  std::size_t bytes_per_driver = 4 << 20;  // what one driver may have under way, about
};

// What one driver has done since the agent started.
struct DriverCounters {
  std::uint64_t batches = 0, readings = 0, bytes = 0;
  std::uint64_t repeats = 0;  // batches that came again, and were dropped
  std::uint64_t resends = 0;  // times it was asked to send again
  std::uint64_t clamped = 0;  // readings from the future, set to now
  std::uint64_t dropped = 0;  // readings that it gave up itself
  std::array<std::uint64_t, static_cast<std::size_t>(Refusal::count_)> refused{};
  Timestamp last_arrival = 0;
  Timestamp last_lost = 0;  // when readings were last refused, or given up by the driver
  std::string last_refusal;
};

class Intake {
 public:
  // publish(topic, payload): QoS 1, to the bus.
  using Publish = std::function<void(std::string, std::string)>;

  Intake(const Clock& clock, Options options, Sink& sink, Publish publish);

  // Where the log had got to. Once, before the first message.
  void restore(const std::vector<v1::Cursor>& cursors, std::uint64_t last_epoch);

  // Which drivers weir.yaml names; others are refused. Credits are shared among them. Those that are `leaving`
  // are named no more, and may still bring in what they have; their signals are free for others.
  void set_drivers(const std::vector<std::string>& names, const std::vector<std::string>& leaving = {});

  // One message on weir/v1/{signals,data,state}/NAME. Others are counted as strays.
  void message(std::string_view topic, std::string_view payload);

  // A commit with these cursors is durable: acknowledges.
  void committed(const std::vector<v1::Cursor>& cursors);

  // The bus has come back: whoever waits for an ack gets it again.
  void reconnected();

  // Once a second.
  void second();

  // Nothing more is taken until false: the store cannot keep up. Drivers get no credit.
  void hold(bool on);

  const std::map<std::string, DriverCounters, std::less<>>& counters() const { return counters_; }
  std::uint64_t strays() const { return strays_; }  // messages on topics that are no driver's
  std::uint64_t last_epoch() const { return last_epoch_; }

  // The filters to subscribe to.
  static std::vector<std::string> filters();

 private:
  struct Source {
    v1::Cursor received;               // handed to the sink
    std::uint64_t accepted_epoch = 0;  // of the last durable cursor
    std::uint64_t accepted = 0;
    bool epoch_durable = false;         // until then there is no ack, and no batch can come
    bool asked = false;                 // for a resend, and not served yet
    bool garbled = false;               // the message after the last good one was not a batch
    bool ahead = false;                 // while garbled: a later batch came, so there was one in its place
    bool fresh = false;                 // no batch of this epoch was taken yet
    bool lost = false;                  // with it: what an earlier life of the agent had accepted
    Nanoseconds last_batch = 0;         // boottime when the last one came, taken or not
    std::size_t average_bytes = 1'024;  // of a batch
    std::vector<v1::Refusal> refusals;  // to be told with the next ack
    std::optional<std::vector<model::SignalId>> announced;  // sorted; nothing: not yet, in this life of the agent
  };

  void announced(const std::string& driver, Source& source, std::string_view payload);
  void begin_epoch(Source& source);
  Result<model::SignalId> claim(const std::string& driver, const model::Signal& signal);
  bool owns(const std::string& driver, model::SignalId id) const;
  void grant_claims();
  void batch(const std::string& driver, Source& source, std::string_view payload);
  void state(const std::string& driver, Source& source, std::string_view payload);
  void refuse(const std::string& driver, Source& source, const Refused& refused);
  void take(const std::string& driver, Source& source, const v1::Batch& batch, Decoded decoded);
  void ask_again(const std::string& driver, Source& source);
  void ack(const std::string& driver, Source& source, bool resend);
  void count(const std::string& driver, const Refused& refused);
  std::uint32_t credit(const Source& source) const;
  v1::Gap gap(const std::string& driver, const Source& source) const;

  const Clock& clock_;
  Options options_;
  Sink& sink_;
  Publish publish_;
  log::BurstLog bursts_;
  std::map<std::string, Source, std::less<>> sources_;
  std::vector<std::string> drivers_, leaving_;
  // What a driver announced and another one still has: granted when that one lets go of it.
  std::vector<std::pair<std::string, model::Signal>> claims_;
  std::map<std::string, DriverCounters, std::less<>> counters_;
  std::uint64_t last_epoch_ = 0;
  std::uint64_t strays_ = 0;
  bool held_ = false;
  v1::Batch scratch_;  // reused: its arrays keep their memory
};

}  // namespace weir::intake
