#include <cstdio>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/table.h"

namespace weir::cli {
namespace {

std::string bytes_text(std::int64_t bytes) {
  return bytes < 10'240 ? std::to_string(bytes) + " B" : std::to_string(bytes / 1024) + " KiB";
}

void line(const char* name, const std::string& text) { std::printf("%-10s %s\n", name, printable(text).c_str()); }

void print_rule(const Node& answer) {
  line("rule", text_of(answer, "rule"));
  for (const char* what : {"reads", "asks", "emits", "writes"})
    for (const Node& one : list_of(answer, what))
      if (one.as_string() != nullptr) line(what, *one.as_string());
  line("speaks", text_of(answer, "judged"));
  const std::int64_t groups = number_of(answer, "groups"), bytes = number_of(answer, "bytes");
  line("keeps", bytes_text(bytes) + " for " + count_text(static_cast<std::uint64_t>(groups), "group") +
                    (groups > 1 ? ", " + bytes_text(bytes / groups) + " each" : ""));
  line("costs", "about " + count_text(static_cast<std::uint64_t>(number_of(answer, "operations")), "operation") +
                    " a reading");
  line("has seen",
       count_text(static_cast<std::uint64_t>(number_of(answer, "readings")), "reading") +
           (number_of(answer, "late") > 0 ? ", " + std::to_string(number_of(answer, "late")) + " of them too late"
                                          : ""));
}

void print_group(const Node& group) {
  std::string name;
  if (const Node::Map* captures = node_of(group, "group").as_map())
    for (const Node::Member& one : *captures)
      name += (name.empty() ? "" : ", ") + one.key + " = " +
              (one.value.as_string() != nullptr ? *one.value.as_string() : "");
  const std::string since = text_of(group, "since");
  std::printf("\n%s: %s%s\n", printable(name.empty() ? "the only group" : name).c_str(),
              printable(text_of(group, "state")).c_str(),
              since.empty() ? "" : (" since " + printable(since)).c_str());
  for (const Node& value : list_of(group, "values"))
    std::printf("  %-16s %s\n", printable(text_of(value, "name")).c_str(),
                printable(text_of(value, "value")).c_str());
  const std::string watermark = text_of(group, "watermark");
  if (!watermark.empty()) std::printf("  %-16s %s\n", "has seen up to", printable(watermark).c_str());
  if (number_of(group, "held_back") > 0)
    std::printf("  %-16s %lld readings that wait for others\n", "holds back",
                static_cast<long long>(number_of(group, "held_back")));
}

}  // namespace

void add_explain(CLI::App& app, Context& context) {
  struct Given {
    std::string rule;
    std::int64_t groups = 5;
    bool json = false;
  };
  auto given = std::make_shared<Given>();
  CLI::App* explain =
      app.add_subcommand("explain", "What a rule reads, keeps and costs, and how its groups stand now");
  explain->footer(
      "Example: weir explain overheat --groups 20\nGroups with an alert come first. Asks the agent that runs.");
  explain->add_option("RULE", given->rule, "The rule's name")->required();
  explain->add_option("--groups", given->groups, "How many groups to show")->check(CLI::Range(0, 1000));
  explain->add_flag("--json", given->json, "As JSON");
  explain->callback([given, &context] {
    const auto answer =
        ask(context, Node::object().set("do", "explain").set("rule", given->rule).set("groups", given->groups),
            std::chrono::seconds(10));
    if (!answer) return failed(context, answer.error());
    if (given->json) return void(std::puts(to_json(*answer).c_str()));
    print_rule(*answer);
    const Node::List& some = list_of(*answer, "some");
    for (const Node& group : some) print_group(group);
    if (const std::int64_t all = number_of(*answer, "groups"); all > static_cast<std::int64_t>(some.size()))
      std::printf("\n%s; --groups shows more\n",
                  count_text(static_cast<std::uint64_t>(all) - some.size(), "more group").c_str());
  });
}

}  // namespace weir::cli
