#include "bus/broker.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "base/backoff.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "bus/accounts.h"
#include "bus/port.h"
#include "process/process.h"

namespace weir::bus {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr milliseconds kProbe{20};
constexpr milliseconds kStable{60'000};  // after this long up, the back-off begins anew

// MQTT 3.1.1, 3.1 and 3.2: no name, no password; and the CONNACK that refuses it.
constexpr std::array<unsigned char, 14> kAnonymousConnect{0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 0};
constexpr std::array<unsigned char, 4> kNotAuthorized{0x20, 2, 0, 5};

constexpr const char* kInstall = "install it (apt install mosquitto), or give the url of a broker under bus:";

bool is_root() { return ::geteuid() == 0; }

}  // namespace

struct ManagedBroker::Life : std::enable_shared_from_this<ManagedBroker::Life> {
  Life(asio::any_io_executor executor_in, const Clock& clock_in, BrokerOptions options_in)
      : executor(std::move(executor_in)),
        clock(clock_in),
        options(std::move(options_in)),
        folder(options.runtime_dir / "bus"),
        backoff(options.first_backoff, options.most_backoff),
        timer(executor),
        limit(executor),
        probe(executor),
        said(clock) {}

  Result<void> prepare() {
    if (options.executable.empty())
      options.executable = process::find_executable("mosquitto", {"/usr/sbin", "/usr/local/sbin"});
    if (options.executable.empty()) return fail("mosquitto, the MQTT broker, is not installed", kInstall);
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed || ::chmod(folder.c_str(), 0700) != 0)
      return fail("cannot make the folder " + folder.string() + (failed ? ": " + failed.message() : ""),
                  "the agent's runtime folder must be its own");
    if (auto ok = accounts.set(options.drivers); !ok) return ok;
    return write_accounts();
  }

  Result<void> write_accounts() {
    const auto passwords = accounts.password_file();
    if (!passwords) return std::unexpected(passwords.error());
    if (auto ok = write_volatile_file(folder / "passwords", *passwords, 0600); !ok) return ok;
    return write_volatile_file(folder / "access", accounts.access_file(), 0600);
  }

  std::string config() const {
    std::string out =
        "# Written by weir at each start of its broker; changes here are lost.\n"
        "listener " +
        std::to_string(status.port) +
        " 127.0.0.1\n"
        "allow_anonymous false\n"
        "password_file " +
        (folder / "passwords").string() +
        "\n"
        "acl_file " +
        (folder / "access").string() +
        "\n"
        "persistence false\n"
        "sys_interval 0\n"
        "set_tcp_nodelay true\n"
        "max_queued_messages " +
        std::to_string(kBrokerQueue) +
        "\n"
        "max_queued_bytes " +
        std::to_string(kBrokerQueueBytes) +
        "\n"
        "max_inflight_messages " +
        std::to_string(kBrokerInflight) +
        "\n"
        "max_packet_size " +
        std::to_string(kBrokerPacket) +
        "\n"
        "log_dest stderr\n"
        "log_timestamp false\n"
        "log_type error\n"
        "log_type warning\n"
        "log_type notice\n";
    // Started by root it would become the user mosquitto, who may not read our files, and the change of
    // user would undo that it dies with us. The service does not run as root.
    if (is_root()) out += "user root\n";
    return out;
  }

  Result<void> choose_port() {
    if (status.port != 0 && is_free(status.port)) return {};
    const auto picked = pick_port();
    if (!picked) return std::unexpected(picked.error());
    if (status.port != 0)
      log::warn("bus: somebody else has taken port {}; the broker moves to {}, and drivers start again", status.port,
                *picked);
    status.port = *picked;
    return {};
  }

