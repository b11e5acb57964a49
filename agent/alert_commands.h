// What people ask of alerts, over the control socket or the bus: read, checked, and told why nothing came of it.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/document.h"
#include "base/error.h"
#include "rules/engine.h"
#include "weir/v1/log.pb.h"

namespace weir {

inline constexpr const char* kAlertCommandTopic = "weir/v1/alert";
inline constexpr const char* kAlertAnswerTopic = "weir/v1/alert/answer";

// {"verb": "shelve", "target": "overheat/1", "who": "eve", "why": "sensor is changed", "for": "8h"}, and nothing else
// but an "id" that comes back with the answer. `now`: wall clock, from which `for` counts.
Result<v1::Command> alert_command(const Node& request, Timestamp now);

// The same of a message on the bus, whatever it is.
Result<Node> alert_request(std::string_view payload);

// Why a command changed nothing.
Error nothing_to_change(const rules::Engine& engine, const v1::Command& command);

}  // namespace weir
