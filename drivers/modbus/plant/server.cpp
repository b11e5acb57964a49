#include "driver_modbus/plant/server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <memory>
#include <vector>

#include <arpa/inet.h>
#include <modbus.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

namespace weir::modbus::plant {
namespace {

constexpr std::size_t kMostClients = 64;

struct FreeContext {
  void operator()(modbus_t* context) const {
    modbus_close(context);
    modbus_free(context);
  }
};
using Context = std::unique_ptr<modbus_t, FreeContext>;

// The unit's arrays as libmodbus wants them.
modbus_mapping_t mapping_of(Unit& unit) {
  modbus_mapping_t mapping{};
  mapping.nb_bits = mapping.nb_input_bits = kBits;
  mapping.nb_registers = mapping.nb_input_registers = kRegisters;
  mapping.tab_bits = unit.coils.data();
  mapping.tab_input_bits = unit.discrete.data();
  mapping.tab_registers = unit.holding.data();
  mapping.tab_input_registers = unit.input.data();
  return mapping;
}

class Server {
 public:
  Server(Plant& plant, const ServerOptions& options) : plant_(plant), options_(options), start_(clock_.boottime()) {}

  ~Server() {
    for (const int fd : clients_) close(fd);
    if (listener_ >= 0) close(listener_);
    if (signals_ >= 0) close(signals_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Result<void> open() {
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    signals_ = signalfd(-1, &stop, SFD_CLOEXEC);
    auto opened = options_.serial.empty() ? listen_tcp() : open_serial();
    // A client that stops in the middle of a request must not hold up the others.
    if (opened) modbus_set_indication_timeout(context_.get(), 0, 200'000);
    return opened;
  }

  void run() {
    for (;;) {
      const int serial = options_.serial.empty() ? -1 : modbus_get_socket(context_.get());
      std::vector<pollfd> waiting{{signals_, POLLIN, 0}, {listener_, POLLIN, 0}, {serial, POLLIN, 0}};
      for (const int fd : clients_) waiting.push_back({fd, POLLIN, 0});
      const int ready = poll(waiting.data(), waiting.size(), 100);
      plant_.advance(static_cast<double>(clock_.boottime() - start_) / kSecond);
      if (ready <= 0) continue;
      if (waiting[0].revents != 0) return;
      if (waiting[1].revents != 0) accept_client();
      if (waiting[2].revents != 0) answer();
      for (std::size_t i = 3; i < waiting.size(); ++i)
        if (waiting[i].revents != 0) serve_client(waiting[i].fd);
    }
  }

 private:
  Result<void> listen_tcp() {
    context_.reset(modbus_new_tcp(options_.address.c_str(), options_.port));
    if (!context_) return fail("'" + options_.address + "' is not an IPv4 address");
    listener_ = modbus_tcp_listen(context_.get(), 16);
    if (listener_ < 0)
      return fail(
          "cannot listen on " + options_.address + ":" + std::to_string(options_.port) + ": " + std::strerror(errno),
          "choose another --port");
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size);
    std::cout << "listening on " << options_.address << ":" << ntohs(bound.sin_port) << std::endl;
    return {};
  }

  Result<void> open_serial() {
    context_.reset(modbus_new_rtu(options_.serial.c_str(), 9600, 'N', 8, 1));
    if (!context_ || modbus_set_slave(context_.get(), options_.serial_unit) != 0 ||
        modbus_connect(context_.get()) != 0)
      return fail("cannot open " + options_.serial + ": " + std::strerror(errno));
    std::cout << "listening on " << options_.serial << std::endl;
    return {};
  }

  void accept_client() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    if (clients_.size() < kMostClients) clients_.push_back(fd);
    else close(fd);
  }

  void serve_client(int fd) {
    modbus_set_socket(context_.get(), fd);
    if (answer()) return;
    close(fd);
    std::erase(clients_, fd);
  }

  // One request; false if the connection is of no more use.
  bool answer() {
    std::array<std::uint8_t, MODBUS_MAX_ADU_LENGTH> request{};
    const int length = modbus_receive(context_.get(), request.data());
    if (length < 0) return false;
    if (length == 0) return true;
    // The unit stands right before the function.
    const int number = request[static_cast<std::size_t>(modbus_get_header_length(context_.get())) - 1];
    std::error_code ignored;
    const bool silent = options_.black_holes.contains(number) ||
                        (!options_.silence.empty() && std::filesystem::exists(options_.silence, ignored));
    if (silent) return true;
    if (number < 1 || number > Plant::kUnits)
      return modbus_reply_exception(context_.get(), request.data(), MODBUS_EXCEPTION_GATEWAY_TARGET) > 0;
    modbus_mapping_t mapping = mapping_of(plant_.unit(number));
    return modbus_reply(context_.get(), request.data(), length, &mapping) > 0;
  }

  Plant& plant_;
  const ServerOptions& options_;
  SystemClock clock_;
  Nanoseconds start_;
  Context context_;
  int signals_ = -1;
  int listener_ = -1;
  std::vector<int> clients_;
};

}  // namespace

Result<void> serve(Plant& plant, const ServerOptions& options) {
  Server server(plant, options);
  if (auto opened = server.open(); !opened) return opened;
  server.run();
  return {};
}

}  // namespace weir::modbus::plant
