// Any text as what a panel asks of the alerts, one message a line: it is taken or refused in words that can be sent
// back; what is taken says all that the log needs, changes alerts or nothing at all, and what changed is kept.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/alert_commands.h"
#include "base/json.h"
#include "base/text.h"
#include "config/config.h"
#include "rules/engine.h"

namespace {

using namespace weir;

constexpr Timestamp kNow = 1'700'000'000 * kSecond;

void require(bool what) {
  if (!what) std::abort();
}

void require_words(const Error& error) { require(!error.what.empty() && is_utf8(error.text())); }

constexpr const char* kRules =
    "rules:\n"
    "  - {name: hot, from: {t: \"b-{n}/t\"}, when: t > 90, alert: {severity: info, repeat: 10s}}\n"
    "  - {name: smoke, from: {t: \"b-{n}/t\"}, when: t > 95, alert: {severity: critical, latch: true}}\n"
    "  - {name: hours, from: {t: \"b-{n}/t\"}, window: {since: reset}, when: count(t) > 1, alert: {severity: "
    "info}}\n";

// Alerts that are active, latched, and over.
struct Board {
  Board() {
    static const auto rules = [] {
      const config::Parsed parsed = config::parse_yaml({"a.yaml", kRules});
      return rules::compile({&parsed.root, 1}, {}).rules;
    }();
    engine.install(rules);
    again.install(rules);
    for (model::SignalId id = 1; id <= 2; ++id) {
      model::Signal signal;
      signal.path = "b-" + std::to_string(id) + "/t";
      engine.define(id, signal);
      again.define(id, signal);
    }
    for (const double value : {99.0, 93.0}) {
      model::Series series;
      series.append({now += kSecond, value, model::kGood});
      for (series.signal = 1; series.signal <= 2; ++series.signal) engine.readings(now, series, outputs);
    }
  }

  rules::Engine engine, again;
  rules::Outputs outputs;
  Timestamp now = kNow;
};

rules::AlertCommand to_engine(const v1::Command& command) {
  using Verb = rules::AlertCommand::Verb;
  constexpr std::array<std::string_view, 4> kVerbs = {"acknowledge", "shelve", "unshelve", "reset"};
  const auto verb = std::ranges::find(kVerbs, command.verb());
  require(verb != kVerbs.end());
  return {static_cast<Verb>(verb - kVerbs.begin()), command.target(), command.who(), command.why(), command.until()};
}

void hear(Board& board, std::string_view payload) {
  const auto request = alert_request(payload);
  if (!request) return require_words(request.error());
  const auto command = alert_command(*request, board.now);
  if (!command) return require_words(command.error());
  const auto again = alert_request(to_json(*request));
  require(again && alert_command(*again, board.now)->SerializeAsString() == command->SerializeAsString());
  require(!command->target().empty() && !command->who().empty());
  const Nanoseconds shelved = command->until() - board.now;
  if (command->verb() == "shelve") require(shelved >= kSecond && shelved <= 30 * kDay && !command->why().empty());
  else require(command->until() == 0);

  const std::string before = board.engine.save();
  board.outputs.clear();
  if (board.engine.command(board.now, to_engine(*command), board.outputs) == 0) {
    require(board.outputs.empty() && board.engine.save() == before);
    return require_words(nothing_to_change(board.engine, *command));
  }
  for (const rules::AlertEvent& alert : board.outputs.alerts) {
    require(is_utf8(alert.message));
    // A window that is reset is judged at once, and what comes of that nobody said.
    const std::string_view change = alert.change;
    if (change == "raised" || change == "cleared") require(alert.who.empty() && command->verb() == "reset");
    else require(alert.who == command->who() && alert.why == command->why());
  }
  const std::string after = board.engine.save();
  require(board.again.restore(after) && board.again.save() == after);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16'384) return 0;
  Board board;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lines = split(text, '\n');
  for (std::size_t i = 0; i < lines.size() && i < 64; ++i) {
    hear(board, lines[i]);
    board.engine.tick(board.now += kSecond, board.outputs);
  }
  return 0;
}
