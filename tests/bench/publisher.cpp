#include "publisher.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/random.h"
#include "rig.h"

namespace weir::bench {
namespace {

using Stopwatch = std::chrono::steady_clock;

// To the broker without its PUBACK: enough that the publisher is not what limits. And to a bare receiver
// without its word: about the credit that the agent gives for batches of 1,000.
constexpr std::uint64_t kInFlight = 64, kAhead = 400;

std::string prefixed(std::string_view text) {
  std::string out{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())};
  return out.append(text);
}

// MQTT's lengths are coded as protobuf's varints are.
std::string mqtt_packet(unsigned char head, std::string_view body) {
  std::string out(1, static_cast<char>(head));
  put_varint(out, body.size());
  return out.append(body);
}

std::string publish_packet(std::string_view topic, std::uint16_t id, bool retained, std::string_view payload) {
  std::string out(1, static_cast<char>(retained ? 0x33 : 0x32));
  put_varint(out, 2 + topic.size() + 2 + payload.size());
  out += prefixed(topic);
  out.push_back(static_cast<char>(id >> 8));
  out.push_back(static_cast<char>(id));
  return out.append(payload);
}

}  // namespace

Publisher::Publisher(std::uint16_t port, const std::string& name, v1::Announcement announcement, Body body)
    : topic_("weir/v1/data/" + name), body_(std::move(body)), instance_(random_u64() | 1), times_(1 << 16) {
  sent_ = 1;  // the announcement
  connect(port, name);
  const auto write = [&](const std::string& bytes) {
    const std::lock_guard lock(writing_);
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  };
  announcement.set_instance(instance_);
  // At QoS 0: then nothing has to be answered.
  const std::string wish = std::string("\0\1", 2) + prefixed("weir/v1/ack/" + name) + '\0';
  if (!write(mqtt_packet(0x82, wish)) ||
      !write(publish_packet("weir/v1/signals/" + name, 1, true, announcement.SerializeAsString())))
    give_up("the broker went away");
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::seconds(20), [&] { return epoch_ != 0; }))
    give_up("the agent does not answer driver " + name);
}

Publisher::Publisher(std::uint16_t port, std::string topic, Body body)
    : topic_(std::move(topic)), body_(std::move(body)), times_(1 << 16) {
  epoch_ = 1;
  allowed_ = kAhead;
  connect(port, "bare");
}

Publisher::~Publisher() {
  stop();
  ::shutdown(socket_, SHUT_RDWR);
  reader_.join();
  ::close(socket_);
}

void Publisher::connect(std::uint16_t port, const std::string& name) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::string hello =
      mqtt_packet(0x10, prefixed("MQTT") + std::string("\4\2\0\0", 4) + prefixed("publisher-" + name));
  std::array<char, 4> answer{};
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::send(socket_, hello.data(), hello.size(), MSG_NOSIGNAL) < 0 ||
      ::recv(socket_, answer.data(), answer.size(), MSG_WAITALL) != 4 || answer[3] != 0)
    give_up("the broker does not take the publisher");
  reader_ = std::thread([this] { read(); });
}

void Publisher::read() {
  std::string buffer;
  std::array<char, 65'536> chunk;
  for (ssize_t size; (size = ::recv(socket_, chunk.data(), chunk.size(), 0)) > 0;) {
    buffer.append(chunk.data(), static_cast<std::size_t>(size));
    std::string_view rest = buffer;
    while (rest.size() >= 2) {
      ByteReader reader(rest.substr(1));
      const std::uint64_t length = reader.varint();
      if (!reader.ok() || reader.rest().size() < length) break;
      packet(static_cast<unsigned char>(rest[0]), reader.rest().substr(0, length));
      rest = reader.rest().substr(length);
    }
    buffer.erase(0, buffer.size() - rest.size());
  }
}

void Publisher::packet(unsigned char head, std::string_view body) {
  const std::lock_guard lock(mutex_);
  if (head >> 4 == 4) ++acknowledged_;
  if (head >> 4 == 3) {
    const std::size_t topic = static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1]);
    const std::string_view payload = body.substr(2 + topic);
    v1::Ack ack;
    if (!ack.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) give_up("an ack that is none");
    if (ack.instance() != instance_) return;
    if (!ack.refused().empty()) give_up("the agent refused a batch: " + ack.refused(0).reason());
    epoch_ = ack.epoch();
    accepted_ = ack.seq();
    allowed_ = ack.seq() + ack.credit();
    if (ack.resend()) {
      ++resends_;
      next_ = ack.seq() + 1;
    }
  }
  changed_.notify_all();
}

void Publisher::received() {
  const std::lock_guard lock(mutex_);
  ++accepted_;
  allowed_ = accepted_ + kAhead;
  changed_.notify_all();
}

void Publisher::start(double rate) {
  publishing_ = true;
  writer_ = std::thread([this, rate] { run(rate); });
}

void Publisher::stop() {
  if (!writer_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    publishing_ = false;
    changed_.notify_all();
  }
  writer_.join();
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::seconds(20), [&] { return accepted_ + 1 >= next_; }))
    give_up(topic_ + ": " + std::to_string(next_ - 1 - accepted_) + " batches are not accepted");
}

void Publisher::run(double rate) {
  const auto start = Stopwatch::now();
  const std::string epoch_key(1, '\x08'), seq_key(1, '\x10');
  for (std::uint64_t count = 0;; ++count) {
    if (rate > 0) {
      const auto due =
          start + std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(count) / rate * 1e9));
      std::this_thread::sleep_until(due);
    }
    std::uint64_t seq = 0;
    std::string payload;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !publishing_ || (next_ <= allowed_ && sent_ - acknowledged_ < kInFlight); });
      if (!publishing_) return;
      seq = next_++;
      ++sent_;
      times_[seq % times_.size()] = Stopwatch::now();
      payload = epoch_key;
      put_varint(payload, epoch_);
    }
    payload += seq_key;
    put_varint(payload, seq);
    payload += body_(seq);
    const std::string bytes = publish_packet(topic_, static_cast<std::uint16_t>(seq % 65'000 + 1), false, payload);
    const std::lock_guard lock(writing_);
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t size = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (size < 0) give_up("the broker went away");
      done += static_cast<std::size_t>(size);
    }
  }
}

Stopwatch::time_point Publisher::sent_at(std::uint64_t seq) const {
  const std::lock_guard lock(mutex_);
  return times_[seq % times_.size()];
}

v1::Signal double_signal(const std::string& path) {
  v1::Signal out;
  out.set_path(path);
  out.set_type(v1::DOUBLE);
  return out;
}

std::string batch_body(const std::string& signal, std::int64_t first_time, std::size_t readings,
                       std::uint64_t& seed) {
  v1::Batch batch;
  v1::Series& series = *batch.add_series();
  series.set_signal(signal);
  auto level = static_cast<std::int64_t>(split_mix(seed) % 4'000);
  for (std::size_t i = 0; i < readings; ++i) {
    series.add_times(i == 0 ? first_time : kMillisecond);
    level += static_cast<std::int64_t>(split_mix(seed) % 21) - 10;
    series.add_doubles(static_cast<double>(level) / 100);
  }
  return batch.SerializeAsString();
}

}  // namespace weir::bench
