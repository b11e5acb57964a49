#include <algorithm>
#include <cstdio>
#include <ranges>
#include <utility>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "agent/agent.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/table.h"

namespace weir::cli {
namespace {

// A living agent writes its status file every two seconds.
constexpr Nanoseconds kFresh = 10 * kSecond;

std::string indented(const std::string& text, std::string_view by) {
  std::string out;
  for (const std::string_view line : split(text, '\n'))
    if (!line.empty()) out += std::string(by) + printable(line) + "\n";
  return out;
}

void print(const std::string& title, const Table& table, const Paint& paint) {
  if (!table.empty()) std::printf("\n%s\n%s", title.c_str(), table.text(paint).c_str());
}

std::string verdict(const Node& status, const Paint& paint) {
  const std::size_t problems = list_of(status, "problems").size();
  const auto lost = static_cast<std::uint64_t>(number_of(status, "data_lost"));
  const auto gaps = static_cast<std::uint64_t>(number_of(status, "gaps"));
  std::string data = lost > 0   ? count_text(lost, "reading") + " lost"
                     : gaps > 0 ? count_text(gaps, "gap")
                                : "no data lost";
  std::string line =
      problems == 0 ? paint(Colour::green, "OK") : paint(Colour::red, "NOT OK: " + count_text(problems, "problem"));
  line += "  " + printable(text_of(status, "site")) + ", " + printable(text_of(status, "time").substr(0, 19)) + "Z, ";
  line += is_true(status, "clock_synced") ? "clock synced, " : "clock not synced, ";
  return line + data;
}

void print_problems(const Node& status, Timestamp now, const Paint& paint) {
  for (const Node& problem : list_of(status, "problems")) {
    const std::string what = text_of(problem, "what");
    const std::string why = text_of(problem, "why");
    std::printf("\n%s (for %s)\n", paint(Colour::red, "! " + printable(what)).c_str(),
                since_text(text_of(problem, "since"), now).c_str());
    if (!why.empty()) std::fputs(indented(why, "    ").c_str(), stdout);
    std::fputs(indented("data: " + text_of(problem, "means"), "    ").c_str(), stdout);
    std::fputs(indented("do:   " + text_of(problem, "do"), "    ").c_str(), stdout);
  }
}

Table drivers_table(const Node& status, Timestamp now) {
  Table table({{"DRIVER"},
               {"KIND"},
               {"STATE", false, true},
               {"SINCE", true},
               {"READINGS/S", true},
               {"READINGS", true},
               {"LAST", true},
               {"RESTARTS", true},
               {"REASON"}});
  for (const Node& driver : list_of(status, "drivers")) {
    const std::string process = text_of(driver, "process");
    const bool alive = process == "running" || process == "external";
    const std::string state = alive && !text_of(driver, "state").empty() ? text_of(driver, "state") : process;
    const std::string last = since_text(text_of(driver, "last_arrival"), now);
    table.add({text_of(driver, "name"), text_of(driver, "kind"), state,
               since_text(text_of(driver, alive ? "since" : "process_since"), now),
               rate_text(real_of(driver, "rate")), std::to_string(number_of(driver, "readings")),
               last.empty() ? "never" : last + " ago", std::to_string(number_of(driver, "restarts")),
               alive ? text_of(driver, "reason") : text_of(driver, "last_exit")});
    for (const Node& device : list_of(driver, "devices"))
      table.add({"  " + text_of(device, "name"), "", text_of(device, "state"),
                 since_text(text_of(device, "since"), now), "", "", "", "", text_of(device, "reason")});
  }
  return table;
}

Table alerts_table(const Node& status, Timestamp now) {
  constexpr std::size_t kMostShown = 10;
  Table table({{"SEVERITY", false, true}, {"SINCE", true}, {"ALERT"}, {"MESSAGE"}});
  for (const Node& alert : list_of(node_of(status, "rules"), "active_alerts") | std::views::take(kMostShown))
    table.add({text_of(alert, "severity"), since_text(text_of(alert, "since"), now), text_of(alert, "target"),
               text_of(alert, "message") + (is_true(alert, "uncertain") ? " (uncertain: its inputs are bad)" : "")});
  return table;
}

// "Active alerts: 1 critical, 12 warning; the newest, more with weir alerts"
std::string alerts_title(const Node& status) {
  const Node& rules = node_of(status, "rules");
  const Node& counts = node_of(rules, "alerts");
  std::string out = "Active alerts";
  const char* between = ": ";
  std::int64_t all = 0;
  for (const char* severity : {"critical", "warning", "info"}) {
    const std::int64_t count = number_of(counts, severity);
    all += count;
    if (count > 0) out += std::exchange(between, ", ") + std::to_string(count) + " " + severity;
  }
  return all > 10 ? out + "; the newest, all with: weir alerts" : out;
}

std::string size_of(const Node& node, std::string_view key) {
  return bytes_text(static_cast<std::uint64_t>(std::max<std::int64_t>(0, number_of(node, key))));
}

Table queue_table(const Node& status, Timestamp now) {
  Table table({{"STREAM"},
               {"RECORDS", true},
               {"WAITING", true},
               {"BYTES", true},
               {"OLDEST", true},
               {"THINNED", true},
               {"GIVEN UP", true}});
  if (const Node::Map* streams = node_of(node_of(status, "store"), "streams").as_map())
    for (const Node::Member& stream : *streams)
      if (stream.key != "backfill" || number_of(stream.value, "last") > 0)
        table.add({stream.key, std::to_string(number_of(stream.value, "last")),
                   std::to_string(number_of(stream.value, "waiting")), size_of(stream.value, "bytes"),
                   since_text(text_of(stream.value, "oldest"), now),
                   std::to_string(number_of(stream.value, "thinned")),
                   std::to_string(number_of(stream.value, "given_up"))});
  return table;
}

// "1.2 GiB of 2.0 GiB, 40 MiB written today": what the store takes, and what that does to the card.
std::string store_text(const Node& store) {
  // Until the store has looked, what it may take is not known.
  const bool known = number_of(store, "limit") > 0;
  std::string out = known ? size_of(store, "used") + " used of " + size_of(store, "limit")
                          : size_of(store, "bytes") + " on the disk, of " + size_of(store, "quota");
  // A part of the quota is for the WAL.
  if (known && number_of(store, "limit") < number_of(store, "quota") - number_of(store, "quota") / 8 - (1 << 20))
    out += " (the quota is " + size_of(store, "quota") + ", the disk has no more)";
  const Node& wear = node_of(store, "wear");
  out += "; written today: " + size_of(wear, "today");
  if (number_of(wear, "a_day") > 0) out += ", on a usual day: " + size_of(wear, "a_day");
  if (const Node* years = wear.find("years_left"); years != nullptr)
    out += "; at that rate the card lasts " + rate_text(real_of(wear, "years_left")) + " more years";
  return out;
}

Table uplinks_table(const Node& status, Timestamp now) {
  Table table({{"UPLINK"},
               {"STATE", false, true},
               {"SINCE", true},
               {"RECORDS/S", true},
               {"SENT", true},
               {"LAST", true},
               {"URL"},
               {"REASON"}});
  for (const Node& uplink : list_of(status, "uplinks")) {
    std::int64_t sent = 0;
    if (const Node::Map* streams = node_of(uplink, "streams").as_map())
      for (const Node::Member& stream : *streams) sent += number_of(stream.value, "sent");
    const std::string last = since_text(text_of(uplink, "last_taken"), now);
    table.add({text_of(uplink, "name"), is_true(uplink, "connected") ? "connected" : "not connected",
               since_text(text_of(uplink, "since"), now), rate_text(real_of(uplink, "rate")), std::to_string(sent),
               last.empty() ? "never" : last + " ago", text_of(uplink, "url"), text_of(uplink, "reason")});
  }
  return table;
}

void print(const Node& status, Timestamp now) {
  const Paint paint(stdout);
  std::puts(verdict(status, paint).c_str());
  print_problems(status, now, paint);
  print("Drivers", drivers_table(status, now), paint);
  print(alerts_title(status), alerts_table(status, now), paint);

  const Node& rates = node_of(status, "rates");
  const Node& store = node_of(status, "store");
  std::printf("\nLast ten seconds: %s readings/s in, %s values/s derived, %s commits/s\n",
              rate_text(real_of(rates, "readings")).c_str(), rate_text(real_of(rates, "emitted")).c_str(),
              rate_text(real_of(rates, "commits")).c_str());
  print("Queue, in " + printable(text_of(store, "path")), queue_table(status, now), paint);
  std::printf("%s\n", store_text(store).c_str());
  print("Uplinks", uplinks_table(status, now), paint);
  std::printf("\nweir %s, agent %s, pid %lld, up for %s\n", printable(text_of(status, "version")).c_str(),
              printable(text_of(status, "agent")).c_str(), static_cast<long long>(number_of(status, "pid")),
              since_text(text_of(status, "started"), now).c_str());
}

// The last status file, with what its age says of the agent.
Result<Node> from_file(const Context& context, const Error& unreached, Timestamp now) {
  const std::filesystem::path file = status_file(context.runtime_dir);
  const auto text = read_file(file);
  if (!text)
    return fail("no agent answers; " + text.error().what,
                "is it running? systemctl status weir; if its runtime folder is another: --runtime-dir");
  auto status = parse_json(*text);
  if (!status) return weir::context(file.string(), status.error());
  Timestamp written = 0;
  parse_iso(text_of(*status, "time"), written);

  // Whoever may not ask the agent may read its file.
  const bool forbidden = ::access(control_socket(context.runtime_dir).c_str(), F_OK) == 0 &&
                         ::access(control_socket(context.runtime_dir).c_str(), W_OK) != 0;
  if (forbidden && now - written < kFresh) return status;

  Node problem = Node::object();
  problem.set("since", text_of(*status, "time")).set("what", "the agent does not answer");
  problem.set("why", unreached.what + "; what follows is its last status, " + duration_text(now - written) + " old");
  problem.set("means", "no readings are taken now; what was accepted is in the store");
  problem.set("do", "systemctl status weir; journalctl -u weir");
  Node::List problems = list_of(*status, "problems");
  problems.insert(problems.begin(), std::move(problem));
  status->set("ok", false).set("problems", std::move(problems));
  return status;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  auto json = std::make_shared<bool>(false);
  CLI::App* status =
      app.add_subcommand("status", "One line of verdict, then each problem with since when, why, and what to do");
  status->footer(
      "Example: weir status\n"
      "Needs no root. Exits with 0 if all is well, else with 1. If no agent answers, its last status is shown.");
  status->add_flag("--json", *json, "As a document; docs/status.md lists its members");
  status->callback([json, &context] {
    const Timestamp now = SystemClock().now();
    auto document = ask(context, Node::object().set("do", "status"), std::chrono::seconds(5));
    if (!document) document = from_file(context, document.error(), now);
    if (!document) return failed(context, document.error());
    if (*json) std::puts(to_json(*document).c_str());
    else print(*document, now);
    if (!is_true(*document, "ok")) context.exit_code = 1;
  });
}

}  // namespace weir::cli
