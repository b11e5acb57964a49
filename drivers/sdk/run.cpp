#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "mqtt/paho.h"
#include "sdk/command_line.h"
#include "sdk/driver.h"
#include "sdk/options.h"
#include "sdk/session.h"
#include "sdk/stopper.h"

namespace weir::sdk {
namespace {

namespace asio = boost::asio;

// From the first SIGTERM on: this long for the queue to be accepted, and this long for everything.
constexpr std::chrono::seconds kDrainTime{2};
constexpr std::chrono::seconds kStopTime{8};

std::string read_boot_id() {
  std::string hex, bytes;
  if (const auto text = read_file("/proc/sys/kernel/random/boot_id", 128))
    for (const char c : *text)
      if (c != '-' && c != '\n') hex.push_back(c);
  return from_hex(hex, bytes) && bytes.size() == 16 ? bytes : std::string(16, '\0');
}

// One life of a driver: the I/O thread is the caller's; the driver's loop and the requests have theirs.
class Program final : public Link {
 public:
  Program(const CommandLine& line, const Kind& kind, Driver& driver)
      : driver_(driver),
        instance_(random_u64()),
        outbox_(driver.signals(), line.queue_bytes, clock_, [this] { wake(); }),
        states_(instance_, clock_, [this] { wake(); }),
        requests_(driver, clock_,
                  [this](std::variant<v1::Written, v1::ReadOut> answer) {
                    asio::post(io_,
                               [this, answer = std::move(answer)]() mutable { session_.answer(std::move(answer)); });
                  }),
        client_(mqtt::make_paho_client(io_.get_executor(), client_options(line))),
        session_({line.name, kind.name, WEIR_VERSION, instance_, read_boot_id()}, driver.signals(), outbox_, states_,
                 requests_, *client_, clock_, [this](Nanoseconds at) { arm(at); }) {}

  int run() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (!error) stop_requested();
    });
    client_->start(session_.handlers());
    std::thread worker([this] { requests_.work(); });
    std::thread loop([this] { run_driver(); });
    io_.run();
    loop.join();
    worker.join();
    return failed_ ? 1 : 0;
  }

  void publish(std::size_t signal, model::Reading reading) override { outbox_.publish(signal, std::move(reading)); }
  void publish(std::size_t signal, std::vector<Timestamp> times, model::Column values,
               std::vector<std::uint32_t> qualities) override {
    outbox_.publish(signal, std::move(times), std::move(values), std::move(qualities));
  }
  void flush() override { outbox_.flush(); }
  double pressure() const override { return outbox_.pressure(); }
  void device_state(std::string_view device, Level level, std::string_view reason) override {
    states_.device(device, level, reason);
  }
  bool wait_until(Nanoseconds until) override { return stopper_.wait_until(until); }
  bool stopping() const override { return stopper_.stopping(); }
  const Clock& clock() const override { return clock_; }

 private:
  mqtt::Options client_options(const CommandLine& line) const {
    mqtt::Options out;
    out.url = line.bus;
    out.client_id = "weir-driver-" + line.name;
    out.username = line.username;
    out.password = line.password;
    if (!line.ca.empty() || !line.certificate.empty()) out.tls = mqtt::Tls{line.ca, line.certificate, line.key};
    out.will = Session::will(line.name, states_);
    return out;
  }

  // On any thread; once for many calls, as long as the I/O thread has not come to it.
  void wake() {
    if (woken_.exchange(true)) return;
    asio::post(io_, [this] {
      woken_ = false;
      session_.pump();
    });
  }

  void arm(Nanoseconds at) {
    if (at == armed_) return;
    armed_ = at;
    timer_.expires_after(std::chrono::nanoseconds(std::max<Nanoseconds>(at - clock_.boottime(), 0)));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      armed_ = 0;
      session_.expire();
    });
  }

  void run_driver() {
    std::string why;
    try {
      driver_.run(*this);
    } catch (const std::exception& error) {
      why = std::string("the driver failed: ") + error.what();
    }
    if (why.empty() && !stopping()) why = "the driver's loop has ended by itself";
    if (!why.empty()) {
      log::error("{}", why);
      failed_ = true;
    }
    requests_.stop();
    asio::post(io_, [this, why] { finish(why.empty() ? "stopped" : why); });
  }

  void stop_requested() {
    log::info("stopping");
    stopper_.stop();
    signals_.async_wait([](const boost::system::error_code& error, int) {
      if (!error) std::_Exit(130);  // asked twice
    });
    deadline_.expires_after(kStopTime);
    deadline_.async_wait([](const boost::system::error_code& error) {
      if (error) return;
      log::error("the driver does not stop; ending it");
      std::_Exit(1);
    });
  }

  // The loop has ended: what is queued gets its chance to be accepted, then we say good-bye.
  void finish(const std::string& why) {
    drain_.expires_after(kDrainTime);
    drain_.async_wait([this, why](const boost::system::error_code&) { leave(why); });
    session_.drain([this] { drain_.cancel(); });
  }

  void leave(const std::string& why) {
    states_.down(why);
    session_.pump();
    client_->stop([this] { end(); });
  }

  void end() {
    work_.reset();
    signals_.cancel();
    timer_.cancel();
    deadline_.cancel();
    io_.stop();
  }

  Driver& driver_;
  const SystemClock clock_;
  Stopper stopper_{clock_};
  const std::uint64_t instance_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::signal_set signals_{io_, SIGTERM, SIGINT};
  asio::steady_timer timer_{io_}, drain_{io_}, deadline_{io_};
  Nanoseconds armed_ = 0;
  std::atomic<bool> woken_ = false;
  std::atomic<bool> failed_ = false;
  Outbox outbox_;
  States states_;
  Requests requests_;
  std::unique_ptr<mqtt::Client> client_;
  Session session_;
};

std::unique_ptr<Driver> configured(const Kind& kind, Diagnostics& diagnostics) {
  const auto options = read_options(stdin);
  if (options) return configure(kind, *options, diagnostics);
  diagnostics.push_back(problem({}, options.error().what, options.error().hint));
  return nullptr;
}

int check(const Kind& kind) {
  Diagnostics diagnostics;
  configured(kind, diagnostics);
  for (const Diagnostic& diagnostic : diagnostics) std::printf("%s\n", check_line(diagnostic).c_str());
  return has_errors(diagnostics) ? 1 : 0;
}

int run_on_bus(const CommandLine& line, const Kind& kind) {
  log::start(line.name, line.log_level);
  std::signal(SIGPIPE, SIG_IGN);
  Diagnostics diagnostics;
  const auto driver = configured(kind, diagnostics);
  for (const Diagnostic& diagnostic : diagnostics) log::error("{}", render(diagnostic));
  if (driver == nullptr) return 1;
  return Program(line, kind, *driver).run();
}

}  // namespace

int run(int argc, char** argv, const Kind& kind) {
  const CommandLine line = parse_command_line(argc, argv, kind);
  switch (line.task) {
    case CommandLine::Task::done: return line.exit_code;
    case CommandLine::Task::schema: std::printf("%s\n", kind.schema.c_str()); return 0;
    case CommandLine::Task::check: return check(kind);
    case CommandLine::Task::run: return run_on_bus(line, kind);
  }
  return 1;
}

}  // namespace weir::sdk
