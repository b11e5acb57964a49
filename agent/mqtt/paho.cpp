#include "mqtt/paho.h"

#include <map>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/backoff.h"
#include "base/bytes.h"
#include "base/random.h"
#include "mqtt/connection.h"
#include "mqtt/explain.h"
#include "mqtt/reason.h"

namespace weir::mqtt {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kGrace{1000};  // for what is under way at a stop, and for the goodbye
// A connection that lasts so long was no failure. Two clients of one id throw each other out at once:
// they must not do that ever faster.
constexpr std::chrono::seconds kLasting{5};

// The life of a client: resolve, connect, and after each end wait and begin again. Runs on the executor
// alone; what Paho says from its threads is posted here, and forgotten if it is about a connection of
// the past or the client is gone.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(asio::any_io_executor executor, Options options)
      : executor_(std::move(executor)),
        options_(std::move(options)),
        resolver_(executor_),
        timer_(executor_),
        backoff_(options_.first_retry, options_.longest_retry) {
    if (options_.client_id.empty()) options_.client_id = "weir-" + to_hex(random_bytes(8));
  }

  bool connected() const { return connected_; }

  void start(Handlers handlers) {
    handlers_ = std::make_shared<Handlers>(std::move(handlers));
    later([](Session& self) { self.resolve(); });
  }

  void stop(std::function<void()> stopped) {
    stopped_ = std::move(stopped);
    if (std::exchange(stopping_, true)) return;
    resolver_.cancel();
    timer_.cancel();
    if (!connected_) return later([](Session& self) { self.finish(); });
    if (pending_.empty()) return say_goodbye();
    within(kGrace, &Session::say_goodbye);
  }

  // No handler and no completion runs after this.
  void abandon() {
    handlers_.reset();
    pending_.clear();
    stopped_ = nullptr;
    stopping_ = true;
    end_connection();
    dead_.reset();
    resolver_.cancel();
    timer_.cancel();
  }

  void publish(Message message, Done done) {
    request(std::move(done), [&](std::uint64_t id) { return connection_->publish(id, std::move(message)); });
  }

  void subscribe(const std::vector<std::string>& filters, Done done) {
    request(std::move(done), [&](std::uint64_t id) { return connection_->subscribe(id, filters); });
  }

 private:
  template <class Send>
  void request(Done done, Send send) {
    const auto id = ++last_id_;
    pending_.emplace(id, std::move(done));
    if (auto sent = connected_ && !stopping_ ? send(id) : Result<void>(fail("not connected to the broker")); !sent) {
      later([id, error = std::move(sent.error())](Session& self) mutable {
        self.complete(id, std::unexpected(std::move(error)));
      });
    }
  }

  void complete(std::uint64_t id, Result<void> result) {
    auto found = pending_.extract(id);
    if (found && found.mapped()) found.mapped()(std::move(result));
    if (stopping_ && connected_ && pending_.empty()) say_goodbye();
  }

  void say_goodbye() {
    if (std::exchange(goodbye_, true)) return;
    if (!connection_->close()) return later([](Session& self) { self.finish(); });
    within(kGrace, &Session::finish);  // should Paho not answer
  }

  template <class Call>
  void later(Call call) {
    asio::post(executor_, [weak = weak_from_this(), call = std::move(call)]() mutable {
      if (auto self = weak.lock()) call(*self);
    });
  }

  void within(std::chrono::milliseconds time, void (Session::*then)()) {
    timer_.expires_after(time);
    timer_.async_wait([weak = weak_from_this(), then](error_code code) {
      if (auto self = weak.lock(); self && !code) ((*self).*then)();
    });
  }

  // Resolved here and not in Paho, which does it under its process-wide lock, gives up after 100 ms, and
  // tries one address only.
  void resolve() {
    if (stopping_) return;
    auto address = parse_url(options_.url);
    if (!address) return retry(std::move(address.error()));
    address_ = std::move(*address);
    resolver_.async_resolve(
        address_.host, std::to_string(address_.port),
        [weak = weak_from_this()](error_code code, tcp::resolver::results_type found) {
          auto self = weak.lock();
          if (!self || self->stopping_) return;
          if (code || found.empty()) {
            return self->retry({"cannot find the host of " + self->address_.text() + ": " + code.message(),
                                "is the name right, and a name server reachable?"});
          }
          auto next = found.begin();
          std::advance(next, self->tries_++ % found.size());
          self->connect(next->endpoint());
        });
  }

  void connect(tcp::endpoint endpoint) {
    endpoint_ = std::move(endpoint);
    // With TLS the name has to stay: the certificate is checked against it.
    auto at = address_;
    if (!at.tls) at.host = endpoint_.address().to_string();
    const auto number = ++connection_number_;
    auto opened = Connection::open(options_, at, options_.connect_timeout,
                                   [weak = weak_from_this(), executor = executor_, number](Event event) {
                                     asio::post(executor, [weak, number, event = std::move(event)]() mutable {
                                       auto self = weak.lock();
                                       if (self && self->connection_ && self->connection_number_ == number)
                                         self->on(std::move(event));
                                     });
                                   });
    dead_.reset();
    if (!opened) return retry(context("cannot connect to " + address_.text(), std::move(opened.error())).error());
    connection_ = std::move(*opened);
  }

