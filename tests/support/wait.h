// Waiting in a test: runs the io_context until something has happened, never for a time.
#pragma once

#include <chrono>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace weir::test {

// True as soon as `happened()` is; false when it is not within `most`. It is asked after each handler.
template <class Predicate>
bool wait_until(boost::asio::io_context& io, Predicate happened,
                std::chrono::milliseconds most = std::chrono::seconds(20)) {
  const auto work = boost::asio::make_work_guard(io);
  const auto deadline = std::chrono::steady_clock::now() + most;
  io.restart();
  while (!happened()) {
    if (io.run_one_until(deadline) == 0) return happened();
  }
  return true;
}

// Runs everything that is ready now.
inline void settle(boost::asio::io_context& io) {
  io.restart();
  io.poll();
}

}  // namespace weir::test
