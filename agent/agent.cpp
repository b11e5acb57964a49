#include "agent/agent.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <optional>
#include <thread>

#include <malloc.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent/alert_board.h"
#include "agent/alert_commands.h"
#include "agent/bus_link.h"
#include "agent/clouds.h"
#include "agent/device_access.h"
#include "agent/explain.h"
#include "agent/plan.h"
#include "agent/rule_writes.h"
#include "agent/service.h"
#include "agent/startup.h"
#include "agent/status.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "bus/broker.h"
#include "control/server.h"
#include "intake/intake.h"
#include "line/line.h"
#include "store/store.h"
#include "supervisor/driver.h"
#include "supervisor/supervisor.h"
#include "weir/v1/uplink.pb.h"
#include "wire/wire.h"

namespace weir {
namespace asio = boost::asio;
namespace {

class Agent {
 public:
  explicit Agent(AgentOptions options)
      : options_(std::move(options)), folders_(supervisor::driver_folders(options_.drivers_dir)) {}

  Result<void> run();

 private:
  void open(Startup startup);
  void start_line();
  void start_bus();
  void start_drivers();
  void start_clouds();
  void start_control();
  void ready();

  void from_bus(mqtt::Message message);
  void to_bus(std::string topic, std::string payload);
  void every_second();
  std::vector<std::string> names_of_leaving() const;
  Result<void> let_in(std::vector<std::string> drivers);
  void forget_who_left();
  void store_changed(const store::Condition& condition, const std::vector<store::Incarnation>& incarnations);
  void announce();
  void feed_watchdog();
  void look_at_store();
  void trim();
  void write_status();
  StatusInputs status_inputs();

  void asked(const Node& request, control::Reply reply);
  Result<Node> losing() const;
  std::vector<model::Signal> announced() const;
  void reload(std::function<void(Result<std::string>)> done);
  Result<std::string> apply(config::Loaded loaded);
  std::string birth() const;
  void on_signal();
  void stop();

  AgentOptions options_;
  std::vector<std::filesystem::path> folders_;
  SystemClock clock_;
  asio::io_context io_{1};
  asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGHUP};
  asio::steady_timer second_{io_};
  asio::steady_timer watchdog_{io_};
  asio::steady_timer deadline_{io_};

