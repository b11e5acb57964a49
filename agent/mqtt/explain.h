// Finds out why a connection could not be made.
//
// Paho says "failure" for everything from a wrong port to an expired certificate. After a failed try
// this goes the same way once more, step by step, and stops where it fails: TCP, TLS, and who answers.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "mqtt/client.h"
#include "mqtt/url.h"

namespace weir::mqtt {

// Calls `done` on the executor with the reason, without the "cannot connect to …" before it.
void explain(boost::asio::any_io_executor executor, Options options, Address address,
             boost::asio::ip::tcp::endpoint endpoint, std::chrono::milliseconds timeout,
             std::function<void(Error)> done);

}  // namespace weir::mqtt
