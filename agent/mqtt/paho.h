// The real client: Eclipse Paho.
#pragma once

#include "mqtt/client.h"

namespace weir::mqtt {

// Never throws; a bad option shows up as `disconnected` with the reason.
std::unique_ptr<Client> make_paho_client(boost::asio::any_io_executor executor, Options options);

}  // namespace weir::mqtt