  void on(Event event) {
    std::visit([this](auto& e) { on_event(e); }, event);
  }

  void on_event(event::Connected&) {
    if (stopping_) return;
    connected_ = true;
    connected_since_ = std::chrono::steady_clock::now();
    call(&Handlers::connected);
  }

  void on_event(event::Failed& failed) {
    end_connection();
    if (stopping_) return;
    if (failed.code >= kFirstErrorReason) {
      return retry(
          {"cannot connect to " + address_.text() + ": " + reason_text(failed.code), reason_hint(failed.code)});
    }
    explain(executor_, options_, address_, endpoint_, options_.connect_timeout,
            [weak = weak_from_this(), number = connection_number_](Error why) {
              auto self = weak.lock();
              if (!self || self->stopping_ || self->connection_number_ != number) return;
              self->retry(context("cannot connect to " + self->address_.text(), std::move(why)).error());
            });
  }

  void on_event(event::Lost& lost) {
    const bool was_connected = connected_;
    end_connection();
    Error error{
        "lost the connection to " + address_.text() + (lost.reason != 0 ? ": " + reason_text(lost.reason) : ""),
        lost.reason != 0 ? reason_hint(lost.reason)
                         : "the broker stopped, the network broke, or another client has the same client id"};
    if (was_connected && std::chrono::steady_clock::now() - connected_since_ >= kLasting) backoff_.reset();
    fail_pending(error);
    if (stopping_) return finish();
    if (was_connected) retry(std::move(error));
  }

  void on_event(event::Finished& finished) {
    // Without a word from the broker the connection is what failed, and Paho will say so next. Whoever
    // is told is to find it gone.
    if (finished.code < 0) {
      event::Lost lost{0};
      return on_event(lost);
    }
    complete(finished.id,
             finished.code < kFirstErrorReason
                 ? Result<void>()
                 : fail("the broker refused: " + reason_text(finished.code), reason_hint(finished.code)));
  }

  void on_event(event::Closed&) {
    if (stopping_) finish();
  }

  void on_event(Message& message) {
    if (auto handlers = handlers_; handlers && handlers->message) handlers->message(std::move(message));
  }

  // Says why it is not connected, and tries again later.
  void retry(Error error) {
    const auto wait = backoff_.next();
    auto self = shared_from_this();  // a handler may destroy the client
    call(&Handlers::disconnected, std::as_const(error));
    if (stopping_) return;
    within(wait, &Session::resolve);
  }

  void finish() {
    auto self = shared_from_this();
    timer_.cancel();
    connected_ = false;
    end_connection();
    fail_pending({"the client was stopped", {}});
    dead_.reset();
    handlers_.reset();
    if (auto stopped = std::exchange(stopped_, nullptr)) stopped();
  }

  void fail_pending(const Error& error) {
    auto self = shared_from_this();
    for (auto& [id, done] : std::exchange(pending_, {})) {
      if (!handlers_) return;  // abandoned by one of them
      if (done) done(std::unexpected(error));
    }
  }

  // Paho ends its threads with its last client and starts them with the next, and both take their time:
  // the old connection is let go only when the next is there.
  void end_connection() {
    connected_ = false;
    if (connection_) dead_ = std::move(connection_);
  }

  template <class Handler, class... Args>
  void call(Handler handler, const Args&... args) {
    auto handlers = handlers_;  // one that destroys the client must not pull itself away
    if (handlers && (*handlers).*handler) ((*handlers).*handler)(args...);
  }

  asio::any_io_executor executor_;
  Options options_;
  std::shared_ptr<Handlers> handlers_;
  std::function<void()> stopped_;
  bool stopping_ = false;
  bool goodbye_ = false;
  bool connected_ = false;
  std::chrono::steady_clock::time_point connected_since_;

  Address address_;
  tcp::endpoint endpoint_;
  std::size_t tries_ = 0;
  tcp::resolver resolver_;
  asio::steady_timer timer_;
  Backoff backoff_;

  std::unique_ptr<Connection> connection_, dead_;
  std::uint64_t connection_number_ = 0;
  std::map<std::uint64_t, Done> pending_;
  std::uint64_t last_id_ = 0;
};

class PahoClient final : public Client {
 public:
  PahoClient(asio::any_io_executor executor, Options options)
      : session_(std::make_shared<Session>(std::move(executor), std::move(options))) {}
  ~PahoClient() override { session_->abandon(); }

  void start(Handlers handlers) override { session_->start(std::move(handlers)); }
  void stop(std::function<void()> stopped) override { session_->stop(std::move(stopped)); }
  bool connected() const override { return session_->connected(); }
  void subscribe(std::vector<std::string> filters, Done done) override {
    session_->subscribe(filters, std::move(done));
  }
  void publish(Message message, Done done) override { session_->publish(std::move(message), std::move(done)); }

 private:
  std::shared_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<Client> make_paho_client(asio::any_io_executor executor, Options options) {
  return std::make_unique<PahoClient>(std::move(executor), std::move(options));
}

}  // namespace weir::mqtt