  config::Config config_;
  std::optional<ConfigProblem> config_problem_;
  std::string incarnation_;           // the store's newest
  std::vector<std::string> earlier_;  // and those before it of which records are left
  std::vector<std::string> notes_;    // what was found at the start, for status
  Timestamp started_ = 0;
  Nanoseconds recovery_took_ = 0;
  std::uint64_t replayed_ = 0;
  bool ready_ = false;
  bool store_known_ = false;  // its condition was heard of
  bool clouds_started_ = false;
  std::map<std::string, Nanoseconds> leaving_;  // drivers that weir.yaml names no more, since when (boottime)
  bool stopping_ = false;
  bool checking_ = false;  // a reload is under way
  bool trimming_ = false;
  unsigned seconds_ = 0;
  store::Stats store_stats_;
  Rates rates_;

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<line::Line> line_;
  std::unique_ptr<intake::Intake> intake_;
  std::unique_ptr<BusLink> bus_;
  std::unique_ptr<supervisor::Supervisor> supervisor_;
  std::unique_ptr<AlertBoard> board_;
  std::unique_ptr<AlertCommands> alert_commands_;
  std::unique_ptr<DeviceAccess> devices_;
  std::unique_ptr<RuleWrites> writes_;
  std::unique_ptr<Clouds> clouds_;
  std::unique_ptr<control::Server> control_;
  std::thread checker_;
};

Result<void> Agent::run() {
  started_ = clock_.now();
  const Nanoseconds begin = clock_.boottime();
  std::error_code error;
  std::filesystem::create_directories(options_.runtime_dir, error);
  if (error)
    return fail("cannot make " + options_.runtime_dir.string() + ": " + error.message(),
                "give another with --runtime-dir, or run as the user weir");
  plan::set_config_folder(options_.config);

  // The broker takes its time to start: so does the store. Nothing is heard of it before io_ runs.
  auto startup = start_up(options_.config, folders_, clock_, [this](const config::Config& config) {
    config_ = config;
    start_bus();
  });
  if (!startup) return std::unexpected(startup.error());
  open(std::move(*startup));
  recovery_took_ = clock_.boottime() - begin;

  start_line();
  store_->on_condition(
      [this](const store::Condition& condition, const std::vector<store::Incarnation>& incarnations) {
        store_changed(condition, incarnations);
      });
  start_control();
  look_at_store();

  on_signal();
  every_second();
  feed_watchdog();
  io_.run();
  if (checker_.joinable()) checker_.join();
  return {};
}

void Agent::on_signal() {
  signals_.async_wait([this](boost::system::error_code cancelled, int signal) {
    if (cancelled) return;
    if (signal == SIGHUP) reload([](const Result<std::string>&) {});
    else stop();
    on_signal();
  });
}

void Agent::open(Startup startup) {
  config_ = std::move(startup.config);
  config_problem_ = std::move(startup.config_problem);
  notes_ = std::move(startup.notes);
  replayed_ = startup.replayed;
  incarnation_ = startup.database->incarnation();
  log::info("store {}: row {}, {} replayed", config_.store.path.string(), startup.last, replayed_);

  auto marks = Clouds::marks(*startup.database, config_.uplinks);
  store_ = std::make_unique<store::Store>(std::move(startup.database), io_.get_executor());
  clouds_ = std::make_unique<Clouds>(io_.get_executor(), clock_, *store_, config_.site.agent, incarnation_,
                                     std::move(marks), [this] { return birth(); });
  line::Options options;
  options.commit_interval = config_.store.commit_interval;
  line_ = std::make_unique<line::Line>(
      io_.get_executor(), clock_, *store_, std::move(startup.state), options,
      line::Handlers{
          .committed = [this](const std::vector<v1::Cursor>& cursors) { intake_->committed(cursors); },
          .alerts =
              [this](const std::vector<rules::AlertEvent>& alerts) {
                for (const rules::AlertEvent& alert : alerts)
                  log::warn("alert {} {}{}: {}", alert.target, alert.change,
                            alert.who.empty() ? "" : " by " + alert.who, alert.message);
                board_->changed(alerts);
              },
          .writes =
              [this](const std::vector<rules::WriteRequest>& writes) { writes_->ask(line_->signals(), writes); },
          .stored = [this](bool signals_changed) { clouds_->notify(signals_changed); },
          .hold = [this](bool on) { intake_->hold(on); },
      });
}

void Agent::store_changed(const store::Condition& condition, const std::vector<store::Incarnation>& incarnations) {
  const line::Condition& before = line_->condition();
  if (condition.suspended && !before.store.suspended)
    log::error("store: nothing can be written, what comes is only in memory: {}", condition.suspended->why);
  if (!condition.suspended && before.store.suspended) log::info("store: what comes is kept on the disk again");
  if (condition.full && !before.store.full)
    log::error("store: full, readings stay with the drivers: {}", condition.full->why);
  if (!condition.full && before.store.full) log::info("store: there is room again");
  const bool healed = condition.mended != before.store.mended && !condition.suspended && !before.store.suspended;
  if (std::exchange(store_known_, true) && healed)
    notes_.push_back("at " + to_iso(clock_.now()) +
                     " the store was found damaged, set aside, and what could be saved"
                     " was taken over: the log says how much (journalctl -u weir); the damaged file lies beside it");

  earlier_.clear();
  for (const store::Incarnation& incarnation : incarnations) earlier_.push_back(incarnation.id);
  if (!earlier_.empty()) {
    incarnation_ = std::move(earlier_.back());
    earlier_.pop_back();
  }
  line_->store_changed(condition);
  announce();
}

// Problems reach the clouds as they reach whoever asks here.
void Agent::announce() { clouds_->announce(incarnation_, problems(status_inputs())); }

void Agent::start_line() {
  board_ = std::make_unique<AlertBoard>(line_->state().engine().active_alerts(),
                                        [this](mqtt::Message message, mqtt::Done done) {
                                          if (bus_) bus_->publish(std::move(message), std::move(done));
                                        });
  alert_commands_ = std::make_unique<AlertCommands>(clock_, *line_, [this](std::string topic, std::string payload) {
    to_bus(std::move(topic), std::move(payload));
  });
  intake::Options options;
  options.incarnation = incarnation_;
  options.future_tolerance = config_.future_tolerance;
  options.clamp_future = config_.clamp_future;
  options.broker_queue = bus::kBrokerQueue;
  intake_ = std::make_unique<intake::Intake>(clock_, options, *line_, [this](std::string topic, std::string payload) {
    to_bus(std::move(topic), std::move(payload));
  });
  std::vector<v1::Cursor> cursors;
  for (const auto& [driver, cursor] : line_->state().cursors()) cursors.push_back(cursor);
  // In a new store epochs begin anywhere: those of a store that was lost must not come again.
  const std::uint64_t last_epoch = line_->state().last_epoch();
  intake_->restore(cursors, last_epoch != 0 ? last_epoch : random_u64() >> 24);
  intake_->set_drivers(plan::driver_names(config_));
  devices_ = std::make_unique<DeviceAccess>(
      io_.get_executor(), clock_,
      [this](std::string topic, std::string payload) { to_bus(std::move(topic), std::move(payload)); });
  devices_->allow(plan::writable(config_));
  writes_ = std::make_unique<RuleWrites>(clock_, *devices_);
  writes_->enable(config_.rules_write);

  v1::AgentStarted started;
  started.set_version(WEIR_VERSION);
  started.set_boottime(clock_.boottime());
  if (auto boot_id = read_file("/proc/sys/kernel/random/boot_id", 64)) {
    std::string hex, bytes;
    for (const char c : *boot_id)
      if (c != '-' && c != '\n') hex += c;
    if (from_hex(hex, bytes)) started.set_boot_id(bytes);
  }
  line_->started(started);
  const v1::RulesChanged rules = plan::rule_files(config_);
  if (rules.SerializeAsString() != line_->state().installed().SerializeAsString())
    if (auto ok = line_->install(rules); !ok) log::error("{}", ok.error().text());
}

void Agent::start_bus() {
  supervisor_ = std::make_unique<supervisor::Supervisor>(io_.get_executor(), clock_);
  std::vector<std::string> filters = intake::Intake::filters();
  filters.insert(filters.end(), {"weir/v1/readout/+", "weir/v1/written/+", AlertBoard::kFilter, kAlertCommandTopic});
  bus_ = std::make_unique<BusLink>(io_.get_executor(), clock_, config_, options_.runtime_dir, std::move(filters),
                                   BusLink::Handlers{
                                       .endpoints = [this] { start_drivers(); },
                                       .connected = [this] { intake_->reconnected(); },
                                       .subscribed =
                                           [this] {
                                             board_->connected();
                                             ready();
                                           },
                                       .message = [this](mqtt::Message message) { from_bus(std::move(message)); },
                                   });
  bus_->start();
}

void Agent::start_drivers() {
  if (stopping_) return;
  auto specs =
      plan::driver_specs(config_, folders_, [this](const std::string& name) { return bus_->endpoint(name); });
  if (!specs) {
    log::error("{}", specs.error().text());
    notes_.push_back(specs.error().text());
    return;
  }
  supervisor_->apply(*specs);
}

std::string Agent::birth() const {
  v1::Birth birth;
  birth.set_agent(config_.site.agent);
  birth.set_site(config_.site.name);
  birth.set_version(WEIR_VERSION);
  birth.set_incarnation(incarnation_);
  for (const std::string& earlier : earlier_) birth.add_earlier(earlier);
  birth.set_config_hash(config_.hash);
  birth.set_time(clock_.now());
  const model::SignalTable& signals = line_->signals();
  for (std::size_t i = 1; i <= signals.size(); ++i) {
    const auto& entry = signals.at(static_cast<model::SignalId>(i));
    v1::SignalDefined& defined = *birth.add_signals();
    defined.set_id(static_cast<std::uint32_t>(i));
    wire::encode(entry.signal, *defined.mutable_signal());
    defined.set_driver(entry.driver);
  }
  return birth.SerializeAsString();
}

// Once the bus is there, or is not for a second: Paho's thread sees a second connection's progress only
// when its poll ends, which takes up to a second, so the bus goes first.
void Agent::start_clouds() {
  if (!std::exchange(clouds_started_, true)) clouds_->apply(config_.uplinks);
}

void Agent::start_control() {
  auto server = control::Server::listen(
      io_.get_executor(), control_socket(options_.runtime_dir),
      [this](const Node& request, control::Reply reply) { asked(request, std::move(reply)); });
  if (server) control_ = std::move(*server);
  else log::error("{}", server.error().text());
}

void Agent::ready() {
  if (std::exchange(ready_, true)) return;
  start_clouds();
  log::info("ready: site {}, {} drivers, {} uplinks, incarnation {}", config_.site.name, config_.drivers.size(),
            config_.uplinks.size(), to_hex(incarnation_).substr(0, 8));
  notify_service_manager("READY=1");
  write_status();
}

void Agent::from_bus(mqtt::Message message) {
  if (message.topic.starts_with("weir/v1/readout/") || message.topic.starts_with("weir/v1/written/"))
    devices_->answered(message.topic, message.payload);
  else if (message.topic == kAlertCommandTopic) alert_commands_->heard(message.payload);
  else if (mqtt::matches(AlertBoard::kFilter, message.topic)) board_->heard(message);
  else intake_->message(message.topic, message.payload);
}

void Agent::to_bus(std::string topic, std::string payload) {
  if (bus_) bus_->publish(std::move(topic), std::move(payload));
}

void Agent::every_second() {
  second_.expires_after(std::chrono::seconds(1));
  second_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    intake_->second();
    if (seconds_ > 0) start_clouds();
    forget_who_left();
    // Without a bus it is not of much use, but it is not ill: status says what is missing.
    if (seconds_ == 30 && !ready_) notify_service_manager("READY=1\nSTATUS=the bus is not there");
    rates_.sample(clock_.boottime(), counters(status_inputs()));
    if (++seconds_ % 2 == 0) write_status();
    if (seconds_ % 10 == 0) announce();
    if (seconds_ % 30 == 0) {
      trim();
      ::malloc_trim(0);  // what a burst took goes back to the machine
    }
    look_at_store();
    every_second();
  });
}

