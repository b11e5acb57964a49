// What the agent says of itself: one document, made here, shown by `weir status`, written to a file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/rates.h"
#include "agent/rule_writes.h"
#include "base/clock.h"
#include "base/document.h"
#include "base/error.h"
#include "bus/broker.h"
#include "config/config.h"
#include "intake/intake.h"
#include "line/line.h"
#include "store/database.h"
#include "supervisor/supervisor.h"
#include "uplink/uplink.h"

namespace weir {

// A configuration that was refused, and since when another one runs in its place.
struct ConfigProblem {
  Timestamp since = 0;
  std::string why;  // the diagnostics, rendered
};

struct StatusInputs {
  const Clock& clock;
  const config::Config& config;
  const line::Line& line;
  const intake::Intake& intake;
  const supervisor::Supervisor& supervisor;

  Timestamp started = 0;
  bool ready = false;
  std::vector<std::string> notes = {};  // found at the start
  std::optional<ConfigProblem> config_problem = {};
  std::optional<Error> bus_problem = {};
  Timestamp bus_since = 0;
  std::optional<bus::BrokerStatus> broker = {};  // of a managed bus
  std::string incarnation = {};
  std::filesystem::path store_path = {};
  store::Stats store = {};
  Nanoseconds recovery_took = 0;
  std::uint64_t replayed = 0;
  std::vector<std::pair<config::Uplink, uplink::Stats>> uplinks = {};
  const Rates* rates = nullptr;
  RuleWrites::Counters writes = {};
};

// The document: verdict, problems (each with since, what, why, means, do), drivers, queue, uplinks.
// docs/status.md lists the members.
Node status(const StatusInputs& in);

// Its problems alone, a line each, but for those of the uplinks: for the clouds.
std::vector<std::string> problems(const StatusInputs& in);

// The drivers alone, with their devices and signals, and what the rules derive.
Node drivers(const StatusInputs& in);

// The counters whose rates the document gives.
Rates::Counters counters(const StatusInputs& in);

}  // namespace weir
