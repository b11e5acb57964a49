#include <algorithm>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "supervisor/driver.h"

namespace weir::cli {
namespace {

struct Given {
  std::string name;
  std::filesystem::path folder;
  bool signals = false, paths = false, kinds = false, json = false;
};

void print_signals(const Node& answer, const Given& given) {
  Table table({{"PATH"}, {"TYPE"}, {"UNIT"}, {"INTERVAL", true}, {"WRITABLE"}, {"DRIVER"}});
  const auto add = [&](const Node& signals, std::string_view key, const std::string& driver) {
    for (const Node& signal : list_of(signals, key))
      table.add({text_of(signal, "path"), text_of(signal, "type"), text_of(signal, "unit"),
                 text_of(signal, "interval"), is_true(signal, "writable") ? "yes" : "", driver});
  };
  for (const Node& driver : list_of(answer, "drivers")) add(driver, "signals", text_of(driver, "name"));
  if (given.name.empty()) add(answer, "derived", "(rules)");
  if (table.empty()) std::puts("no signals have been announced yet");
  else std::fputs(table.text(Paint(stdout)).c_str(), stdout);
}

void print_drivers(const Node& answer) {
  const Timestamp now = SystemClock().now();
  Table table({{"DRIVER"},
               {"KIND"},
               {"PROCESS", false, true},
               {"STATE", false, true},
               {"SINCE", true},
               {"SIGNALS", true},
               {"READINGS/S", true},
               {"READINGS", true},
               {"RESTARTS", true},
               {"REASON"}});
  for (const Node& driver : list_of(answer, "drivers")) {
    const bool alive = text_of(driver, "process") == "running" || text_of(driver, "process") == "external";
    table.add({text_of(driver, "name"), text_of(driver, "kind"), text_of(driver, "process"), text_of(driver, "state"),
               since_text(text_of(driver, alive ? "since" : "process_since"), now),
               std::to_string(list_of(driver, "signals").size()), rate_text(real_of(driver, "rate")),
               std::to_string(number_of(driver, "readings")), std::to_string(number_of(driver, "restarts")),
               text_of(driver, alive ? "reason" : "last_exit")});
    for (const Node& device : list_of(driver, "devices")) {
      const std::string prefix = text_of(device, "name") + "/";
      const auto signals = std::ranges::count_if(list_of(driver, "signals"), [&](const Node& signal) {
        return text_of(signal, "path").starts_with(prefix);
      });
      table.add({"  " + text_of(device, "name"), "", "", text_of(device, "state"),
                 since_text(text_of(device, "since"), now), std::to_string(signals), "", "", "",
                 text_of(device, "reason")});
    }
  }
  if (table.empty()) std::puts("weir.yaml names no drivers");
  else std::fputs(table.text(Paint(stdout)).c_str(), stdout);

  // What was refused or given up, by reason: it is why readings are missing.
  for (const Node& driver : list_of(answer, "drivers")) {
    std::string given_up;
    const auto add = [&](std::int64_t count, const std::string& what) {
      if (count > 0) given_up += (given_up.empty() ? "" : ", ") + std::to_string(count) + " " + what;
    };
    add(number_of(driver, "dropped"), "readings dropped by the driver");
    add(number_of(driver, "clamped"), "readings from the future, set to now");
    add(number_of(driver, "repeats"), "batches that came again");
    add(number_of(driver, "resends"), "resends asked for");
    if (const Node::Map* refused = node_of(driver, "refused").as_map())
      for (const Node::Member& reason : *refused) add(*reason.value.as_int(), "refused: " + reason.key);
    const std::string last = text_of(driver, "last_refusal");
    if (!given_up.empty())
      std::printf("%s: %s%s\n", printable(text_of(driver, "name")).c_str(), printable(given_up).c_str(),
                  last.empty() ? "" : printable("; the last: " + last).c_str());
  }
}

// The answer with one driver only.
Result<Node> only(const Node& answer, const std::string& name) {
  std::vector<std::string> names;
  for (const Node& driver : list_of(answer, "drivers")) {
    names.push_back(text_of(driver, "name"));
    if (names.back() == name) return Node::object().set("drivers", Node::List{driver});
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string hint = did_you_mean(name, known);
  return fail("there is no driver '" + name + "'", hint.empty() ? "there are: " + join(names, ", ") : hint);
}

}  // namespace

void add_drivers(CLI::App& app, Context& context) {
  auto given = std::make_shared<Given>();
  CLI::App* drivers = app.add_subcommand("drivers", "The drivers of the running agent, their devices and signals");
  drivers->footer("Example: weir drivers plc --signals");
  drivers->add_option("name", given->name, "One driver only, as in weir.yaml");
  drivers->add_flag("--signals", given->signals, "The signals, with type and unit, and what the rules derive");
  drivers->add_flag("--paths", given->paths, "The signals' paths alone, one a line");
  drivers->add_flag("--kinds", given->kinds, "The kinds of drivers that are installed");
  drivers->add_option("--drivers", given->folder,
                      "For --kinds: folder with weir-driver-KIND executables, searched first");
  drivers->add_flag("--json", given->json, "As a document");
  drivers->callback([given, &context] {
    if (given->kinds) {
      for (const std::string& kind : supervisor::driver_kinds(supervisor::driver_folders(given->folder)))
        std::puts(printable(kind).c_str());
      return;
    }
    auto answer = ask(context, Node::object().set("do", "drivers"), std::chrono::seconds(5));
    if (answer && !given->name.empty()) answer = only(*answer, given->name);
    if (!answer) {
      // Completion asks for paths: it wants none, and no words.
      if (given->paths) context.exit_code = 1;
      else failed(context, answer.error());
      return;
    }
    if (given->json) std::puts(to_json(*answer).c_str());
    else if (given->paths)
      for (const Node& driver : list_of(*answer, "drivers"))
        for (const Node& signal : list_of(driver, "signals")) std::puts(printable(text_of(signal, "path")).c_str());
    else if (given->signals) print_signals(*answer, *given);
    else print_drivers(*answer);
  });
}

}  // namespace weir::cli
