#include "agent/status.h"

#include <algorithm>
#include <cmath>

#include <unistd.h>

#include "agent/alert_board.h"
#include "base/bytes.h"
#include "base/text.h"
#include "wire/wire.h"

namespace weir {
namespace {

// How long something that is over is still shown; its counter stays.
constexpr Nanoseconds kRecent = kHour;

struct Problem {
  Timestamp since = 0;
  std::string what;   // "driver plc is down"
  std::string why;    // "connection refused by 10.0.0.7:502"
  std::string means;  // for the data
  std::string act;    // what to do
};

void problem(Node::List& problems, const Problem& problem) {
  Node node = Node::object();
  node.set("since", to_iso(problem.since)).set("what", problem.what).set("why", problem.why);
  node.set("means", problem.means).set("do", problem.act);
  problems.push_back(std::move(node));
}

// A tenth is precise enough for people, and short.
double rate(const StatusInputs& in, const std::string& counter) {
  return in.rates == nullptr ? 0 : std::round(in.rates->of(counter) * 10) / 10;
}

// Readings refused or given up since the agent started, and the last reason.
std::uint64_t lost(const intake::DriverCounters& counters) {
  std::uint64_t sum = counters.dropped;
  for (const std::uint64_t refused : counters.refused) sum += refused;
  return sum;
}

// Some drivers do not say since when.
Timestamp since_of(Timestamp device, const v1::DriverState& driver, Timestamp started) {
  return device != 0 ? device : driver.since() != 0 ? driver.since() : started;
}

void find_driver_problems(const StatusInputs& in, Node::List& problems) {
  const auto processes = in.supervisor.states();
  for (const config::Driver& driver : in.config.drivers) {
    const auto process = std::ranges::find(processes, driver.name, &supervisor::DriverProcess::name);
    if (process != processes.end() && process->state != supervisor::State::running &&
        !(process->state == supervisor::State::starting && in.clock.now() - process->since < 10 * kSecond)) {
      problem(problems, {process->since, "driver " + driver.name + ": " + std::string(to_text(process->state)),
                         process->last_exit + (process->last_line.empty() ? "" : ": " + process->last_line),
                         "no readings of its devices come in; nothing that was accepted is lost",
                         "see what it says: journalctl -u weir | grep 'driver " + driver.name + "'"});
      continue;
    }
    const auto state = in.line.state().driver_states().find(driver.name);
    if (state == in.line.state().driver_states().end()) {
      if (in.clock.now() - in.started > 15 * kSecond)
        problem(problems, {in.started, "driver " + driver.name + " has not been heard of",
                           "no state came over the bus", "no readings of its devices come in",
                           driver.external ? "start it, with the bus's address and its account"
                                           : "journalctl -u weir | grep 'driver " + driver.name + "'"});
      continue;
    }
    bool said = false;
    for (const v1::DeviceState& device : state->second.devices())
      if (device.level() == v1::DOWN || device.level() == v1::DEGRADED) {
        said = true;
        problem(problems, {since_of(device.since(), state->second, in.started),
                           "device " + device.device() + " is " + wire::to_text(device.level()), device.reason(),
                           "its readings are marked bad or do not come; rules over them wait",
                           "check its power, cable and address; try: weir read " + device.device() + "/SIGNAL"});
      }
    if (!said && (state->second.level() == v1::DOWN || state->second.level() == v1::DEGRADED))
      problem(problems,
              {since_of(0, state->second, in.started),
               "driver " + driver.name + " is " + wire::to_text(state->second.level()), state->second.reason(),
               "its readings may be missing", "journalctl -u weir | grep 'driver " + driver.name + "'"});
  }
  for (const auto& [name, counters] : in.intake.counters())
    if (lost(counters) > 0 && in.clock.now() - counters.last_lost < kRecent)
      problem(problems,
              {counters.last_lost, "driver " + name + ": readings were given up",
               counters.last_refusal.empty() ? std::to_string(counters.dropped) + " dropped by the driver itself"
                                             : counters.last_refusal,
               "they are gone; a gap record upstream says which", "weir drivers " + name});
}

void find_store_problems(const StatusInputs& in, Node::List& problems) {
  const store::Condition& store = in.line.condition().store;
  if (store.full)
    problem(problems,
            {store.full->since, "the store is full", store.full->why,
             "no new readings are taken; what is in goes on. The drivers keep what they can, then the oldest go",
             store.full->hint.empty() ? "bring the uplinks back, or raise store.quota and: weir reload"
                                      : store.full->hint});
  if (store.suspended)
    problem(problems,
            {store.suspended->since, "the disk takes nothing: readings are kept in memory only", store.suspended->why,
             "they are lost if the box loses power now; of more than " + bytes_text(in.config.store.volatile_bytes) +
                 " the oldest go, counted. Rules, alerts, writes and uplinks go on",
             store.suspended->hint.empty() ? "check the disk: df -h; dmesg" : store.suspended->hint});
}

void find_problems(const StatusInputs& in, Node::List& problems) {
  if (in.config_problem)
    problem(problems, {in.config_problem->since, "the configuration has errors",
                       in.config_problem->why.substr(0, in.config_problem->why.find('\n')),
                       "the last good one runs; no data is affected", "weir check, mend what it shows, weir reload"});
  if (!in.notes.empty()) {
    std::string all;
    for (const std::string& note : in.notes) all += (all.empty() ? "" : "; ") + note;
    problem(problems,
            {in.started, "noticed since the start", all, "as it says; what is here is sent", "journalctl -u weir"});
  }
  find_store_problems(in, problems);
  if (in.line.condition().failing && !in.line.condition().store.full)
    problem(problems,
            {in.line.condition().failing_since, "the store cannot be written", in.line.condition().failing->what,
             "new readings wait in the drivers; the oldest go when they are full",
             in.line.condition().failing->hint.empty() ? "check the disk: df -h; dmesg"
                                                       : in.line.condition().failing->hint});
  if (in.bus_problem)
    problem(problems, {in.bus_since, "the bus is not reached", in.bus_problem->what, "readings wait in the drivers",
                       in.bus_problem->hint.empty() ? "journalctl -u weir" : in.bus_problem->hint});
  else if (!in.ready && in.clock.now() - in.started > 5 * kSecond)
    problem(problems, {in.started, "not ready", "the bus has not come up yet", "readings wait in the drivers",
                       "journalctl -u weir"});
  find_driver_problems(in, problems);
  if (const double wrong = rate(in, "units"); wrong > 0)
    problem(problems,
            {in.started, "readings come in a unit that a rule cannot use",
             std::to_string(std::lround(std::ceil(wrong))) + " a second",
             "for that rule they are unknown: it neither raises nor clears", "weir check names rule and signal"});
  if (in.writes.last_refused != 0 && in.clock.now() - in.writes.last_refused < kRecent)
    problem(problems, {in.writes.last_refused, "a write of a rule was not done", in.writes.last_refusal,
                       "no reading is affected; what the rule wanted to move was not moved",
                       "weir check; try by hand: weir write PATH VALUE"});
}

void find_uplink_problems(const StatusInputs& in, Node::List& problems) {
  for (const auto& [config, uplink] : in.uplinks) {
    if (!uplink.connected && in.clock.now() - uplink.since > 5 * kSecond)
      problem(problems, {uplink.since, "uplink " + config.name + " is not connected", uplink.reason,
                         "records wait in the store and go out when it is back; nothing is lost",
                         "check the network and " + config.url});
    if (uplink.refused > 0 && !uplink.last_refusal.empty())
      problem(problems, {uplink.since, "uplink " + config.name + ": the cloud refuses records", uplink.last_refusal,
                         "they are kept and tried again", "check the account's rights at " + config.url});
  }
}

Node signal_node(const model::Signal& signal) {
  Node node = Node::object();
  node.set("path", signal.path).set("type", model::to_text(signal.type)).set("unit", signal.unit);
  node.set("interval", signal.interval.count() == 0 ? std::string() : to_text(signal.interval));
  node.set("writable", signal.writable);
  return node;
}

Node driver_node(const StatusInputs& in, const config::Driver& driver,
                 const std::vector<supervisor::DriverProcess>& processes) {
  Node node = Node::object();
  node.set("name", driver.name).set("kind", driver.kind);
  if (const auto process = std::ranges::find(processes, driver.name, &supervisor::DriverProcess::name);
      process != processes.end()) {
    node.set("process", to_text(process->state)).set("pid", process->pid);
    node.set("restarts", process->restarts).set("process_since", to_iso(process->since));
    if (!process->last_exit.empty()) node.set("last_exit", process->last_exit);
  } else {
    node.set("process", driver.external ? "external" : "none");
  }
  if (const auto it = in.line.state().driver_states().find(driver.name);
      it != in.line.state().driver_states().end()) {
    const v1::DriverState& state = it->second;
    node.set("state", wire::to_text(state.level())).set("reason", state.reason());
    if (state.since() != 0) node.set("since", to_iso(state.since()));
    Node::List devices;
    for (const v1::DeviceState& device : state.devices()) {
      Node one = Node::object();
      one.set("name", device.device()).set("state", wire::to_text(device.level())).set("reason", device.reason());
      if (device.since() != 0) one.set("since", to_iso(device.since()));
      devices.push_back(std::move(one));
    }
    node.set("devices", std::move(devices));
  }
  if (const auto it = in.intake.counters().find(driver.name); it != in.intake.counters().end()) {
    const intake::DriverCounters& counters = it->second;
    node.set("batches", counters.batches).set("readings", counters.readings).set("bytes", counters.bytes);
    node.set("rate", rate(in, "driver " + driver.name));
    node.set("repeats", counters.repeats).set("resends", counters.resends).set("clamped", counters.clamped);
    node.set("dropped", counters.dropped);
    if (counters.last_arrival != 0) node.set("last_arrival", to_iso(counters.last_arrival));
    Node refused = Node::object();
    for (std::size_t i = 0; i < counters.refused.size(); ++i)
      if (counters.refused[i] > 0) refused.set(to_text(static_cast<intake::Refusal>(i)), counters.refused[i]);
    if (!refused.as_map()->empty())
      node.set("refused", std::move(refused)).set("last_refusal", counters.last_refusal);
  }
  if (const auto it = in.line.state().cursors().find(driver.name); it != in.line.state().cursors().end()) {
    node.set("epoch", it->second.epoch()).set("seq", it->second.seq()).set("accepted", it->second.accepted());
    if (it->second.last_time() != 0) node.set("last_time", to_iso(it->second.last_time()));
  }
  return node;
}

// What the card has to bear, and how long it will at this rate.
Node wear_node(const store::Wear& wear, std::uint64_t endurance) {
  Node node = Node::object();
  node.set("written", wear.total).set("today", wear.today).set("a_day", wear.a_day);
  if (endurance > 0) node.set("endurance", endurance);
  if (endurance > 0 && wear.a_day > 0) {
    const double left = static_cast<double>(endurance - std::min(endurance, wear.total));
    node.set("years_left", std::round(left / static_cast<double>(wear.a_day) / 365.25 * 10) / 10);
  }
  return node;
}

// How many stand, and the newest that nobody has put aside.
void set_alerts(std::vector<rules::AlertEvent> standing, Node& rules) {
  constexpr std::size_t kMostShown = 100;
  std::uint64_t critical = 0, warning = 0, info = 0, acknowledged = 0, latched = 0, shelved = 0;
  for (const rules::AlertEvent& alert : standing) {
    shelved += alert.shelved ? 1 : 0;
    latched += alert.latched ? 1 : 0;
    if (!alert.active || alert.shelved) continue;
    acknowledged += alert.acknowledged ? 1 : 0;
    ++(alert.severity == "critical" ? critical : alert.severity == "warning" ? warning : info);
  }
  Node counts = Node::object();
  counts.set("critical", critical).set("warning", warning).set("info", info).set("acknowledged", acknowledged);
  counts.set("latched", latched).set("shelved", shelved);
  rules.set("alerts", std::move(counts));
  std::erase_if(standing, [](const rules::AlertEvent& alert) { return !alert.active || alert.shelved; });
  std::ranges::stable_sort(standing, std::greater(), &rules::AlertEvent::since);
  if (standing.size() > kMostShown) standing.resize(kMostShown);
  Node::List newest;
  for (const rules::AlertEvent& alert : standing) newest.push_back(alert_document(alert));
  rules.set("active_alerts", std::move(newest));
}

Node store_node(const StatusInputs& in) {
  const line::Condition& condition = in.line.condition();
  Node node = Node::object();
  node.set("path", in.store_path.string()).set("incarnation", to_hex(in.incarnation));
  node.set("bytes", in.store.file_bytes).set("used", in.store.used_bytes).set("limit", in.store.limit_bytes);
  node.set("quota", in.config.store.quota).set("when_full", in.config.store.when_full);
  node.set("full", condition.store.full.has_value()).set("suspended", condition.store.suspended.has_value());
  node.set("first", in.store.first).set("last", condition.last).set("snapshot", in.store.snapshot);
  node.set("commits", condition.commits).set("readings", condition.readings).set("alerts", condition.alerts);
  node.set("emitted", condition.emitted).set("bytes_written", in.store.bytes_written);
  if (condition.last_commit != 0) node.set("last_commit", to_iso(condition.last_commit));
  node.set("recovery_ms", static_cast<std::uint64_t>(in.recovery_took / kMillisecond)).set("replayed", in.replayed);
  const line::Options cadence;  // is not configured
  node.set("snapshot_every", to_text(std::chrono::nanoseconds(cadence.snapshot_interval)));
  node.set("snapshot_bytes", cadence.snapshot_bytes);
  node.set("wear", wear_node(in.store.wear, in.config.store.endurance));
  Node streams = Node::object();
  for (std::size_t i = 0; i < in.store.streams.size(); ++i) {
    const store::StreamStats& stats = in.store.streams[i];
    Node stream = Node::object();
    stream.set("last", stats.last).set("waiting", stats.waiting).set("bytes", stats.bytes);
    if (stats.oldest != 0) stream.set("oldest", to_iso(stats.oldest));
    stream.set("thinned", stats.thinned).set("given_up", stats.given_up);
    streams.set(store::to_text(static_cast<store::Stream>(i + 1)), std::move(stream));
  }
  return node.set("streams", std::move(streams));
}

}  // namespace

Rates::Counters counters(const StatusInputs& in) {
  const line::Condition& condition = in.line.condition();
  Rates::Counters out{{"readings", condition.readings},
                      {"emitted", condition.emitted},
                      {"commits", condition.commits},
                      {"units", in.line.state().engine().counters().units}};
  for (const auto& [name, counters] : in.intake.counters()) out["driver " + name] = counters.readings;
  for (const auto& [config, uplink] : in.uplinks)
    for (const uplink::StreamStats& stream : uplink.streams) out["uplink " + config.name] += stream.taken;
  return out;
}

std::vector<std::string> problems(const StatusInputs& in) {
  Node::List list;
  find_problems(in, list);
  std::vector<std::string> out;
  for (const Node& problem : list)
    out.push_back(*problem.find("what")->as_string() + ": " + *problem.find("why")->as_string());
  return out;
}

Node drivers(const StatusInputs& in) {
  const auto processes = in.supervisor.states();
  const model::SignalTable& table = in.line.state().signals();
  const auto signals_of = [&](const std::string& driver) {
    Node::List signals;
    for (std::size_t i = 1; i <= table.size(); ++i)
      if (const auto& entry = table.at(static_cast<model::SignalId>(i)); entry.driver == driver)
        signals.push_back(signal_node(entry.signal));
    return signals;
  };
  Node::List list;
  for (const config::Driver& driver : in.config.drivers) {
    Node node = driver_node(in, driver, processes);
    node.set("signals", signals_of(driver.name));
    list.push_back(std::move(node));
  }
  return Node::object().set("drivers", std::move(list)).set("derived", signals_of(""));
}

Node status(const StatusInputs& in) {
  Node::List problems;
  find_problems(in, problems);
  find_uplink_problems(in, problems);
  std::uint64_t given_up = 0;
  for (const auto& [name, counters] : in.intake.counters()) given_up += lost(counters);

  Node out = Node::object();
  out.set("ok", problems.empty()).set("site", in.config.site.name).set("agent", in.config.site.agent);
  out.set("version", WEIR_VERSION).set("time", to_iso(in.clock.now())).set("started", to_iso(in.started));
  out.set("pid", ::getpid()).set("ready", in.ready);
  out.set("clock_synced", in.clock.synced()).set("data_lost", given_up).set("gaps", in.line.condition().gaps);
  out.set("problems", std::move(problems));

  Node rates = Node::object();
  for (const char* name : {"readings", "emitted", "commits"}) rates.set(name, rate(in, name));
  out.set("rates", std::move(rates));

  Node bus = Node::object();
  bus.set("managed", in.config.bus.managed).set("connected", !in.bus_problem && in.ready);
  bus.set("strays", in.intake.strays());
  if (in.broker) bus.set("pid", in.broker->pid).set("port", in.broker->port).set("restarts", in.broker->restarts);
  else bus.set("url", in.config.bus.url);
  out.set("bus", std::move(bus));

  const auto processes = in.supervisor.states();
  Node::List drivers;
  for (const config::Driver& driver : in.config.drivers) drivers.push_back(driver_node(in, driver, processes));
  out.set("drivers", std::move(drivers));

  Node rules = Node::object();
  const rules::Counters& counters = in.line.state().engine().counters();
  rules.set("groups", in.line.state().engine().groups()).set("readings", counters.readings);
  rules.set("late", counters.late).set("bad", counters.bad).set("arithmetic", counters.arithmetic);
  set_alerts(in.line.state().engine().active_alerts(), rules);
  Node writes = Node::object();
  writes.set("enabled", in.writes.enabled).set("asked", in.writes.asked).set("done", in.writes.done);
  writes.set("refused", in.writes.refused);
  if (in.writes.last_refused != 0)
    writes.set("last_refusal", in.writes.last_refusal).set("last_refused", to_iso(in.writes.last_refused));
  rules.set("writes", std::move(writes));
  out.set("rules", std::move(rules));

  out.set("store", store_node(in));

  Node::List uplinks;
  for (const auto& [config, uplink] : in.uplinks) {
    Node node = Node::object();
    node.set("name", config.name).set("url", config.url).set("connected", uplink.connected);
    node.set("since", to_iso(uplink.since)).set("reason", uplink.reason).set("refused", uplink.refused);
    if (uplink.last_taken != 0) node.set("last_taken", to_iso(uplink.last_taken));
    node.set("rate", rate(in, "uplink " + config.name)).set("under_way", uplink.under_way);
    Node sent = Node::object();
    for (const uplink::StreamStats& stream : uplink.streams) {
      Node one = Node::object();
      one.set("sent", stream.sent).set("acknowledged", stream.acknowledged);
      sent.set(uplink::to_text(stream.stream), std::move(one));
    }
    node.set("streams", std::move(sent));
    uplinks.push_back(std::move(node));
  }
  out.set("uplinks", std::move(uplinks));
  return out;
}

}  // namespace weir
