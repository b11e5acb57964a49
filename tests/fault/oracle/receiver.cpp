#include "receiver.h"

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"

namespace weir::oracle {
namespace {

// Packet types and reasons of MQTT 5, 2.1.2 and 2.4.
enum Type : std::uint8_t { connect = 1, publish_ = 3, subscribe = 8, pingreq = 12, disconnect = 14 };
constexpr std::uint8_t kQuotaExceeded = 0x97, kNotAuthorized = 0x87;

constexpr unsigned kUnacknowledged = 40, kUntaken = 20, kRefused = 20, kLate = 30;  // of a thousand records

std::int64_t steady_now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

std::uint16_t big_endian(std::string_view bytes) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1]));
}

// A variable byte integer, 1.5.5: its value and how many bytes it takes; 0 bytes: not all of it is there.
std::pair<std::size_t, std::size_t> variable_int(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 4; ++i) {
    value |= static_cast<std::size_t>(bytes[i] & 0x7F) << (7 * i);
    if ((bytes[i] & 0x80) == 0) return {value, i + 1};
  }
  return {0, 0};
}

bool send_all(int fd, std::string_view bytes) {
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

bool is_record(std::string_view topic) { return !topic.ends_with("/birth") && !topic.ends_with("/state"); }

[[noreturn]] void give_up(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

struct Receiver::Connection {
  explicit Connection(int socket) : fd(socket) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(fd); }
  int fd;
  std::string input;
};

Receiver::Receiver(const std::filesystem::path& file, std::uint64_t seed, std::function<void(const Arrival&)> taken)
    : log_(file), random_(seed), taken_(std::move(taken)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (listener_ < 0 || wake_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(listener_, 16) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    give_up("the receiver's socket");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

Receiver::~Receiver() {
  stop_ = true;
  wake();
  thread_.join();
  connections_.clear();
  ::close(listener_);
  ::close(wake_);
}

void Receiver::wake() {
  const std::uint64_t one = 1;
  if (::write(wake_, &one, sizeof one) < 0 && errno != EAGAIN) give_up("the receiver's eventfd");
}

void Receiver::cut() {
  cut_ = true;
  wake();
}

void Receiver::go_away(std::chrono::milliseconds time) {
  away_until_ = steady_now() + std::chrono::steady_clock::duration(time).count();
  cut();
}

ReceiverCounts Receiver::counts() const { return {accepted_, records_, unacknowledged_, untaken_, refused_, late_}; }

bool Receiver::chance(unsigned per_thousand) { return !kind_ && split_mix(random_) % 1'000 < per_thousand; }

// Now and then only: a client that is thrown out again and again waits longer and longer, and rightly so.
bool Receiver::may_break(unsigned per_thousand) {
  constexpr std::int64_t kPeace = std::chrono::steady_clock::duration(std::chrono::seconds(3)).count();
  if (steady_now() - last_break_ < kPeace || !chance(per_thousand)) return false;
  last_break_ = steady_now();
  return true;
}

void Receiver::serve() {
  while (!stop_) {
    std::vector<pollfd> polled{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Connection& connection : connections_) polled.push_back({connection.fd, POLLIN, 0});
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) give_up("poll");
    std::uint64_t count = 0;
    if (::read(wake_, &count, sizeof count) < 0 && errno != EAGAIN) give_up("the receiver's eventfd");
    if (cut_.exchange(false)) {
      connections_.clear();
      continue;
    }
    std::size_t place = 2;
    for (auto it = connections_.begin(); it != connections_.end(); ++place) {
      const bool ended = polled[place].revents != 0 && !read(*it);
      it = ended ? connections_.erase(it) : std::next(it);
    }
    accept_all();
  }
}

void Receiver::accept_all() {
  for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    if (steady_now() < away_until_) {
      ::close(fd);
      continue;
    }
    ++accepted_;
    connections_.emplace_back(fd);
  }
}

// All that is there; false: the connection is to end.
bool Receiver::read(Connection& connection) {
  char buffer[64 << 10];
  const auto got = ::recv(connection.fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
  connection.input.append(buffer, static_cast<std::size_t>(got));
  while (connection.input.size() >= 2) {
    const std::string_view input(connection.input);
    const auto [length, bytes] = variable_int(input.substr(1));
    if (bytes == 0 || input.size() < 1 + bytes + length) return true;
    if (!packet(connection, static_cast<std::uint8_t>(input[0]), input.substr(1 + bytes, length))) return false;
    connection.input.erase(0, 1 + bytes + length);
  }
  return true;
}

bool Receiver::packet(Connection& connection, std::uint8_t head, std::string_view body) {
  using namespace std::string_view_literals;
  switch (head >> 4) {
    case connect: return send_all(connection.fd, "\x20\x03\x00\x00\x00"sv);
    case publish_: return publish(connection, head, body);
    case subscribe: {  // nothing will ever come
      const char answer[] = {'\x90', 4, body[0], body[1], 0, static_cast<char>(kNotAuthorized)};
      return send_all(connection.fd, {answer, sizeof answer});
    }
    case pingreq: return send_all(connection.fd, "\xD0\x00"sv);
    case disconnect:
    default: return false;
  }
}

bool Receiver::publish(Connection& connection, std::uint8_t head, std::string_view body) {
  const std::size_t topic_length = big_endian(body);
  const std::string_view topic = body.substr(2, topic_length);
  if ((head >> 1 & 3) != 1) return false;  // an uplink has no business with another QoS
  const std::string_view id = body.substr(2 + topic_length, 2);
  const std::string_view rest = body.substr(4 + topic_length);
  const auto [properties, bytes] = variable_int(rest);
  const std::string_view payload = rest.substr(bytes + properties);

  std::string answer{'\x40', 2, id[0], id[1]};
  if (is_record(topic)) {
    if (may_break(kUntaken)) {
      ++untaken_;
      return false;
    }
    if (may_break(kRefused)) {
      ++refused_;
      answer[1] = 3;
      answer += static_cast<char>(kQuotaExceeded);
      return send_all(connection.fd, answer);
    }
    log_.add(topic, payload);
    ++records_;
    taken_({std::string(topic), std::string(payload)});
    if (may_break(kUnacknowledged)) {
      ++unacknowledged_;
      return false;
    }
    if (chance(kLate)) {
      ++late_;
      const timespec time{0, static_cast<long>(split_mix(random_) % 150'000'000)};
      ::nanosleep(&time, nullptr);
    }
  }
  return send_all(connection.fd, answer);
}

}  // namespace weir::oracle
