#include "control/server.h"

#include <chrono>

#include <sys/stat.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/json.h"
#include "base/log.h"

namespace weir::control {
namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;

class Server::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::any_io_executor executor, std::filesystem::path path, Handler handler)
      : acceptor_(executor), path_(std::move(path)), handler_(std::move(handler)) {}

  Result<void> open() {
    boost::system::error_code error;
    std::error_code ignored;
    if (std::filesystem::is_socket(path_, ignored)) std::filesystem::remove(path_, ignored);
    const asio::local::stream_protocol::endpoint endpoint(path_.string());
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(16, error);
    if (error)
      return fail("cannot listen on " + path_.string() + ": " + error.message(),
                  "does the folder exist, and may this user write there?");
    ::chmod(path_.c_str(), 0660);
    asio::co_spawn(acceptor_.get_executor(), accept(shared_from_this()), asio::detached);
    return {};
  }

  void close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    handler_ = nullptr;
    std::error_code ignored_too;
    std::filesystem::remove(path_, ignored_too);
  }

 private:
  static constexpr int kMostSessions = 32;
  static constexpr std::chrono::seconds kPatience{60};

  static asio::awaitable<void> accept(std::shared_ptr<Core> self) {
    for (;;) {
      boost::system::error_code error;
      Socket socket = co_await self->acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted || !self->acceptor_.is_open()) co_return;
      if (error) {
        // Out of descriptors, most likely: wait, rather than spin.
        asio::steady_timer pause(self->acceptor_.get_executor(), std::chrono::seconds(1));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      if (self->sessions_ >= kMostSessions) continue;  // closes it
      ++self->sessions_;
      asio::co_spawn(self->acceptor_.get_executor(), session(self, std::move(socket)),
                     [self](std::exception_ptr) { --self->sessions_; });
    }
  }

  static asio::awaitable<void> session(std::shared_ptr<Core> self, Socket accepted) {
    // Shared with the timer, whose handler may already be queued when the session ends.
    const auto shared = std::make_shared<Socket>(std::move(accepted));
    Socket& socket = *shared;
    asio::steady_timer timeout(socket.get_executor(), kPatience);
    timeout.async_wait([shared](boost::system::error_code cancelled) {
      boost::system::error_code ignored;
      if (!cancelled) shared->close(ignored);
    });
    std::string buffer;
    boost::system::error_code error;
    const std::size_t length = co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer, kMostBytes), '\n',
                                                               asio::redirect_error(asio::use_awaitable, error));
    if (error || !self->handler_) co_return;

    const auto request = parse_json(std::string_view(buffer).substr(0, length));
    Node answer;
    if (!request) {
      answer.set("error", request.error().text());
    } else {
      // The handler may reply long after this: the timer stands for it meanwhile.
      asio::steady_timer replied(socket.get_executor(), asio::steady_timer::time_point::max());
      auto place = std::make_shared<std::pair<asio::steady_timer*, Node*>>(&replied, &answer);
      bool done = false;
      self->handler_(*request, [place, &done](Node reply) {
        if (place->first == nullptr) return;
        *place->second = std::move(reply);
        done = true;
        place->first->cancel();
      });
      if (!done) co_await replied.async_wait(asio::redirect_error(asio::use_awaitable, error));
      place->first = nullptr;
    }
    const std::string line = to_json(answer) + "\n";
    co_await asio::async_write(socket, asio::buffer(line), asio::redirect_error(asio::use_awaitable, error));
  }

  asio::local::stream_protocol::acceptor acceptor_;
  std::filesystem::path path_;
  Handler handler_;
  int sessions_ = 0;
};

Server::Server(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Server::~Server() { core_->close(); }

Result<std::unique_ptr<Server>> Server::listen(asio::any_io_executor executor, std::filesystem::path path,
                                               Handler handler) {
  auto core = std::make_shared<Core>(executor, std::move(path), std::move(handler));
  if (auto ok = core->open(); !ok) return std::unexpected(ok.error());
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

}  // namespace weir::control
