#include "modbus_plant.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <modbus.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

namespace weir::modbus::test {
namespace {

using namespace std::chrono_literals;

constexpr int kLookForStop = 20;  // ms: how often a server's thread looks whether the test is over

bool readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return poll(&waiting, 1, kLookForStop) > 0;
}

int port_of(int listener) {
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &size);
  return ntohs(bound.sin_port);
}

[[noreturn]] void give_up(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + modbus_strerror(errno));
}

}  // namespace

void CollectingLink::publish(std::size_t signal, model::Reading reading) {
  const std::scoped_lock lock(mutex_);
  readings_[signal].push_back(std::move(reading));
  changed_.notify_all();
}

void CollectingLink::device_state(std::string_view device, sdk::Level level, std::string_view reason) {
  static constexpr std::array kLevels{"up", "degraded", "down"};
  const std::scoped_lock lock(mutex_);
  states_[std::string(device)] =
      std::string(kLevels.at(static_cast<std::size_t>(level))) + ": " + std::string(reason);
  changed_.notify_all();
}

bool CollectingLink::wait_until(Nanoseconds until) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::nanoseconds(until - clock_.boottime()), [this] { return stopping_; });
}

bool CollectingLink::stopping() const {
  const std::scoped_lock lock(mutex_);
  return stopping_;
}

void CollectingLink::stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

std::vector<model::Reading> CollectingLink::readings(std::size_t signal) const {
  const std::scoped_lock lock(mutex_);
  const auto found = readings_.find(signal);
  return found == readings_.end() ? std::vector<model::Reading>{} : found->second;
}

std::string CollectingLink::state(const std::string& device) const {
  const std::scoped_lock lock(mutex_);
  const auto found = states_.find(device);
  return found == states_.end() ? "" : found->second;
}

void CollectingLink::forget() {
  const std::scoped_lock lock(mutex_);
  readings_.clear();
}

bool CollectingLink::eventually(const std::function<bool()>& condition) const {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    std::unique_lock lock(mutex_);
    // The condition takes the lock itself: a change may slip in between, hence the short wait.
    changed_.wait_for(lock, 10ms);
    if (std::chrono::steady_clock::now() > deadline) return false;
  }
  return true;
}

bool CollectingLink::eventually_quality(std::size_t signal, model::Quality quality) const {
  return eventually([&] {
    const auto all = readings(signal);
    return !all.empty() && all.back().quality == quality;
  });
}

struct Server::Impl {
  modbus_t* context = nullptr;
  modbus_mapping_t* mapping = nullptr;
  int listener = -1;
  std::vector<int> clients;
  std::string serial;  // of an RTU server
  int unit = 1;
  mutable std::mutex mutex;  // of the mapping

  bool answer() {
    std::array<std::uint8_t, MODBUS_MAX_ADU_LENGTH> request{};
    const int length = modbus_receive(context, request.data());
    if (length <= 0) return false;
    const std::scoped_lock lock(mutex);
    return modbus_reply(context, request.data(), length, mapping) > 0;
  }

  void open_serial() {
    modbus_close(context);
    modbus_free(context);
    context = modbus_new_rtu(serial.c_str(), 9600, 'N', 8, 1);
    modbus_set_slave(context, unit);
    if (modbus_connect(context) != 0) give_up("serial port");
  }

