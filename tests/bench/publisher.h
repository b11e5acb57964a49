// A driver as light as can be, so that what is measured is whoever receives: MQTT 3.1.1 on a bare socket,
// and of the driver contract what load needs: announcement, epoch, seq, credit, resend.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "weir/v1/bus.pb.h"

namespace weir::bench {

class Publisher {
 public:
  // What a batch holds but for its epoch and seq, as bytes of weir.v1.Batch; the same for the same seq.
  using Body = std::function<std::string(std::uint64_t seq)>;

  // A driver `name` with these signals. Waits for the agent's first answer.
  Publisher(std::uint16_t port, const std::string& name, v1::Announcement announcement, Body body);

  // To a bare receiver of `topic`, which calls received() with each batch.
  Publisher(std::uint16_t port, std::string topic, Body body);
  void received();

  ~Publisher();

  // Publishes from now on; `rate` in batches a second, 0: as fast as credit allows.
  void start(double rate = 0);
  void stop();  // and waits until everything is accepted

  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t resends() const { return resends_; }

  // When a batch was given to the socket for the first time. Kept for the last 65,536.
  std::chrono::steady_clock::time_point sent_at(std::uint64_t seq) const;

 private:
  void connect(std::uint16_t port, const std::string& name);
  void read();
  void packet(unsigned char head, std::string_view body);
  void run(double rate);
  bool idle() const { return next_ > accepted_; }

  int socket_ = -1;
  std::string topic_;
  Body body_;
  std::uint64_t instance_ = 0;
  mutable std::mutex mutex_;
  std::mutex writing_;
  std::condition_variable changed_;
  std::uint64_t epoch_ = 0, next_ = 1, allowed_ = 0;
  std::uint64_t sent_ = 0, acknowledged_ = 0;  // by the broker
  std::atomic<std::uint64_t> accepted_ = 0, resends_ = 0;
  bool publishing_ = false;
  std::vector<std::chrono::steady_clock::time_point> times_;
  std::thread reader_, writer_;
};

// An announced signal of doubles.
v1::Signal double_signal(const std::string& path);

// The readings of one signal, with two decimals as of a walk, a millisecond apart: what a body holds.
std::string batch_body(const std::string& signal, std::int64_t first_time, std::size_t readings, std::uint64_t& seed);

}  // namespace weir::bench