void Agent::look_at_store() {
  store_->stats([this](store::Stats stats) {
    store_stats_ = std::move(stats);
    if (store_stats_.limit_bytes > 0) line_->set_room(store_stats_.limit_bytes);
  });
}

void Agent::trim() {
  if (std::exchange(trimming_, true)) return;
  store_->trim([this](Result<bool> more) {
    trimming_ = false;
    if (!more) log::warn("store: {}", more.error().text());
    else if (*more) trim();
  });
}

// Fed by way of the store's thread: if that hangs, systemd starts us anew.
void Agent::feed_watchdog() {
  const auto interval = watchdog_interval();
  if (!interval) return;
  store_->ping([this, interval] {
    notify_service_manager("WATCHDOG=1");
    watchdog_.expires_after(*interval / 2);
    watchdog_.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled) feed_watchdog();
    });
  });
}

StatusInputs Agent::status_inputs() {
  StatusInputs in{clock_, config_, *line_, *intake_, *supervisor_};
  in.started = started_;
  in.ready = ready_;
  in.notes = notes_;
  in.config_problem = config_problem_;
  in.bus_problem = bus_->problem();
  in.bus_since = bus_->since();
  in.broker = bus_->broker();
  in.incarnation = incarnation_;
  in.store_path = config_.store.path;
  in.store = store_stats_;
  in.recovery_took = recovery_took_;
  in.replayed = replayed_;
  in.uplinks = clouds_->stats();
  in.writes = writes_->counters();
  in.rates = &rates_;
  return in;
}

