// Listens on the bus to what the agent and the driver say to each other. What it misses while the bus is
// down it does not know; what it knows is true.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "mqtt/client.h"
#include "uplink/seq_ranges.h"

namespace weir::oracle {

class Spy {
 public:
  Spy(const std::string& url, std::string driver);
  Spy(const Spy&) = delete;
  Spy& operator=(const Spy&) = delete;
  ~Spy();

  std::map<std::uint64_t, std::uint64_t> told() const;  // of each epoch, the last batch the driver was told of
  std::uint64_t resent() const;                         // batches that the driver sent once more

  // Once, as soon as the driver is told of more; on the spy's thread. Nothing: not any more.
  void on_next_ack(std::function<void()> call);

 private:
  void received(const mqtt::Message& message);

  const std::string driver_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::uint64_t> told_;
  std::map<std::uint64_t, uplink::SeqRanges> sent_;
  std::uint64_t resent_ = 0;
  std::function<void()> on_ack_;

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<mqtt::Client> client_;
  std::thread thread_;
};

}  // namespace weir::oracle
