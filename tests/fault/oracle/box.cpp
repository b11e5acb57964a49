#include "box.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include "agent/agent.h"
#include "base/file.h"
#include "base/json.h"
#include "codec/codec.h"
#include "control/client.h"
#include "journal.h"
#include "store/database.h"
#include "weir/v1/uplink.pb.h"

namespace weir::oracle {
namespace {

constexpr const char* kDriver = "numbering";
constexpr const char* kRules = R"(rules:
  - name: second-half
    from: {v: "oracle/s{k}"}
    when: v % 2400 >= 1200
    alert: {severity: warning, message: "signal {k} has come to {v:d}"}
  - name: insistent
    from: {v: "oracle/s{k}"}
    when: v % 4000 >= 1000
    for: 200ms
    alert: {severity: info}
  - name: summary
    from: {v: "oracle/s{k}"}
    window: 1s
    lateness: 300ms
    emit:
      "oracle/count_{k}": count(v)
      "oracle/mean_{k}": mean(v)
      "oracle/last_{k}": last(v)
)";

std::int64_t integer(const Node* node) { return node != nullptr && node->as_int() != nullptr ? *node->as_int() : 0; }

std::int64_t member(const Node& node, std::string_view key) { return integer(node.find(key)); }

void write(const std::filesystem::path& file, const std::string& text) {
  if (auto written = write_volatile_file(file, text); !written) throw std::runtime_error(written.error().text());
}

}  // namespace

const char* to_text(Bus bus) { return bus == Bus::own ? "own" : "managed"; }

const char* to_text(Victim victim) {
  switch (victim) {
    case Victim::agent: return "agent";
    case Victim::bus: return "bus";
    case Victim::driver: return "driver";
    case Victim::cloud: return "cloud";
  }
  return "?";
}

Box::Box(Bus bus, const std::filesystem::path& agent, std::uint64_t seed) : bus_(bus) {
  receiver_ =
      std::make_unique<Receiver>(folder_ / "arrivals", seed, [this](const Arrival& arrival) { taken(arrival); });
  if (bus_ == Bus::own) {
    broker_.emplace();
    spy_ = std::make_unique<Spy>(broker_->url(), kDriver);
  }
  write_files(agent);
}

void Box::write_files(const std::filesystem::path& agent) {
  const std::string options = to_json(Node::object().set("folder", folder_.path().string()));
  std::string config = "version: 1\nsite: oracle\n";
  if (broker_) config += "bus: \"" + broker_->url() + "\"\n";
  config += std::string("drivers:\n  ") + kDriver + ":\n    kind: numbering\n    options: " + options + "\n";
  if (broker_) config += "    external: true\n";
  config += "store: {path: weir.db, commit_interval: 100ms, retain: 365d}\n";
  config += "uplinks: {cloud: {url: \"mqtt://127.0.0.1:" + std::to_string(receiver_->port()) + "\"}}\n";
  write(folder_ / "weir.yaml", config);
  std::filesystem::create_directories(folder_ / "rules.d");
  write(folder_ / "rules.d" / "oracle.yaml", kRules);
  write(folder_ / "options.json", options);

  const auto bin = agent.parent_path();
  Child::Command command{
      .executable = agent,
      .arguments = {"run", "--config", folder_ / "weir.yaml", "--runtime-dir", folder_ / "run", "--drivers", bin},
      .output = agent_log()};
#ifdef WEIR_SLOW_DISK
  command.environment.emplace_back("LD_PRELOAD", WEIR_SLOW_DISK);
#endif
  agent_ = std::make_unique<Child>(std::move(command));
  if (broker_)
    driver_ = std::make_unique<Child>(Child::Command{.executable = bin / "weir-driver-numbering",
                                                     .arguments = {"--name", kDriver, "--bus", broker_->url()},
                                                     .input = folder_ / "options.json",
                                                     .output = folder_ / "driver.log"});
}

