// The alerts on the bus: each that stands (active, latched or shelved) is a retained JSON message under
// weir/v1/alerts/RULE/GROUP, for panels and for whoever listens. docs/rules.md says what is in it.
//
// What is retained outlives the agent, so with every connection it is read and compared with what is true: a
// message of our own that comes back marks its end. Only what is committed is told.
//
// Not thread-safe; lives on the I/O thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/document.h"
#include "base/error.h"
#include "mqtt/client.h"
#include "rules/engine.h"

namespace weir {

// One alert as it stands, for the bus, the status and the command line.
Node alert_document(const rules::AlertEvent& alert);

// Where it stands on the bus. Of rule and captures, what a topic cannot hold is percent-encoded (RFC 3986).
std::string alert_topic(const rules::AlertEvent& alert);

class AlertBoard {
 public:
  using Publish = std::function<void(mqtt::Message, mqtt::Done)>;

  static constexpr const char* kFilter = "weir/v1/alerts/#";

  // `standing`: what is true at the start.
  AlertBoard(const std::vector<rules::AlertEvent>& standing, Publish publish);

  void changed(const std::vector<rules::AlertEvent>& events);  // committed
  void connected();                                            // anew, and subscribed to kFilter
  void heard(const mqtt::Message& message);                    // under kFilter

 private:
  void want(const std::string& topic);
  void send();

  static constexpr std::size_t kMostUnderWay = 8;      // a wide window stalls Paho
  static constexpr std::size_t kMostStrange = 10'000;  // topics of others to be cleared at one connection

  const Publish publish_;
  std::map<std::string, rules::AlertEvent> standing_;  // by topic
  std::deque<std::string> queue_;                      // topics that the broker is to be told of
  std::set<std::string> queued_;
  std::set<std::string> right_;  // of standing_: those that the broker has as they are, or will
  std::string marker_;           // what comes back behind all that was retained; empty: it did
  std::uint64_t connection_ = 0;
  std::size_t under_way_ = 0;
  std::size_t stale_ = 0;  // cleared in this connection
};

}  // namespace weir
