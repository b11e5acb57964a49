// Drains a Source to one cloud over MQTT: most urgent first, forgetting only what the cloud took.
//
// On each connection it says that the agent is online and what its signals are (birth), and waits until
// the cloud has both before any record. A record goes out again, with the same identity, until the cloud
// answers with a success code; one that it refuses is retried after a back-off, while other streams go
// on. The topics are those of weir/v1/uplink.proto.
//
// Everything runs on the executor. The source must outlive the uplink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.h"
#include "mqtt/client.h"
#include "uplink/source.h"

namespace weir::uplink {

struct Options {
  std::string name;         // of the uplink, for the log
  std::string agent;        // as in the topics
  std::string incarnation;  // 16 bytes: of the agent's store when it starts
  std::vector<Stream> streams{Stream::alerts, Stream::derived, Stream::raw, Stream::backfill};  // most urgent first
  std::size_t window = 4;               // records under way: with many large ones Paho stalls for up to a second
  std::size_t fetch_bytes = 256 << 10;  // of each stream, held in memory
  std::chrono::milliseconds first_retry{1000};  // after a refusal, doubling up to …
  std::chrono::milliseconds longest_retry{60'000};
};

struct StreamStats {
  Stream stream = Stream::raw;
  std::uint64_t sent = 0;          // records, repeats counted
  std::uint64_t taken = 0;         // by the cloud
  std::uint64_t acknowledged = 0;  // up to this number
};

struct Stats {
  bool connected = false;
  Timestamp since = 0;  // connected or not, since when
  std::string reason;   // why not
  std::vector<StreamStats> streams;
  std::size_t under_way = 0;
  Timestamp last_taken = 0;   // 0: nothing yet
  std::uint64_t refused = 0;  // times that the cloud said no
  std::string last_refusal;   // which, and why
};

class Uplink {
 public:
  Uplink(boost::asio::any_io_executor executor, const Clock& clock, Options options,
         const mqtt::MakeClient& make_client, mqtt::Options mqtt, Source& source);
  Uplink(const Uplink&) = delete;
  Uplink& operator=(const Uplink&) = delete;
  ~Uplink();  // at once, without goodbye: the cloud sees it as a lost connection unless stop() came before

  void start();
  void stop(std::function<void()> stopped);  // lets what is under way finish, says offline

  // What the state message says from now on, and who this is: the store's newest incarnation, and what a person
  // there should know, a line each. Goes out if it is news.
  void announce(std::string incarnation, std::vector<std::string> problems);

  void notify();           // new records were committed
  void signals_changed();  // birth() is another now: it goes out before further records

  Stats stats() const;

 private:
  class Drain;
  std::shared_ptr<Drain> drain_;
};

}  // namespace weir::uplink
