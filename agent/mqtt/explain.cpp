#include "mqtt/explain.h"

#include <memory>
#include <utility>

#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/text.h"

namespace weir::mqtt {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

Error of_tcp(const error_code& code) {
  if (code == asio::error::connection_refused) return {"connection refused", "is the broker running?"};
  if (code == asio::error::host_unreachable || code == asio::error::network_unreachable) {
    return {lower(code.message()), "is the network up, and the address right?"};
  }
  if (code == asio::error::operation_aborted || code == asio::error::timed_out) {
    return {"no answer", "does a firewall drop it, or is the address wrong?"};
  }
  return {code.message(), {}};
}

class Explanation : public std::enable_shared_from_this<Explanation> {
 public:
  Explanation(asio::any_io_executor executor, Options options, Address address, std::function<void(Error)> done)
      : options_(std::move(options)),
        address_(std::move(address)),
        done_(std::move(done)),
        context_(asio::ssl::context::tls_client),
        timer_(executor),
        socket_(executor) {}

  void start(asio::ip::tcp::endpoint endpoint, std::chrono::milliseconds timeout) {
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this()](error_code code) {
      if (!code) self->give_up();
    });
    socket_.async_connect(endpoint, [self = shared_from_this()](error_code code) {
      if (code) return self->say(of_tcp(code));
      self->address_.tls ? self->shake_hands() : self->say_no_broker();
    });
  }

 private:
  void shake_hands() {
    if (auto ready = prepare(); !ready) return say(std::move(ready.error()));
    stream_.emplace(std::move(socket_), context_);
    stream_->set_verify_callback([this](bool ok, asio::ssl::verify_context& verify) {
      const int error = X509_STORE_CTX_get_error(verify.native_handle());
      if (!ok && error != X509_V_OK) verify_error_ = error;
      return ok;
    });
    ::SSL_set_tlsext_host_name(stream_->native_handle(), address_.host.c_str());
    auto* param = ::SSL_get0_param(stream_->native_handle());
    error_code numeric;
    asio::ip::make_address(address_.host, numeric);
    if (numeric) ::X509_VERIFY_PARAM_set1_host(param, address_.host.c_str(), 0);
    else ::X509_VERIFY_PARAM_set1_ip_asc(param, address_.host.c_str());
    stream_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](error_code code) {
      if (code) return self->say(self->of_tls(code));
      self->listen();
    });
  }

  // The broker may end a connection without a client certificate only after the handshake (TLS 1.3).
  void listen() {
    stream_->async_read_some(asio::buffer(byte_), [self = shared_from_this()](error_code code, std::size_t) {
      self->say(code ? self->of_tls(code) : self->no_broker());
    });
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([self = shared_from_this()](error_code code) {
      if (!code) self->say_no_broker();
    });
  }

  Result<void> prepare() {
    error_code code;
    const auto tls = options_.tls.value_or(Tls{});
    const auto check = [&](const char* what, const std::filesystem::path& file) -> Result<void> {
      if (!code) return {};
      return fail(std::string("cannot use the ") + what + " " + file.string() + ": " + code.message(),
                  "it must be a readable PEM file");
    };
    context_.set_verify_mode(asio::ssl::verify_peer, code);
    if (tls.ca.empty()) context_.set_default_verify_paths(code);
    else context_.load_verify_file(tls.ca.string(), code);
    if (auto ok = check("CA certificates", tls.ca); !ok) return ok;
    if (!tls.certificate.empty()) context_.use_certificate_chain_file(tls.certificate.string(), code);
    if (auto ok = check("client certificate", tls.certificate); !ok) return ok;
    if (!tls.key.empty()) context_.use_private_key_file(tls.key.string(), asio::ssl::context::pem, code);
    return check("client certificate's key", tls.key);
  }

  Error of_tls(const error_code& code) const {
    if (verify_error_ != X509_V_OK) {
      return {
          std::string("the broker's certificate was not accepted: ") + ::X509_verify_cert_error_string(verify_error_),
          verify_error_ == X509_V_ERR_CERT_NOT_YET_VALID || verify_error_ == X509_V_ERR_CERT_HAS_EXPIRED
              ? "is this machine's clock right?"
              : "do the CA file and the host name in the URL belong to this broker?"};
    }
    if (code == asio::error::operation_aborted) return {"no answer to the TLS handshake", "is this a TLS port?"};
    return {"TLS failed: " + code.message(), options_.tls && !options_.tls->certificate.empty()
                                                 ? "does the broker know the CA of the client certificate?"
                                                 : "does the broker want a client certificate?"};
  }

  Error no_broker() const {
    return {"something answers there, but not as an MQTT 5 broker", "is the port the right one?"};
  }
  void say_no_broker() { say(no_broker()); }

  void give_up() {
    error_code ignored;
    if (stream_) stream_->lowest_layer().close(ignored);
    else socket_.close(ignored);
  }

  void say(Error error) {
    timer_.cancel();
    give_up();
    if (auto done = std::exchange(done_, nullptr)) done(std::move(error));
  }

  Options options_;
  Address address_;
  std::function<void(Error)> done_;
  asio::ssl::context context_;
  asio::steady_timer timer_;
  asio::ip::tcp::socket socket_;
  std::optional<asio::ssl::stream<asio::ip::tcp::socket>> stream_;
  std::array<char, 1> byte_{};
  int verify_error_ = X509_V_OK;
};

}  // namespace

void explain(asio::any_io_executor executor, Options options, Address address, asio::ip::tcp::endpoint endpoint,
             std::chrono::milliseconds timeout, std::function<void(Error)> done) {
  std::make_shared<Explanation>(std::move(executor), std::move(options), std::move(address), std::move(done))
      ->start(std::move(endpoint), timeout);
}

}  // namespace weir::mqtt
