// The agent's local control socket: how `weir reload`, `read`, `write`, `drivers` and `status` reach it.
//
// A Unix stream socket; each request is one line of JSON, and so is each reply. Who may open the socket
// (its owner and group) may give commands. Requests are bounded in number, size and time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "base/document.h"
#include "base/error.h"

namespace weir::control {

inline constexpr std::size_t kMostBytes = 1 << 20;  // of a request or a reply

// Answers one request: calls `reply` once, now or later, on the executor.
using Reply = std::function<void(Node)>;
using Handler = std::function<void(Node request, Reply reply)>;

class Server {
 public:
  // Listens at once; a stale socket in the way is replaced. The handler runs on the executor.
  static Result<std::unique_ptr<Server>> listen(boost::asio::any_io_executor executor, std::filesystem::path path,
                                                Handler handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // closes, and removes the socket

 private:
  class Core;
  explicit Server(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace weir::control