  Result<void> launch() {
    if (auto ok = choose_port(); !ok) return ok;
    if (auto ok = write_volatile_file(folder / "mosquitto.conf", config(), 0600); !ok) return ok;
    process::Command command;
    command.executable = options.executable;
    command.arguments = {"-c", (folder / "mosquitto.conf").string()};
    last_error.clear();
    const std::weak_ptr<Life> weak = weak_from_this();
    auto started = process::Process::start(executor, command,
                                           {.out = nullptr,
                                            .error =
                                                [weak](std::string_view line) {
                                                  if (const auto self = weak.lock()) self->line(line);
                                                },
                                            .exited =
                                                [weak](process::Exit exit) {
                                                  if (const auto self = weak.lock()) self->ended(exit.text());
                                                }});
    if (!started) return std::unexpected(started.error());
    broker = std::move(*started);
    status.pid = broker->pid();
    if (ever_started) ++status.restarts;
    ever_started = true;
    // Once the executor runs: until then it may be up, and nobody would hear of it.
    asio::post(executor, [weak, pid = status.pid] {
      const auto self = weak.lock();
      if (self && self->status.pid == pid && !self->stopped) self->expect();
    });
    return {};
  }

  void expect() {
    limit.expires_after(options.start_timeout);
    limit.async_wait([weak = weak_from_this()](error_code cancelled) {
      const auto self = weak.lock();
      if (!cancelled && self) self->too_slow();
    });
    knock();
  }

  // The next step of a knock; knocks again if this one failed.
  auto next(void (*then)(Life&)) {
    return [weak = weak_from_this(), pid = status.pid, then](error_code refused, auto&&...) {
      const auto self = weak.lock();
      if (!self || refused == asio::error::operation_aborted || self->status.pid != pid) return;
      if (!refused) return then(*self);
      self->after(kProbe, [](Life& life) { life.knock(); });
    };
  }

  // Whether it serves yet: an anonymous CONNECT must be answered. That the port takes connections is
  // not enough: it does so before signals are handled, and then SIGHUP would end it.
  void knock() {
    probe = asio::ip::tcp::socket(executor);
    probe.async_connect(
        {asio::ip::address_v4::loopback(), status.port}, next([](Life& life) {
          asio::async_write(life.probe, asio::buffer(kAnonymousConnect), life.next([](Life& connected) {
            asio::async_read(connected.probe, asio::buffer(connected.answer), connected.next([](Life& answered) {
              if (answered.answer == kNotAuthorized) return answered.ready();
              answered.after(kProbe, [](Life& again) { again.knock(); });
            }));
          }));
        }));
  }

  void ready() {
    error_code ignored;
    probe.close(ignored);
    limit.cancel();
    status.up = true;
    status.since = clock.now();
    if (std::exchange(reload_wanted, false)) broker->signal(SIGHUP);
    log::info("bus: the broker takes connections on 127.0.0.1:{} (process {})", status.port, status.pid);
    after(kStable, [](Life& life) { life.backoff.reset(); });
    if (handlers.ready) handlers.ready();
  }

  void too_slow() {
    if (!broker || status.up) return;  // it was just in time, or has ended
    last_error = "did not take connections within " + to_text(options.start_timeout);
    broker->terminate(milliseconds(0));
  }

  void line(std::string_view text) {
    // Expected: see config().
    const bool as_root = text.find("should not be run as root") != std::string_view::npos;
    const bool error = text.starts_with("Error:");
    if (error) last_error = text.substr(sizeof "Error:");
    std::uint64_t repeats = 0;
    if ((error || text.starts_with("Warning:")) && !as_root) {
      if (said.first(std::string(text.substr(0, 60)), repeats)) log::warn("bus: mosquitto: {}", text);
    } else {
      log::debug("bus: mosquitto: {}", text);
    }
  }

  void ended(const std::string& how) {
    broker.reset();
    status.pid = 0;
    nothing_next();
    error_code ignored;
    probe.close(ignored);
    if (stopped) return finish();
    down("the broker " + how_text(how) + (last_error.empty() ? "" : ": " + last_error));
    retry();
  }

