// What people ask of alerts, over the control socket or the bus: read, checked, put into the log, and answered once
// that is durable; or told why nothing came of it.
//
// Not thread-safe; lives on the I/O thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/document.h"
#include "base/error.h"
#include "line/line.h"
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

class AlertCommands {
 public:
  using Publish = std::function<void(std::string topic, std::string payload)>;
  using Answer = std::function<void(Result<Node>)>;

  AlertCommands(const Clock& clock, line::Line& line, Publish publish)
      : clock_(clock), line_(line), publish_(std::move(publish)) {}

  // `answer` may outlive neither this nor the line.
  void ask(const Node& request, Answer answer);

  // Of a message on kAlertCommandTopic; answered on kAlertAnswerTopic, with its id.
  void heard(std::string_view payload);

 private:
  static constexpr unsigned kMostUnderWay = 100;

  const Clock& clock_;
  line::Line& line_;
  const Publish publish_;
  unsigned under_way_ = 0;  // wait for their commit
};

}  // namespace weir