void Box::start() {
  if (crashed()) return;
  if (broker_ && !broker_->running()) broker_->start();
  if (driver_ && !driver_->running()) driver_->start();
  driver_wanted_ = driver_ != nullptr;
  if (!agent_->running()) {
    life_repeats_ = life_resends_ = 0;
    agent_->start();
  }
  agent_wanted_ = true;
}

bool Box::crashed() {
  if (!crash_ && agent_wanted_ && !agent_->running()) crash_ = "the agent " + agent_->how_it_ended() + " by itself";
  if (!crash_ && driver_wanted_ && !driver_->running())
    crash_ = "the driver " + driver_->how_it_ended() + " by itself";
  return crash_.has_value();
}

void Box::taken(const Arrival& arrival) {
  if (const pid_t pid = aimed_.exchange(0); pid > 0) ::kill(pid, SIGKILL);
  v1::Record record;
  if (!record.ParseFromString(arrival.payload)) return;
  Timestamp latest = 0;
  v1::RawRecord raw;
  if (record.stream() == v1::RAW && raw.ParseFromString(record.body()) && !raw.readings().empty())
    if (const auto block = codec::decode(raw.readings()))
      for (const model::Series& series : *block) latest = std::max(latest, std::ranges::max(series.times));
  const std::lock_guard lock(mutex_);
  streams_[record.stream()].insert(record.seq());
  latest_ = std::max(latest_, latest);
  changed_.notify_all();
}

