#include "bare_client.h"

#include <MQTTAsync.h>

#include <semaphore>

#include "bus/limits.h"
#include "rig.h"

namespace weir::bench {
namespace {

struct Answer {
  std::binary_semaphore come{0};
  bool good = false;
};

void succeeded(void* answer, MQTTAsync_successData5*) {
  static_cast<Answer*>(answer)->good = true;
  static_cast<Answer*>(answer)->come.release();
}
void failed(void* answer, MQTTAsync_failureData5*) { static_cast<Answer*>(answer)->come.release(); }

}  // namespace

BareClient::BareClient(std::uint16_t port, const std::string& name, const std::string& filter,
                       std::function<void(std::string_view)> message)
    : message_(std::move(message)) {
  MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
  const std::string url = "tcp://127.0.0.1:" + std::to_string(port), id = "bare-" + name;
  const auto arrived = [](void* self, char* topic, int, MQTTAsync_message* come) {
    static_cast<BareClient*>(self)->message_(
        {static_cast<const char*>(come->payload), static_cast<std::size_t>(come->payloadlen)});
    MQTTAsync_freeMessage(&come);
    MQTTAsync_free(topic);
    return 1;
  };
  if (MQTTAsync_createWithOptions(&client_, url.c_str(), id.c_str(), MQTTCLIENT_PERSISTENCE_NONE, nullptr, &create) !=
          MQTTASYNC_SUCCESS ||
      MQTTAsync_setCallbacks(client_, this, nullptr, arrived, nullptr) != MQTTASYNC_SUCCESS)
    give_up("Paho does not make a client");

  Answer connected;
  MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
  connect.cleanstart = 1;
  connect.maxInflight = 1'000;
  connect.onSuccess5 = &succeeded;
  connect.onFailure5 = &failed;
  connect.context = &connected;
  MQTTProperties properties = MQTTProperties_initializer;
  MQTTProperty limit{};
  limit.identifier = MQTTPROPERTY_CODE_RECEIVE_MAXIMUM;
  limit.value.integer2 = bus::kBrokerInflight;
  MQTTProperties_add(&properties, &limit);
  connect.connectProperties = &properties;
  if (MQTTAsync_connect(client_, &connect) != MQTTASYNC_SUCCESS) give_up("Paho does not connect");
  connected.come.acquire();
  MQTTProperties_free(&properties);

  Answer subscribed;
  MQTTAsync_responseOptions subscribe = MQTTAsync_responseOptions_initializer;
  subscribe.onSuccess5 = &succeeded;
  subscribe.onFailure5 = &failed;
  subscribe.context = &subscribed;
  if (!connected.good || MQTTAsync_subscribe(client_, filter.c_str(), 1, &subscribe) != MQTTASYNC_SUCCESS)
    give_up("Paho does not subscribe");
  subscribed.come.acquire();
  if (!subscribed.good) give_up("the broker refuses " + filter);
}

BareClient::~BareClient() {
  MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer5;
  MQTTAsync_disconnect(client_, &options);
  MQTTAsync_destroy(&client_);
}

void BareClient::publish(const std::string& topic, std::string_view payload) {
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  if (MQTTAsync_send(client_, topic.c_str(), static_cast<int>(payload.size()), payload.data(), 1, 0, &options) !=
      MQTTASYNC_SUCCESS)
    give_up("Paho does not publish");
}

}  // namespace weir::bench
