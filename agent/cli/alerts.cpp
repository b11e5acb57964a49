// weir alerts: what stands, and what people do about it.
#include <algorithm>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/table.h"

namespace weir::cli {
namespace {

// Active, and nobody has put it aside.
bool calls(const Node& alert) { return is_true(alert, "active") && !is_true(alert, "shelved"); }

int rank(const Node& alert) {
  const std::string severity = text_of(alert, "severity");
  return severity == "critical" ? 0 : severity == "warning" ? 1 : 2;
}

// "active, acknowledged"
std::string state_of(const Node& alert) {
  std::string out;
  const auto say = [&](const std::string& word) { out += (out.empty() ? "" : ", ") + word; };
  for (const char* bit : {"active", "latched", "acknowledged", "uncertain", "suppressed"})
    if (is_true(alert, bit)) say(bit);
  if (is_true(alert, "shelved")) {
    const std::string who = text_of(alert, "who"), why = text_of(alert, "why");
    say("shelved until " + text_of(alert, "shelved_until") + (who.empty() ? "" : " by " + who) +
        (why.empty() ? "" : ": " + why));
  }
  return out;
}

void print(const Node::List& alerts, bool all, Timestamp now) {
  Table table({{"SEVERITY", false, true}, {"SINCE", true}, {"ALERT"}, {"STATE"}, {"MESSAGE"}});
  std::size_t aside = 0;
  for (const Node& alert : alerts) {
    if (!all && !calls(alert)) {
      ++aside;
      continue;
    }
    table.add({text_of(alert, "severity"), since_text(text_of(alert, "since"), now), text_of(alert, "target"),
               state_of(alert), text_of(alert, "message")});
  }
  if (table.empty()) std::puts(all ? "no alert is active, latched or shelved" : "no alert is active");
  else std::fputs(table.text(Paint(stdout)).c_str(), stdout);
  if (aside > 0) std::printf("%zu more, latched or shelved: weir alerts --all\n", aside);
}

void add_verb(CLI::App& alerts, Context& context, const std::string& verb, const char* about, const char* footer) {
  struct Given {
    std::string target, why, lasts;
  };
  auto given = std::make_shared<Given>();
  CLI::App* command = alerts.add_subcommand(verb, about);
  command->footer(footer);
  command->add_option("target", given->target, "RULE/GROUP, RULE for all of its groups, or an alert's id")
      ->required();
  const bool shelves = verb == "shelve";
  command->add_option("--why", given->why, "For the log, and for whoever comes next")->required(shelves);
  if (shelves) command->add_option("--for", given->lasts, "30m, 8h, at most 30d")->required();
  command->callback([given, verb, &context] {
    Node request = Node::object();
    request.set("verb", verb).set("target", given->target).set("who", who());
    if (!given->why.empty()) request.set("why", given->why);
    if (!given->lasts.empty()) request.set("for", given->lasts);
    const auto answer = ask(context, Node::object().set("do", "alert").set("command", std::move(request)));
    if (!answer) return failed(context, answer.error());
    std::printf("%s %s: %s\n", verb.c_str(), printable(given->target).c_str(),
                count_text(static_cast<std::uint64_t>(number_of(*answer, "alerts")), "alert").c_str());
  });
}

}  // namespace

void add_alerts(CLI::App& app, Context& context) {
  struct Given {
    bool all = false, json = false;
  };
  auto given = std::make_shared<Given>();
  CLI::App* alerts =
      app.add_subcommand("alerts", "List the alerts that are active; acknowledge, shelve and reset them");
  alerts->footer("Example: weir alerts acknowledge overheat/1 --why 'on my way'");
  alerts->require_subcommand(0, 1);
  alerts->add_flag("--all,-a", given->all, "Latched and shelved ones, too");
  alerts->add_flag("--json", given->json, "As a document");
  add_verb(*alerts, context, "acknowledge", "Somebody knows: it is not repeated any more",
           "Example: weir alerts acknowledge overheat/1 --why 'on my way'");
  add_verb(*alerts, context, "shelve", "Put it aside for a time",
           "Example: weir alerts shelve overheat/1 --for 8h --why 'the sensor is being changed'");
  add_verb(*alerts, context, "unshelve", "Take it back before that time is over",
           "Example: weir alerts unshelve overheat/1");
  add_verb(*alerts, context, "reset", "Let go of a latched alert, or begin a window since reset anew",
           "Example: weir alerts reset run-hours/3 --why 'serviced'");
  alerts->callback([given, alerts, &context] {
    if (!alerts->get_subcommands().empty()) return;
    auto answer = ask(context, Node::object().set("do", "alerts"));
    if (!answer) return failed(context, answer.error());
    Node::List list = list_of(*answer, "alerts");
    // The gravest first, and of those the newest.
    std::ranges::stable_sort(list, [](const Node& a, const Node& b) {
      return rank(a) != rank(b) ? rank(a) < rank(b) : text_of(a, "since") > text_of(b, "since");
    });
    if (!given->json) return print(list, given->all, SystemClock().now());
    if (!given->all) std::erase_if(list, [](const Node& alert) { return !calls(alert); });
    std::puts(to_json(Node::of(std::move(list))).c_str());
  });
}

}  // namespace weir::cli