std::optional<Node> Box::ask_status() const {
  auto status =
      control::ask(control_socket(folder_ / "run"), Node::object().set("do", "status"), Milliseconds(1'000));
  if (!status) return std::nullopt;
  return std::move(*status);
}

void Box::look_at_status() {
  const auto status = ask_status();
  const Node* drivers = status ? status->find("drivers") : nullptr;
  if (drivers == nullptr || drivers->as_list() == nullptr || drivers->as_list()->empty()) return;
  const auto count = [&](const char* key, std::uint64_t& life, std::uint64_t& all) {
    const auto now = static_cast<std::uint64_t>(member(drivers->as_list()->front(), key));
    all += now - std::min(now, life);
    life = now;
  };
  count("repeats", life_repeats_, repeats_);
  count("resends", life_resends_, resends_);
}

pid_t Box::pid_of(Victim victim) const {
  const auto status = ask_status();
  if (!status) return 0;
  if (victim == Victim::bus) {
    const Node* bus = status->find("bus");
    return bus != nullptr ? static_cast<pid_t>(member(*bus, "pid")) : 0;
  }
  const Node* drivers = status->find("drivers");
  if (drivers == nullptr || drivers->as_list() == nullptr || drivers->as_list()->empty()) return 0;
  return static_cast<pid_t>(member(drivers->as_list()->front(), "pid"));
}

bool Box::aim_at_agent() {
  const pid_t pid = agent_->pid();
  // Over its own bus the moment of an ack is known; the moment of a record always is.
  if (spy_) spy_->on_next_ack([pid] { ::kill(pid, SIGKILL); });
  else aimed_ = pid;
  const bool hit = wait_until(Milliseconds(3'000), [&] { return !agent_->running(); });
  if (spy_) spy_->on_next_ack({});
  aimed_ = 0;
  return hit;
}

bool Box::hit(Victim victim, bool aimed, Milliseconds away) {
  switch (victim) {
    case Victim::agent:
      if (crashed()) return false;
      agent_wanted_ = false;
      if (!aimed || !aim_at_agent()) agent_->end(SIGKILL);
      return true;
    case Victim::cloud: receiver_->go_away(away); return true;
    case Victim::bus:
      if (broker_) {
        broker_->kill();
        return true;
      }
      break;
    case Victim::driver:
      if (driver_) {
        if (crashed()) return false;
        driver_wanted_ = false;
        driver_->end(SIGKILL);
        return true;
      }
      break;
  }
  pid_t pid = 0;
  wait_until(Milliseconds(5'000), [&] { return (pid = pid_of(victim)) > 0; });
  return pid > 0 && ::kill(pid, SIGKILL) == 0;
}

template <class Happened>
bool Box::wait_until(Milliseconds most, Happened happened) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  while (!happened()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    // Whatever happens in another process is found out by looking.
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, Milliseconds(10));
  }
  return true;
}

Result<void> Box::flows(Milliseconds most) {
  const Timestamp from = SystemClock().now();
  const bool flowed = wait_until(most, [&] {
    if (crashed()) return true;
    const std::lock_guard lock(mutex_);
    return latest_ > from;
  });
  if (crash_) return fail(*crash_);
  if (!flowed) return fail("nothing that was made later arrived within " + std::to_string(most.count()) + " ms");
  return {};
}

bool Box::driver_runs() { return driver_ ? driver_->running() : pid_of(Victim::driver) > 0; }

bool Box::all_arrived() {
  const auto last = read_last(journal_file(folder_.path()));
  std::int64_t life = 0;
  std::ifstream(lives_file(folder_.path())) >> life;
  // The readings of a life are accepted in order: with the last one all that ever will has arrived.
  if (!last || last->value >> 32 != life) return false;
  const std::lock_guard lock(mutex_);
  return last->time <= latest_;
}

bool Box::streams_arrived() {
  store::Options options;
  options.file = folder_ / "weir.db";
  options.read_only = true;
  const SystemClock clock;
  auto database = store::Database::open(options, clock);
  if (!database) return false;
  const auto stats = (*database)->stats();
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < stats.streams.size(); ++i) {
    const auto& arrived = streams_[static_cast<int>(i + 1)];
    const std::uint64_t count = arrived.empty() ? 0 : arrived.last() - arrived.first() + 1 - arrived.missing();
    if (count < stats.streams[i].last) return false;
  }
  return true;
}

Result<void> Box::come_to_rest(Milliseconds most) {
  receiver_->be_kind(true);
  write(pause_file(folder_.path()), "");
  // What comes after the last look, from a driver just started or from a tick, needs another round.
  for (int round = 0; round < 5; ++round) {
    start();
    const bool arrived = wait_until(most, [&] { return crashed() || (driver_runs() && all_arrived()); });
    const bool drained = arrived && wait_until(most, [&] { return streams_arrived(); });
    look_at_status();
    agent_wanted_ = driver_wanted_ = false;
    if (driver_) driver_->end(SIGTERM);
    const int status = agent_->end(SIGTERM);
    if (crash_) return fail(*crash_);
    if (status != 0) return fail("told to stop, the agent " + agent_->how_it_ended());
    if (!arrived) return fail("what was made last did not arrive within " + std::to_string(most.count()) + " ms");
    if (!drained) return fail("the streams did not drain within " + std::to_string(most.count()) + " ms");
    if (all_arrived() && streams_arrived()) return {};
  }
  return fail("it does not come to rest");
}

void Box::go_on() {
  receiver_->be_kind(false);
  std::filesystem::remove(pause_file(folder_.path()));
  start();
}

Evidence Box::evidence() const {
  return {journal_file(folder_.path()), folder_ / "arrivals", folder_ / "weir.db", kDriver,
          spy_ ? spy_->told() : std::map<std::uint64_t, std::uint64_t>{}};
}

std::string Box::last_words() const {
  std::string text;
  for (const char* name : {"agent.log", "driver.log"}) {
    std::string lines;
    std::ifstream in(folder_ / name);
    for (std::string line; std::getline(in, line);)
      if (line.find(" alert ") == line.npos) lines += line + "\n";
    constexpr std::size_t kEnough = 6'000;
    if (lines.size() > kEnough) lines.erase(0, lines.find('\n', lines.size() - kEnough) + 1);
    text += std::string("--- ") + name + "\n" + lines;
  }
  return text;
}

}  // namespace weir::oracle
