#include "agent/agent.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <malloc.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "bus/broker.h"
#include "control/server.h"
#include "agent/device_access.h"
#include "intake/intake.h"
#include "line/line.h"
#include "mqtt/paho.h"
#include "agent/plan.h"
#include "agent/service.h"
#include "agent/status.h"
#include "store/store.h"
#include "agent/store_source.h"
#include "supervisor/driver.h"
#include "supervisor/supervisor.h"
#include "uplink/uplink.h"
#include "weir/v1/uplink.pb.h"
#include "wire/wire.h"

namespace weir {
namespace asio = boost::asio;
namespace {

// What recovery makes of the store: the state as of the last row.
Result<line::State> recover(store::Database& database, store::LogId& last, std::uint64_t& replayed) {
  line::State state(plan::compile);
  store::LogId after = 0;
  auto snapshot = database.newest_snapshot();
  if (!snapshot) return std::unexpected(snapshot.error());
  if (*snapshot) {
    if (auto ok = state.restore((*snapshot)->state); !ok) return std::unexpected(ok.error());
    after = (*snapshot)->at;
  }
  last = after;
  rules::Outputs repeated;  // they were committed with what caused them
  std::optional<Error> damage;
  v1::Commit commit;
  v1::RawRecord raw;
  auto scanned = database.scan(after, [&](store::LogRow row) {
    if (!commit.ParseFromString(row.commit) || !raw.ParseFromString(row.raw)) {
      damage = Error{"row " + std::to_string(row.id) + " of the log is no commit", "weir queue verify"};
      return false;
    }
    if (auto ok = state.replay(commit, raw, repeated); !ok) {
      damage = Error{"row " + std::to_string(row.id) + " of the log: " + ok.error().what, ok.error().hint};
      return false;
    }
    repeated.clear();
    last = row.id;
    ++replayed;
    return true;
  });
  if (!scanned) return std::unexpected(scanned.error());
  if (damage) return std::unexpected(*damage);
  return state;
}

std::optional<v1::KeptConfig> kept_config(store::Database& database) {
  const auto bytes = database.kept("config");
  v1::KeptConfig kept;
  if (!bytes || !*bytes || !kept.ParseFromString(**bytes)) return std::nullopt;
  return kept;
}

class Agent {
 public:
  explicit Agent(AgentOptions options)
      : options_(std::move(options)), folders_(supervisor::driver_folders(options_.drivers_dir)) {}

  Result<void> run();

 private:
  // A cloud, its client and its view of the store. The source outlives the uplink.
  struct Cloud {
    config::Uplink config;
    std::unique_ptr<StoreSource> source;
    std::unique_ptr<uplink::Uplink> uplink;
  };

  Result<void> choose_config();
  Result<void> open_database(const config::Config& config);
  Result<void> open_store();
  void start_line();
  void start_bus();
  void connect_bus();
  void start_drivers();
  void start_uplinks();
  void start_control();
  void ready();

  void from_bus(mqtt::Message message);
  void to_bus(std::string topic, std::string payload);
  void every_second();
  void feed_watchdog();
  void trim();
  void write_status();
  StatusInputs status_inputs();

  void asked(const Node& request, control::Reply reply);
  void reload(std::function<void(Result<std::string>)> done);
  Result<std::string> apply(config::Loaded loaded);
  Result<void> add_uplink(const config::Uplink& config);
  void remove_uplink(const std::string& name);
  std::string birth() const;
  void on_signal();
  void stop();
  void stop_uplinks(std::function<void()> then);
  void stop_bus(std::function<void()> then);

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
  std::string incarnation_;
  std::vector<std::string> notes_;       // what was found at the start, for status
  Timestamp started_ = 0;
  Nanoseconds recovery_took_ = 0;
  std::uint64_t replayed_ = 0;
  bool ready_ = false;
  bool uplinks_started_ = false;
  bool stopping_ = false;
  bool checking_ = false;                // a reload is under way
  bool trimming_ = false;
  unsigned seconds_ = 0;
  std::optional<Error> bus_problem_;
  Timestamp bus_since_ = 0;
  std::string bus_url_;
  store::Stats store_stats_;
  Rates rates_;

  std::unique_ptr<store::Database> database_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<line::Line> line_;
  std::unique_ptr<intake::Intake> intake_;
  std::unique_ptr<bus::ManagedBroker> broker_;
  std::unique_ptr<mqtt::Client> bus_;
  std::unique_ptr<supervisor::Supervisor> supervisor_;
  std::unique_ptr<DeviceAccess> devices_;
  std::map<std::string, std::map<uplink::Stream, std::uint64_t>> acknowledged_;  // by uplink, when it started
  std::map<std::string, Cloud> clouds_;
  std::vector<Cloud> leaving_;           // removed from the config, on their way out
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