  explicit Impl(modbus_t* made) : context(made), mapping(modbus_mapping_new(100, 100, 1000, 1000)) {
    if (context == nullptr || mapping == nullptr) give_up("server");
    for (int i = 0; i < 1000; ++i)
      mapping->tab_registers[i] = mapping->tab_input_registers[i] = static_cast<std::uint16_t>(i);
    modbus_set_indication_timeout(context, 0, 200'000);
  }
  ~Impl() {
    for (const int fd : clients) close(fd);
    if (listener >= 0) close(listener);
    if (listener >= 0) modbus_set_socket(context, -1);  // one of the clients
    modbus_close(context);
    modbus_free(context);
    modbus_mapping_free(mapping);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
};

Server::Server(int port) : impl_(std::make_unique<Impl>(modbus_new_tcp("127.0.0.1", port))) {
  impl_->listener = modbus_tcp_listen(impl_->context, 8);
  if (impl_->listener < 0) give_up("listen");
  port_ = port_of(impl_->listener);
  thread_ = std::jthread([this](const std::stop_token& stop) { serve_tcp(stop); });
}

Server::Server(const std::string& serial, int unit)
    : impl_(std::make_unique<Impl>(modbus_new_rtu(serial.c_str(), 9600, 'N', 8, 1))) {
  impl_->serial = serial;
  impl_->unit = unit;
  impl_->open_serial();
  thread_ = std::jthread([this](const std::stop_token& stop) { serve_rtu(stop); });
}

Server::~Server() {
  thread_.request_stop();
  thread_.join();
}

void Server::serve_tcp(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> waiting{{impl_->listener, POLLIN, 0}};
    for (const int fd : impl_->clients) waiting.push_back({fd, POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), kLookForStop) <= 0) continue;
    for (std::size_t i = 1; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0) continue;
      modbus_set_socket(impl_->context, waiting[i].fd);
      if (impl_->answer()) continue;
      close(waiting[i].fd);
      std::erase(impl_->clients, waiting[i].fd);
    }
    if (waiting[0].revents != 0)
      if (const int fd = accept(impl_->listener, nullptr, nullptr); fd >= 0) impl_->clients.push_back(fd);
  }
}

void Server::serve_rtu(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!readable(modbus_get_socket(impl_->context))) continue;
    if (impl_->answer()) continue;
    // For another unit. libmodbus would take the next request for that unit's answer, which never comes.
    impl_->open_serial();
  }
}

void Server::set_holding(int address, std::uint16_t value) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->mapping->tab_registers[address] = value;
}

std::uint16_t Server::holding(int address) const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->mapping->tab_registers[address];
}

bool Server::coil(int address) const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->mapping->tab_bits[address] != 0;
}

HostileServer::HostileServer(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 || listen(listener_, 8) != 0)
    give_up("listen");
  port_ = port_of(listener_);
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

HostileServer::~HostileServer() {
  thread_.request_stop();
  thread_.join();
  close(listener_);
}

void HostileServer::serve(const std::stop_token& stop) {
  int client = -1;
  while (!stop.stop_requested()) {
    if (client < 0) {
      if (readable(listener_)) client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      continue;
    }
    if (!readable(client)) continue;
    std::array<char, 512> request{};
    const ssize_t length = recv(client, request.data(), request.size(), 0);
    bool open = length > 0;
    if (open) {
      const std::string answer = behaviour_(std::string(request.data(), static_cast<std::size_t>(length)));
      open = answer.empty() || send(client, answer.data(), answer.size(), MSG_NOSIGNAL) > 0;
    }
    if (open) continue;
    close(client);
    client = -1;
  }
  if (client >= 0) close(client);
}

SerialLine::SerialLine() {
  for (End& end : ends_) {
    std::array<char, 128> path{};
    termios raw{};
    cfmakeraw(&raw);
    if (openpty(&end.master, &end.slave, path.data(), &raw, nullptr) != 0) give_up("openpty");
    end.path = path.data();
  }
  pump_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::array<pollfd, 2> waiting{{{ends_[0].master, POLLIN, 0}, {ends_[1].master, POLLIN, 0}}};
      if (poll(waiting.data(), waiting.size(), kLookForStop) <= 0) continue;
      for (std::size_t i = 0; i < 2; ++i) {
        if ((waiting[i].revents & POLLIN) == 0) continue;
        std::array<char, 512> bytes{};
        const ssize_t length = read(ends_[i].master, bytes.data(), bytes.size());
        if (length > 0 && write(ends_[1 - i].master, bytes.data(), static_cast<std::size_t>(length)) < 0) return;
      }
    }
  });
}

SerialLine::~SerialLine() {
  pump_.request_stop();
  pump_.join();
  for (const End& end : ends_) {
    close(end.master);
    close(end.slave);
  }
}

}  // namespace weir::modbus::test