void Agent::write_status() {
  const std::string text = to_json(status(status_inputs())) + "\n";
  if (auto ok = write_volatile_file(status_file(options_.runtime_dir), text); !ok)
    log::debug("{}", ok.error().text());
}

void Agent::asked(const Node& request, control::Reply reply) {
  const auto text = [&](std::string_view key) {
    const Node* value = request.find(key);
    return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
  };
  const auto refused = [](const Error& error) {
    return Node::object().set("error", error.what).set("hint", error.hint);
  };
  const auto answer = [reply, refused](Result<Node> result) {
    reply(result ? std::move(*result) : refused(result.error()));
  };
  const std::string verb = text("do");
  if (verb == "status") return reply(status(status_inputs()));
  if (verb == "drivers") return reply(drivers(status_inputs()));
  if (verb == "alerts") {
    Node::List alerts;
    for (const rules::AlertEvent& alert : line_->state().engine().active_alerts())
      alerts.push_back(alert_document(alert));
    return reply(Node::object().set("alerts", std::move(alerts)));
  }
  if (verb == "alert") {
    const Node* command = request.find("command");
    return alert_commands_->ask(command != nullptr ? *command : Node(), answer);
  }
  if (verb == "read") return devices_->read(line_->signals(), text("path"), answer);
  if (verb == "write") {
    v1::Command command;
    command.set_verb("write");
    command.set_target(to_utf8(text("path"), 512));
    command.set_argument(to_utf8(text("value"), 1'024));
    command.set_who(to_utf8(text("who"), 256));
    line_->command(command);
    return devices_->write(line_->signals(), text("path"), text("value"), answer);
  }
  if (verb == "explain") return answer(explain(line_->state().engine(), request));
  if (verb == "losing") return answer(losing());
  if (verb == "reload")
    return reload([reply, refused](Result<std::string> done) {
      reply(done ? Node::object().set("done", *done) : refused(done.error()));
    });
  reply(Node::object().set("error", "the agent knows no request '" + verb + "'"));
}

// Checks on a thread of its own, as it runs the drivers' checks; applies on this one, all or nothing.
void Agent::reload(std::function<void(Result<std::string>)> done) {
  if (std::exchange(checking_, true)) return done(fail("a reload is already under way", "wait for it"));
  notify_service_manager("RELOADING=1");
  if (checker_.joinable()) checker_.join();
  checker_ = std::thread([this, done = std::move(done), announced = announced()]() mutable {
    auto checked = std::make_shared<plan::Checked>(plan::check(config::load(options_.config), folders_));
    std::string remarks = checked->good() ? plan::remarks(checked->loaded, announced) : std::string();
    asio::post(io_, [this, checked, remarks = std::move(remarks), done = std::move(done)] {
      checking_ = false;
      if (stopping_) return done(fail("the agent is stopping"));
      notify_service_manager("READY=1");
      if (!checked->good()) {
        const std::string why = plan::render(checked->loaded);
        config_problem_ = ConfigProblem{clock_.now(), why};
        log::error("reload refused; what ran before goes on:\n{}", why);
        return done(fail("the new configuration has errors; what ran before goes on:\n" + why));
      }
      auto applied = apply(std::move(checked->loaded));
      if (applied && !remarks.empty()) {
        log::warn("with the signals as they are announced now:\n{}", remarks);
        *applied += "\nwith the signals as they are announced now:\n" + remarks;
      }
      done(std::move(applied));
      write_status();
    });
  });
}

// By the drivers that there are.
std::vector<model::Signal> Agent::announced() const {
  std::vector<model::Signal> out;
  const model::SignalTable& signals = line_->signals();
  for (std::size_t i = 1; i <= signals.size(); ++i)
    if (auto entry = signals.at(static_cast<model::SignalId>(i)); !entry.driver.empty())
      out.push_back(std::move(entry.signal));
  return out;
}

// The rules whose state a reload of the files as they are now would lose.
Result<Node> Agent::losing() const {
  const config::Loaded loaded = config::load(options_.config);
  if (!loaded.config) return fail("the configuration has errors", "weir check shows them");
  auto lost = line_->state().would_lose(plan::rule_files(*loaded.config));
  if (!lost) return std::unexpected(lost.error());
  Node::List rules;
  for (const std::string& name : *lost) rules.push_back(Node::of(name));
  return Node::object().set("config", options_.config.string()).set("rules", std::move(rules));
}

std::vector<std::string> Agent::names_of_leaving() const {
  std::vector<std::string> out;
  for (const auto& [name, since] : leaving_) out.push_back(name);
  return out;
}

// To the bus: these, and those that are leaving: what they still have is taken.
Result<void> Agent::let_in(std::vector<std::string> drivers) {
  for (const auto& [name, since] : leaving_) drivers.push_back(name);
  return bus_->set_drivers(drivers);
}

void Agent::forget_who_left() {
  // Its process is gone; what it said last may still be on its way through the broker.
  constexpr Nanoseconds kLinger = 10 * kSecond;
  const auto processes = supervisor_->states();
  const auto gone = std::erase_if(leaving_, [&](const auto& driver) {
    return clock_.boottime() - driver.second > kLinger &&
           std::ranges::find(processes, driver.first, &supervisor::DriverProcess::name) == processes.end();
  });
  if (gone == 0) return;
  const auto names = plan::driver_names(config_);
  intake_->set_drivers(names, names_of_leaving());
  if (auto ok = let_in(names); !ok) log::warn("bus: {}", ok.error().text());
}

Result<std::string> Agent::apply(config::Loaded loaded) {
  config::Config next = std::move(*loaded.config);
  const std::string later = join(plan::keep_until_restart(next, config_), ", ");

  // What can fail comes first, so that it is all or nothing.
  const std::vector<std::string> names = plan::driver_names(next), before = plan::driver_names(config_);
  const auto leaving = leaving_;
  for (const std::string& name : before) leaving_.try_emplace(name, clock_.boottime());
  for (const std::string& name : names) leaving_.erase(name);
  if (auto ok = let_in(names); !ok) {
    leaving_ = leaving;
    return std::unexpected(ok.error());
  }
  const v1::RulesChanged rules = plan::rule_files(next);
  std::vector<std::string> anew;
  if (rules.SerializeAsString() != line_->state().installed().SerializeAsString()) {
    if (auto lost = line_->state().would_lose(rules)) anew = std::move(*lost);
    if (auto ok = line_->install(rules); !ok) {
      leaving_ = leaving;
      (void)let_in(before);
      return std::unexpected(ok.error());
    }
  }

  config_ = std::move(next);
  intake_->set_drivers(names, names_of_leaving());
  devices_->allow(plan::writable(config_));
  writes_->enable(config_.rules_write);
  start_drivers();
  clouds_started_ = true;
  clouds_->apply(config_.uplinks);
  store_->set_limits(plan::limits(config_.store), config_.store.retain);

  config_problem_.reset();
  const auto kept = plan::kept(config_, options_.config.parent_path()).SerializeAsString();
  store_->keep("config", kept, [](Result<void> ok) {
    if (!ok) log::warn("the config is not kept: {}", ok.error().text());
  });
  std::string said = "reloaded";
  if (!later.empty()) said += "; this takes effect at the next start: " + later;
  if (!anew.empty())
    said += "; these rules compute something else or are gone, with the alerts and leases that they held: " +
            join(anew, ", ");
  log::info("{}", said);
  return said;
}

// Drivers first, so that what they still have is committed and acknowledged; the store and the bus last.
void Agent::stop() {
  if (std::exchange(stopping_, true)) {
    log::warn("stopping at once; what was not committed stays with the drivers or is lost with them");
    return io_.stop();
  }
  log::info("stopping");
  notify_service_manager("STOPPING=1");
  // Whatever hangs, a stop ends: what was accepted is in the store by then.
  deadline_.expires_after(std::chrono::seconds(15));
  deadline_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) io_.stop();
  });
  control_.reset();
  supervisor_->stop([this] {
    line_->stop([this] {
      second_.cancel();
      clouds_->stop([this] { bus_->stop([this] { io_.stop(); }); });
    });
  });
}

}  // namespace

Result<void> run_agent(const AgentOptions& options) {
  // A thread that allocates gets no arena of its own: memory counts more here than malloc's last percent.
  ::mallopt(M_ARENA_MAX, 1);
  wire::silence_protobuf();
  try {
    return std::make_unique<Agent>(options)->run();
  } catch (const std::exception& error) {
    return fail(std::string("the agent cannot go on: ") + error.what());
  }
}

std::filesystem::path control_socket(const std::filesystem::path& runtime_dir) {
  return runtime_dir / "control.sock";
}
std::filesystem::path status_file(const std::filesystem::path& runtime_dir) { return runtime_dir / "status.json"; }

}  // namespace weir