  // "exited with 3" stands as it is; "killed by" needs a verb.
  static std::string how_text(const std::string& how) { return how.starts_with("killed") ? "was " + how : how; }

  void retry() {
    const milliseconds wait = backoff.next();
    log::debug("bus: the broker is started again in {}", to_text(wait));
    after(wait, [](Life& life) {
      if (auto ok = life.launch(); !ok) {
        life.down(ok.error().text());
        life.retry();
      }
    });
  }

  void down(const std::string& reason) {
    const bool was_up = std::exchange(status.up, false);
    const bool news = was_up || reason != status.last_reason;
    status.last_reason = reason;
    if (was_up || !told) status.since = clock.now();
    if (news) log::warn("bus: {}", reason);
    if ((was_up || !told) && handlers.down) handlers.down(reason, status.since);
    told = true;
  }

  void finish() {
    status.up = false;
    status.since = clock.now();
    handlers = {};
    asio::post(executor, std::exchange(stopped, nullptr));
  }

  // In place of whatever was to be done next. A wait that is over can no longer be cancelled, though its
  // handler has not run yet: hence the number.
  void after(milliseconds wait, void (*then)(Life&)) {
    timer.expires_after(wait);
    timer.async_wait([weak = weak_from_this(), number = ++step, then](error_code cancelled) {
      const auto self = weak.lock();
      if (!cancelled && self && self->step == number) then(*self);
    });
  }

  void nothing_next() {
    ++step;
    timer.cancel();
    limit.cancel();
  }

  asio::any_io_executor executor;
  const Clock& clock;
  BrokerOptions options;
  std::filesystem::path folder;
  BrokerHandlers handlers;
  Accounts accounts;
  Backoff backoff;
  asio::steady_timer timer;  // the next thing to do: knock, try again, or call it stable
  std::uint64_t step = 0;    // which one that is
  asio::steady_timer limit;  // of a start
  asio::ip::tcp::socket probe;
  std::array<unsigned char, 4> answer{};
  log::BurstLog said;
  std::unique_ptr<process::Process> broker;
  BrokerStatus status;
  std::string last_error;
  bool reload_wanted = false;  // once it serves
  bool ever_started = false;
  bool told = false;
  std::function<void()> stopped;
};

ManagedBroker::ManagedBroker(asio::any_io_executor executor, const Clock& clock, BrokerOptions options)
    : life_(std::make_shared<Life>(std::move(executor), clock, std::move(options))) {}

ManagedBroker::~ManagedBroker() {
  life_->handlers = {};
  life_->broker.reset();
}

Result<void> ManagedBroker::start(BrokerHandlers handlers) {
  if (auto ok = life_->prepare(); !ok) return context("bus", ok.error());
  if (auto ok = life_->launch(); !ok) return context("bus", ok.error());
  life_->handlers = std::move(handlers);
  return {};
}

void ManagedBroker::stop(std::function<void()> stopped) {
  life_->stopped = std::move(stopped);
  life_->nothing_next();
  if (life_->broker) life_->broker->terminate(life_->options.grace);
  else life_->finish();
}

Result<void> ManagedBroker::set_drivers(const std::vector<std::string>& names) {
  const Accounts before = life_->accounts;
  auto ok = life_->accounts.set(names);
  if (ok) ok = life_->write_accounts();
  if (!ok) {
    life_->accounts = before;
    return context("bus", ok.error());
  }
  if (life_->status.up) life_->broker->signal(SIGHUP);
  else life_->reload_wanted = true;
  return {};
}

Endpoint ManagedBroker::endpoint(std::string_view account) const {
  const std::string* password = life_->accounts.password(account);
  if (password == nullptr) return {};
  return {"mqtt://127.0.0.1:" + std::to_string(life_->status.port), std::string(account), *password};
}

BrokerStatus ManagedBroker::status() const { return life_->status; }

}  // namespace weir::bus