  if (auto ok = choose_config(); !ok) return ok;
  if (auto ok = open_store(); !ok) return ok;
  recovery_took_ = clock_.boottime() - begin;

  start_line();
  start_bus();
  start_control();

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

// The config of the file; if that is bad, the last good one out of the store. Opens the store on the way.
Result<void> Agent::choose_config() {
  config::Loaded loaded = config::load(options_.config);
  std::string why;
  std::optional<v1::KeptConfig> last_good;
  if (loaded.config) {
    if (auto ok = open_database(*loaded.config); !ok) return ok;
    last_good = kept_config(*database_);
    // What ran before was checked before: only what is new has to be.
    const std::string kept = plan::kept(*loaded.config, options_.config.parent_path()).SerializeAsString();
    if (!last_good || last_good->SerializeAsString() != kept) {
      loaded = plan::check(std::move(loaded), folders_).loaded;
      if (!has_errors(loaded.diagnostics))
        if (auto ok = database_->keep("config", kept); !ok) log::warn("the config is not kept: {}", ok.error().text());
    }
    if (!has_errors(loaded.diagnostics)) {
      config_ = std::move(*loaded.config);
      return {};
    }
  }

  why = plan::render(loaded);
  if (!database_) {
    // Whose uplinks the store has to keep records for is in the config that is looked for: only a look.
    store::Options options;
    options.file = plan::store_path(options_.config);
    options.read_only = true;
    if (auto database = store::Database::open(options, clock_)) last_good = kept_config(**database);
  }
  if (!last_good)
    return fail("the configuration has errors, and there is no earlier one to run instead:\n" + why,
                "mend it, and see with: weir check --config " + options_.config.string());
  log::error("the configuration has errors; the last good one runs instead:\n{}", why);
  config_problem_ = ConfigProblem{clock_.now(), why};
  config::Loaded before = plan::load(*last_good);
  if (!before.config) return fail("neither the configuration nor the last good one can be used:\n" + why);
  config_ = std::move(*before.config);
  database_.reset();
  return open_database(config_);
}

Result<void> Agent::open_database(const config::Config& config) {
  store::Options options;
  options.file = config.store.path;
  options.retain = config.store.retain;
  for (const config::Uplink& uplink : config.uplinks) options.uplinks.push_back(uplink.name);
  std::error_code ignored;  // open() says what is wrong with the folder, and better
  std::filesystem::create_directories(options.file.parent_path(), ignored);
  auto database = store::Database::open(options, clock_);
  if (!database) return std::unexpected(database.error());
  database_ = std::move(*database);
  return {};
}

Result<void> Agent::open_store() {
  store::LogId last = 0;
  auto state = recover(*database_, last, replayed_);
  if (!state) {
    // Damage that only reading showed. What is there is kept for people; the box goes on with a new one.
    const std::string why = state.error().text();
    database_.reset();
    auto aside = store::Database::set_aside(config_.store.path, clock_);
    if (!aside) return context(why, aside.error());
    if (auto ok = open_database(config_); !ok) return ok;
    notes_.push_back("the store was damaged (" + why + ") and is set aside as " + aside->string() +
                     "; a new one, with a new incarnation, takes its place");
    replayed_ = 0;
    state = recover(*database_, last, replayed_);
    if (!state) return context(config_.store.path.string(), state.error());
  }
  notes_.insert(notes_.end(), database_->notes().begin(), database_->notes().end());
  incarnation_ = database_->incarnation();
  notes_.insert(notes_.end(), state->notes().begin(), state->notes().end());
  for (const std::string& note : notes_) log::warn("store: {}", note);
  log::info("store {}: row {}, {} replayed", config_.store.path.string(), last, replayed_);

  for (const config::Uplink& uplink : config_.uplinks)
    for (const uplink::Stream stream : StoreSource::streams(uplink.streams))
      acknowledged_[uplink.name][stream] = database_->acknowledged(uplink.name, static_cast<store::Stream>(stream));
  store_ = std::make_unique<store::Store>(std::move(database_), io_.get_executor());
  line::Options line_options;
  line_options.commit_interval = config_.store.commit_interval;
  line_ = std::make_unique<line::Line>(
      io_.get_executor(), clock_, *store_, std::move(*state), line_options,
      line::Handlers{
          .committed = [this](const std::vector<v1::Cursor>& cursors) { intake_->committed(cursors); },
          .alerts =
              [](const std::vector<rules::AlertEvent>& alerts) {
                for (const rules::AlertEvent& alert : alerts)
                  log::warn("alert {} {}: {}", alert.rule, alert.change, alert.message);
              },
          .stored =
              [this](bool signals_changed) {
                for (auto& [name, cloud] : clouds_) {
                  if (signals_changed) cloud.uplink->signals_changed();
                  cloud.uplink->notify();
                }
              },
          .hold = [this](bool on) { intake_->hold(on); },
      });
  return {};
}

void Agent::start_line() {
  intake::Options options;
  options.incarnation = incarnation_;
  options.future_tolerance = config_.future_tolerance;
  options.clamp_future = config_.clamp_future;
  options.broker_queue = bus::kBrokerQueue;
  intake_ = std::make_unique<intake::Intake>(
      clock_, options, *line_, [this](std::string topic, std::string payload) { to_bus(std::move(topic), std::move(payload)); });
  std::vector<v1::Cursor> cursors;
  for (const auto& [driver, cursor] : line_->state().cursors()) cursors.push_back(cursor);
  // In a new store epochs begin anywhere: those of a store that was lost must not come again.
  const std::uint64_t last_epoch = line_->state().last_epoch();
  intake_->restore(cursors, last_epoch != 0 ? last_epoch : random_u64() >> 24);
  intake_->set_drivers(plan::driver_names(config_));
  devices_ = std::make_unique<DeviceAccess>(
      io_.get_executor(), clock_, [this](std::string topic, std::string payload) { to_bus(std::move(topic), std::move(payload)); });
  devices_->allow(plan::writable(config_));

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
  if (!config_.bus.managed) {
    connect_bus();
    start_drivers();
    return;
  }
  broker_ = std::make_unique<bus::ManagedBroker>(
      io_.get_executor(), clock_,
      bus::BrokerOptions{.runtime_dir = options_.runtime_dir, .executable = {}, .drivers = plan::driver_names(config_)});
  bus_since_ = clock_.now();
  auto started = broker_->start({.ready =
                                     [this] {
                                       connect_bus();
                                       start_drivers();
                                     },
                                 .down =
                                     [this](const std::string& reason, Timestamp since) {
                                       bus_problem_ = Error{"the bus is down: " + reason, {}};
                                       bus_since_ = since;
                                     }});
  if (!started) {
    log::error("bus: {}", started.error().text());
    bus_problem_ = started.error();
  }
}

// To the broker, anew if it has moved.
void Agent::connect_bus() {
  if (stopping_) return;
  mqtt::Options options;
  if (broker_) {
    const bus::Endpoint endpoint = broker_->endpoint(bus::kAgentAccount);
    options.url = endpoint.url;
    options.username = endpoint.username;
    options.password = endpoint.password;
    options.client_id = "weir-agent";
    options.longest_retry = std::chrono::seconds(1);  // it is ours, and near
  } else {
    auto from_config = plan::bus_options(config_.bus, config_.site.agent);
    if (!from_config) {
      log::error("bus: {}", from_config.error().text());
      bus_problem_ = from_config.error();
      bus_since_ = clock_.now();
      return;
    }
    options = std::move(*from_config);
    options.longest_retry = std::chrono::seconds(5);
  }
  options.receive_maximum = 100;
  options.maximum_packet = bus::kBrokerPacket;
  if (bus_ && bus_url_ == options.url) return;  // it finds back by itself
  bus_url_ = options.url;
  bus_ = mqtt::make_paho_client(io_.get_executor(), std::move(options));
  bus_->start({.connected =
                   [this] {
                     intake_->reconnected();
                     std::vector<std::string> filters = intake::Intake::filters();
                     filters.insert(filters.end(), {"weir/v1/readout/+", "weir/v1/written/+"});
                     bus_->subscribe(std::move(filters), [this](Result<void> done) {
                       if (!done) {
                         bus_problem_ = done.error();
                         log::error("bus: {}", done.error().text());
                         return;
                       }
                       bus_problem_.reset();
                       bus_since_ = clock_.now();
                       ready();
                     });
                   },
               .disconnected =
                   [this](const Error& error) {
                     if (!bus_problem_) {
                       log::warn("bus: {}", error.text());
                       bus_since_ = clock_.now();
                     }
                     bus_problem_ = error;
                   },
               .message = [this](mqtt::Message message) { from_bus(std::move(message)); }});
}

void Agent::start_drivers() {
  if (stopping_) return;
  auto specs = plan::driver_specs(config_, folders_, [this](const std::string& name) {
    if (broker_) return broker_->endpoint(name);
    const auto options = plan::bus_options(config_.bus, config_.site.agent);
    return options ? bus::Endpoint{options->url, options->username, options->password} : bus::Endpoint{config_.bus.url, {}, {}};
  });
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
void Agent::start_uplinks() {
  if (std::exchange(uplinks_started_, true)) return;
  for (const config::Uplink& config : config_.uplinks) {
    if (clouds_.contains(config.name)) continue;
    if (auto ok = add_uplink(config); !ok) {
      log::error("uplink {}: {}", config.name, ok.error().text());
      notes_.push_back("uplink " + config.name + ": " + ok.error().text());
    }
  }
}

Result<void> Agent::add_uplink(const config::Uplink& config) {
  auto client = plan::uplink_options(config, config_.site.agent);
  if (!client) return std::unexpected(client.error());
  Cloud cloud;
  cloud.config = config;
  cloud.source = std::make_unique<StoreSource>(*store_, config.name, acknowledged_[config.name], [this] { return birth(); });
  uplink::Options options;
  options.name = config.name;
  options.agent = config_.site.agent;
  options.incarnation = incarnation_;
  options.streams = StoreSource::streams(config.streams);
  cloud.uplink = std::make_unique<uplink::Uplink>(io_.get_executor(), clock_, std::move(options), mqtt::make_paho_client,
                                                  std::move(*client), *cloud.source);
  cloud.uplink->start();
  clouds_.insert_or_assign(config.name, std::move(cloud));
  return {};
}

void Agent::remove_uplink(const std::string& name) {
  auto node = clouds_.extract(name);
  if (node.empty()) return;
  // Should it come back, with another address: it goes on where it is now.
  const Cloud& gone = node.mapped();
  for (const uplink::Stream stream : StoreSource::streams(gone.config.streams))
    acknowledged_[name][stream] = gone.source->acknowledged(stream);
  leaving_.push_back(std::move(node.mapped()));
  uplink::Uplink* uplink = leaving_.back().uplink.get();
  uplink->stop([this, uplink] {
    asio::post(io_, [this, uplink] {
      std::erase_if(leaving_, [uplink](const Cloud& cloud) { return cloud.uplink.get() == uplink; });
    });
  });
}

void Agent::start_control() {
  auto server = control::Server::listen(io_.get_executor(), control_socket(options_.runtime_dir),
                                        [this](const Node& request, control::Reply reply) { asked(request, std::move(reply)); });
  if (server) control_ = std::move(*server);
  else log::error("{}", server.error().text());
}

void Agent::ready() {
  if (std::exchange(ready_, true)) return;
  start_uplinks();
  log::info("ready: site {}, {} drivers, {} uplinks, incarnation {}", config_.site.name, config_.drivers.size(),
            config_.uplinks.size(), to_hex(incarnation_).substr(0, 8));
  notify_service_manager("READY=1");
  write_status();
}

void Agent::from_bus(mqtt::Message message) {
  if (message.topic.starts_with("weir/v1/readout/") || message.topic.starts_with("weir/v1/written/"))
    devices_->answered(message.topic, message.payload);
  else
    intake_->message(message.topic, message.payload);
}

void Agent::to_bus(std::string topic, std::string payload) {
  // Unsent is fine: drivers announce themselves when they are back, and are answered then.
  if (bus_ && bus_->connected()) bus_->publish({std::move(topic), std::move(payload)}, [](Result<void>) {});
}

void Agent::every_second() {
  second_.expires_after(std::chrono::seconds(1));
  second_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    intake_->second();
    if (seconds_ > 0) start_uplinks();
    rates_.sample(clock_.boottime(), counters(status_inputs()));
    if (++seconds_ % 2 == 0) write_status();
    if (seconds_ % 30 == 0) trim();
    store_->stats([this](store::Stats stats) { store_stats_ = std::move(stats); });
    every_second();
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
  in.bus_problem = bus_problem_;
  in.bus_since = bus_since_;
  if (broker_) in.broker = broker_->status();
  in.incarnation = incarnation_;
  in.store_path = config_.store.path;
  in.store = store_stats_;
  in.recovery_took = recovery_took_;
  in.replayed = replayed_;
  for (auto& [name, cloud] : clouds_) in.uplinks.emplace_back(cloud.config, cloud.uplink->stats());
  in.rates = &rates_;
  return in;
}

void Agent::write_status() {
  const std::string text = to_json(status(status_inputs())) + "\n";
  if (auto ok = write_volatile_file(status_file(options_.runtime_dir), text); !ok) log::debug("{}", ok.error().text());
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
  if (verb == "read") return devices_->read(line_->signals(), text("path"), answer);
  if (verb == "write") {
    v1::Command command;
    command.set_verb("write");
    command.set_target(text("path"));
    command.set_argument(text("value").substr(0, 1'024));
    command.set_who(text("who").substr(0, 256));
    line_->command(command);
    return devices_->write(line_->signals(), text("path"), text("value"), answer);
  }
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
  checker_ = std::thread([this, done = std::move(done)]() mutable {
    auto checked = std::make_shared<plan::Checked>(plan::check(config::load(options_.config), folders_));
    asio::post(io_, [this, checked, done = std::move(done)] {
      checking_ = false;
      if (stopping_) return done(fail("the agent is stopping"));
      notify_service_manager("READY=1");
      if (!checked->good()) {
        const std::string why = plan::render(checked->loaded);
        config_problem_ = ConfigProblem{clock_.now(), why};
        log::error("reload refused; what ran before goes on:\n{}", why);
        return done(fail("the new configuration has errors; what ran before goes on:\n" + why));
      }
      done(apply(std::move(checked->loaded)));
      write_status();
    });
  });
}

Result<std::string> Agent::apply(config::Loaded loaded) {
  config::Config next = std::move(*loaded.config);
  std::string later;
  const auto needs_restart = [&](const char* what) { later += (later.empty() ? "" : ", ") + std::string(what); };
  if (next.store.path != config_.store.path) needs_restart("store: path");
  if (next.bus.managed != config_.bus.managed || next.bus.url != config_.bus.url) needs_restart("bus");
  if (next.site.agent != config_.site.agent) needs_restart("site: agent");

  const v1::RulesChanged rules = plan::rule_files(next);
  if (rules.SerializeAsString() != line_->state().installed().SerializeAsString())
    if (auto ok = line_->install(rules); !ok) return std::unexpected(ok.error());
  if (broker_)
    if (auto ok = broker_->set_drivers(plan::driver_names(next)); !ok) return std::unexpected(ok.error());

  const config::Config before = std::exchange(config_, std::move(next));
  intake_->set_drivers(plan::driver_names(config_));
  devices_->allow(plan::writable(config_));
  start_drivers();

  std::vector<std::string> gone;
  for (const auto& [name, cloud] : clouds_) {
    const auto same = [&](const config::Uplink& uplink) { return uplink == cloud.config; };
    if (std::ranges::none_of(config_.uplinks, same)) gone.push_back(name);
  }
  for (const std::string& name : gone) remove_uplink(name);
  std::vector<std::string> names;
  for (const config::Uplink& uplink : config_.uplinks) {
    names.push_back(uplink.name);
    if (!clouds_.contains(uplink.name))
      if (auto ok = add_uplink(uplink); !ok) log::error("uplink {}: {}", uplink.name, ok.error().text());
  }
  store_->set_uplinks(names);
  for (auto& [name, cloud] : clouds_) cloud.uplink->signals_changed();

  config_problem_.reset();
  const auto kept = plan::kept(config_, options_.config.parent_path()).SerializeAsString();
  store_->keep("config", kept, [](Result<void> ok) {
    if (!ok) log::warn("the config is not kept: {}", ok.error().text());
  });
  log::info("reloaded{}{}", later.empty() ? "" : "; after a restart: ", later);
  return later.empty() ? std::string("reloaded") : "reloaded; this takes effect at the next start: " + later;
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
    line_->stop([this] { stop_uplinks([this] { stop_bus([this] { io_.stop(); }); }); });
  });
}

void Agent::stop_uplinks(std::function<void()> then) {
  second_.cancel();
  auto left = std::make_shared<std::size_t>(clouds_.size() + 1);
  const auto one_less = [left, then = std::move(then)] {
    if (--*left == 0) then();
  };
  for (auto& [name, cloud] : clouds_) cloud.uplink->stop(one_less);
  one_less();
}

void Agent::stop_bus(std::function<void()> then) {
  const auto stop_broker = [this, then = std::move(then)] {
    if (broker_) broker_->stop(then);
    else then();
  };
  if (bus_) bus_->stop(stop_broker);
  else stop_broker();
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

std::filesystem::path control_socket(const std::filesystem::path& runtime_dir) { return runtime_dir / "control.sock"; }
std::filesystem::path status_file(const std::filesystem::path& runtime_dir) { return runtime_dir / "status.json"; }

}  // namespace weir
