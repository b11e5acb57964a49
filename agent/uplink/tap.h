// Watches what reaches a cloud: decodes it, and checks every stream for gaps and repeats. Numbers that the agent
// itself says it gave up are no gap.
//
// Everything runs on the executor. What cannot be read is counted and told, and nothing else happens.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "model/series.h"
#include "mqtt/client.h"
#include "uplink/source.h"

namespace weir::uplink {

namespace seen {

struct Reading {
  std::string agent;
  std::string path;  // "#17" if no birth has told what signal 17 is
  std::string unit;
  model::Reading reading;
  Stream stream = Stream::raw;  // or derived, or backfill
  // Not 0: it stands for `count` readings of the time from reading.time on; its value is their mean, or the last
  // text.
  Nanoseconds interval = 0;
  std::uint64_t count = 1;
  double min = 0, max = 0;  // of numbers
  bool revision = false;    // it stands for what came before for the same path and time
};

struct Alert {
  std::string agent, id, rule;
  std::map<std::string, std::string> group;
  std::string severity, change, message;
  bool active = false, acknowledged = false, latched = false, shelved = false, suppressed = false, uncertain = false;
  Timestamp since = 0, time = 0;
  std::string who, why;  // of a change that a person made
  Timestamp shelved_until = 0;
};

// What the agent itself says it gave up.
struct Gap {
  std::string agent, driver, reason;
  Timestamp from = 0, to = 0;
  std::uint64_t count = 0;  // 0: not known
  // Not of a driver: these numbers of a stream will not come.
  std::optional<Stream> stream;
  std::string incarnation;
  std::uint64_t first = 0, last = 0, records = 0;
};

struct Birth {
  std::string agent, site, version, incarnation;
  std::size_t signals = 0;
  Timestamp time = 0;
};

struct State {
  std::string agent, reason;
  bool online = false;
  Timestamp time = 0;
};

struct SequenceProblem {
  enum class Kind { gap, late, repeat };  // late: came after all, and fills a gap or a part of one
  Kind kind = Kind::gap;
  std::string agent, incarnation;
  Stream stream = Stream::raw;
  std::uint64_t first = 0, last = 0;  // which numbers
};

struct Malformed {
  std::string topic, reason;
};

struct Connection {
  bool connected = false;
  std::string reason;  // why not
};

}  // namespace seen

using Seen = std::variant<seen::Reading, seen::Alert, seen::Gap, seen::Birth, seen::State, seen::SequenceProblem,
                          seen::Malformed, seen::Connection>;

struct TapCounts {
  std::uint64_t records = 0, readings = 0, alerts = 0;
  std::uint64_t malformed = 0;
  std::uint64_t repeats = 0;  // records that had come before
  std::uint64_t missing = 0;  // numbers that are missing now, since the first seen of each stream, and not given up
};

// One stream of one life of an agent's store. Of backfill nothing is missing: its numbers are not dense for a cloud.
struct TapStream {
  std::string agent, incarnation;
  Stream stream = Stream::raw;
  std::uint64_t records = 0, repeats = 0;
  std::uint64_t first = 0, last = 0;  // the lowest and the highest number seen; 0: none
  std::uint64_t missing = 0;          // between them, now
  std::uint64_t given_up = 0;         // numbers that the agent says will not come
};

class Tap {
 public:
  // `root`: under which the agents' topics are.
  Tap(boost::asio::any_io_executor executor, const mqtt::MakeClient& make_client, mqtt::Options mqtt,
      std::string root = "weir/v1/up");
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;
  ~Tap();

  // Calls `handler` for all that comes. It may destroy the tap.
  void start(std::function<void(const Seen&)> handler);
  void stop(std::function<void()> stopped);

  TapCounts counts() const;
  std::vector<TapStream> streams() const;

 private:
  class Watch;
  std::shared_ptr<Watch> watch_;
};

}  // namespace weir::uplink
