#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <modbus.h>
#include <sys/file.h>
#include <unistd.h>

#include "driver_modbus/master.h"
#include "driver_modbus/tcp_connect.h"

namespace weir::modbus {
namespace {

std::string duration_text(Nanoseconds duration) { return weir::to_text(std::chrono::nanoseconds(duration)); }

class LibmodbusMaster final : public Master {
 public:
  explicit LibmodbusMaster(const Address& address)
      : address_(address), name_(to_text(address)), serial_(std::holds_alternative<SerialPort>(address)) {}
  ~LibmodbusMaster() override { disconnect(); }
  LibmodbusMaster(const LibmodbusMaster&) = delete;
  LibmodbusMaster& operator=(const LibmodbusMaster&) = delete;

  Answer<void> read(const Target& target, Table table, int first, std::span<std::uint16_t> out) override {
    const int count = static_cast<int>(out.size());
    const std::string what = request_text("read", table, first, count);
    return ask(target, what, [&] {
      if (!is_bits(table))
        return (table == Table::holding ? modbus_read_registers : modbus_read_input_registers)(context_, first, count,
                                                                                               out.data());
      std::array<std::uint8_t, MODBUS_MAX_READ_BITS> bits{};
      const int got =
          (table == Table::coil ? modbus_read_bits : modbus_read_input_bits)(context_, first, count, bits.data());
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = bits[i] & 1;
      return got;
    });
  }

  Answer<void> write(const Target& target, Table table, int first, std::span<const std::uint16_t> words) override {
    const int count = static_cast<int>(words.size());
    const std::string what = request_text("write", table, first, count);
    if (table == Table::coil)
      return ask(target, what, [&] { return modbus_write_bit(context_, first, words.front() & 1); });
    const auto all = [&] { return modbus_write_registers(context_, first, count, words.data()); };
    if (count != 1) return ask(target, what, all);
    auto done = ask(target, what, [&] { return modbus_write_register(context_, first, words.front()); });
    // Devices need not know both functions.
    if (!done && done.error().kind == Failure::Kind::refused && done.error().exception == kIllegalFunction)
      return ask(target, what, all);
    return done;
  }

 private:
  static std::string request_text(const char* verb, Table table, int first, int count) {
    std::string text = std::string("to ") + verb + " " + to_text(table) + " " + std::to_string(first);
    return count == 1 ? text : text + " to " + std::to_string(first + count - 1);
  }

  template <class Request>
  Answer<void> ask(const Target& target, const std::string& what, Request request) {
    const SystemClock clock;
    const Nanoseconds deadline = clock.boottime() + target.timeout;
    if (auto ok = connect(target.timeout); !ok) return ok;
    if (modbus_set_slave(context_, target.unit) != 0)
      return std::unexpected(Failure{Failure::Kind::garbled, 0, "there is no unit " + std::to_string(target.unit)});
    const Nanoseconds left = std::max(deadline - clock.boottime(), kMillisecond);
    modbus_set_response_timeout(context_, static_cast<std::uint32_t>(left / kSecond),
                                static_cast<std::uint32_t>(left % kSecond / kMicrosecond));
    // What came too late for the request before is not the answer to this one.
    if (serial_) modbus_flush(context_);
    errno = 0;
    if (request() >= 0) return {};
    return failed(target, what, errno);
  }

  Answer<void> failed(const Target& target, const std::string& what, int error) {
    const std::string who = name_ + " (unit " + std::to_string(target.unit) + ")";
    if (error > MODBUS_ENOBASE && error < MODBUS_ENOBASE + MODBUS_EXCEPTION_MAX) {
      const int exception = error - MODBUS_ENOBASE;
      return std::unexpected(Failure{Failure::Kind::refused, exception,
                                     who + " refuses " + what + ": " + exception_text(exception) + " (exception " +
                                         std::to_string(exception) + ")"});
    }
    const bool is_protocol = error > MODBUS_ENOBASE;
    // A serial port survives silence and noise, but not its adapter being pulled out.
    if (serial_ && (is_protocol || error == ETIMEDOUT)) modbus_flush(context_);
    else disconnect();
    if (error == ETIMEDOUT)
      return std::unexpected(Failure{Failure::Kind::timed_out, 0,
                                     "no answer from " + name_ + " within " + duration_text(target.timeout) +
                                         " (unit " + std::to_string(target.unit) + ")"});
    if (is_protocol)
      return std::unexpected(
          Failure{Failure::Kind::garbled, 0,
                  who + " was asked " + what + " and answered something else: " + protocol_text(error)});
    return std::unexpected(
        Failure{Failure::Kind::not_connected, 0, "the connection to " + name_ + " broke: " + std::strerror(error)});
  }

  static const char* protocol_text(int error) {
    switch (error) {
      case EMBBADCRC: return "wrong checksum (noise on the line, or another speed or parity)";
      case EMBBADSLAVE: return "the answer of another unit";
      case EMBBADDATA: return "not the length, the number or the function of the request";
      default: return modbus_strerror(error);
    }
  }

  Answer<void> connect(Nanoseconds timeout) {
    if (context_ != nullptr) return {};
    auto ok =
        serial_ ? open_port(std::get<SerialPort>(address_)) : open_socket(std::get<TcpAddress>(address_), timeout);
    if (!ok) {
      disconnect();
      return ok;
    }
    // With no time-out between bytes the one for the response bounds all of it: a peer that sends a
    // byte now and then cannot hold the line.
    modbus_set_byte_timeout(context_, 0, 0);
    modbus_set_error_recovery(context_, MODBUS_ERROR_RECOVERY_NONE);
    return {};
  }

  Answer<void> open_socket(const TcpAddress& tcp, Nanoseconds timeout) {
    // Not libmodbus's own way to connect: it says "connection refused" whatever the reason.
    const auto fd = tcp_connect(tcp.host, tcp.port, timeout);
    if (!fd)
      return std::unexpected(
          Failure{Failure::Kind::not_connected, 0, "cannot connect to " + name_ + ": " + fd.error().text()});
    context_ = modbus_new_tcp_pi(nullptr, "502");
    if (context_ == nullptr) {
      close(*fd);
      return std::unexpected(Failure{Failure::Kind::not_connected, 0, "no memory for a connection to " + name_});
    }
    modbus_set_socket(context_, *fd);
    return {};
  }

  Answer<void> open_port(const SerialPort& port) {
    const auto fails = [&](std::string why) {
      return std::unexpected(
          Failure{Failure::Kind::not_connected, 0, "cannot open " + name_ + ": " + std::move(why)});
    };
    context_ = modbus_new_rtu(port.path.c_str(), port.baud, port.parity, port.data_bits, port.stop_bits);
    if (context_ == nullptr) return fails(std::strerror(errno));
    if (modbus_connect(context_) != 0)
      return fails(errno == EACCES ? "permission denied (is the user in the group dialout?)" : std::strerror(errno));
    if (flock(modbus_get_socket(context_), LOCK_EX | LOCK_NB) != 0) return fails("another program uses it");
    return {};
  }

  void disconnect() {
    if (context_ == nullptr) return;
    modbus_close(context_);
    modbus_free(context_);
    context_ = nullptr;
  }

  Address address_;
  std::string name_;
  bool serial_;
  modbus_t* context_ = nullptr;  // only while connected
};

}  // namespace

std::unique_ptr<Master> make_master(const Address& address) { return std::make_unique<LibmodbusMaster>(address); }

}  // namespace weir::modbus
