#include "mqtt/connection.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <utility>

#include <mqtt/async_client.h>

namespace weir::mqtt {
namespace {

namespace paho = ::mqtt;

// Paho goes through these for plain MQTT too, and there is no option to say no.
void forget_proxies() {
  for (const char* name : {"http_proxy", "https_proxy"}) {
    if (::getenv(name) != nullptr) ::unsetenv(name);
  }
}

void* as_context(std::uint64_t id) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(id)); }
std::uint64_t as_id(void* context) { return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(context)); }

// What happened to a request: the worst of the broker's reasons, or Paho's own code.
int code_of(const paho::token& token) {
  if (token.get_return_code() != 0) return token.get_return_code();
  int worst = static_cast<int>(token.get_reason_code());
  if (token.get_type() == paho::token::SUBSCRIBE) {
    const auto response = token.get_subscribe_response();
    for (const auto reason : response.get_reason_codes()) worst = std::max(worst, static_cast<int>(reason));
  }
  return worst;
}

paho::connect_options connect_options(const Options& options, bool tls, std::chrono::milliseconds timeout) {
  paho::connect_options out;
  out.set_mqtt_version(MQTTVERSION_5);
  out.set_clean_start(true);
  out.set_automatic_reconnect(false);
  out.set_keep_alive_interval(options.keep_alive_seconds);
  out.set_connect_timeout(
      std::max<std::chrono::seconds>(std::chrono::ceil<std::chrono::seconds>(timeout), std::chrono::seconds(1)));
  if (!options.username.empty()) out.set_user_name(options.username);
  if (!options.password.empty()) out.set_password(options.password);

  paho::properties properties;
  if (options.receive_maximum != 0) {
    properties.add({paho::property::RECEIVE_MAXIMUM, static_cast<std::int32_t>(options.receive_maximum)});
  }
  properties.add({paho::property::MAXIMUM_PACKET_SIZE, static_cast<std::int32_t>(options.maximum_packet)});
  out.set_properties(properties);

  if (options.will) {
    const auto& will = *options.will;
    out.set_will(paho::will_options(will.topic, paho::binary_ref(will.payload), will.qos, will.retained));
  }
  if (tls) {
    paho::ssl_options ssl;
    if (options.tls) {
      if (!options.tls->ca.empty()) ssl.set_trust_store(options.tls->ca.string());
      if (!options.tls->certificate.empty()) ssl.set_key_store(options.tls->certificate.string());
      if (!options.tls->key.empty()) ssl.set_private_key(options.tls->key.string());
    }
    ssl.set_enable_server_cert_auth(true);
    ssl.set_verify(true);
    out.set_ssl(std::move(ssl));
  }
  return out;
}

class PahoConnection final : public Connection, private paho::iaction_listener {
 public:
  PahoConnection(const Options& options, const Address& at, std::chrono::milliseconds timeout,
                 std::function<void(Event)> sink)
      : sink_(std::move(sink)) {
    auto address = at;
    address.tls = false;
    const auto uri = (at.tls ? "ssl" : "tcp") + address.text().substr(std::string_view("mqtt").size());
    client_ = std::make_unique<paho::async_client>(uri, options.client_id, paho::create_options(MQTTVERSION_5));
    client_->set_connection_lost_handler([this](const std::string&) { sink_(event::Lost{0}); });
    client_->set_disconnected_handler(
        [this](const paho::properties&, paho::ReasonCode reason) { sink_(event::Lost{static_cast<int>(reason)}); });
    client_->set_message_callback([this](paho::const_message_ptr message) {
      sink_(Message{message->get_topic(), message->get_payload_str(), message->get_qos(), message->is_retained()});
    });
    client_->connect(connect_options(options, at.tls, timeout), nullptr, *this);
  }

  // First of all: Paho may be calling until it returns.
  ~PahoConnection() override { client_.reset(); }

  Result<void> publish(std::uint64_t id, Message message) override {
    return guarded([&] {
      client_->publish(
          paho::make_message(std::move(message.topic), std::move(message.payload), message.qos, message.retained),
          as_context(id), *this);
    });
  }

  Result<void> subscribe(std::uint64_t id, const std::vector<std::string>& filters) override {
    return guarded([&] {
      client_->subscribe(paho::string_collection::create(filters),
                         paho::async_client::qos_collection(filters.size(), 1), as_context(id), *this);
    });
  }

  Result<void> close() override {
    return guarded([&] { client_->disconnect(0, nullptr, *this); });
  }

 private:
  void on_success(const paho::token& token) override {
    switch (token.get_type()) {
      case paho::token::CONNECT: return sink_(event::Connected{});
      case paho::token::DISCONNECT: return sink_(event::Closed{});
      default: return sink_(event::Finished{as_id(token.get_user_context()), code_of(token)});
    }
  }

  void on_failure(const paho::token& token) override {
    // A reason code, if the broker gave one, says more than the return code.
    const int reason = static_cast<int>(token.get_reason_code());
    const int code = reason >= 0x80 ? reason : token.get_return_code() != 0 ? token.get_return_code() : -1;
    switch (token.get_type()) {
      case paho::token::CONNECT: return sink_(event::Failed{code});
      case paho::token::DISCONNECT: return sink_(event::Closed{});
      default: return sink_(event::Finished{as_id(token.get_user_context()), code});
    }
  }

  template <class Call>
  Result<void> guarded(Call call) {
    try {
      call();
      return {};
    } catch (const std::exception& exception) {
      return fail(exception.what());
    }
  }

  std::function<void(Event)> sink_;
  std::unique_ptr<paho::async_client> client_;
};

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const Options& options, const Address& at,
                                                     std::chrono::milliseconds timeout,
                                                     std::function<void(Event)> sink) {
  forget_proxies();
  try {
    return std::make_unique<PahoConnection>(options, at, timeout, std::move(sink));
  } catch (const std::exception& exception) {
    return fail(exception.what());
  }
}

}  // namespace weir::mqtt
