#include "rule_test/command.h"

#include <optional>

namespace weir::rule_test {

void read_command(const Node& node, Test& test, Diagnostics& diagnostics) {
  using Verb = rules::AlertCommand::Verb;
  MapReader map(node, "a command", diagnostics);
  if (!map.is_map()) return;
  const std::size_t errors = diagnostics.size();
  Command out;
  if (!map.time("at", test.start, out.at) && node.find("at") == nullptr)
    map.error(node, "a command needs a time", "write at: 40s");
  std::optional<Verb> verb;
  for (const auto& [key, meant] : {std::pair{"acknowledge", Verb::acknowledge},
                                   {"shelve", Verb::shelve},
                                   {"unshelve", Verb::unshelve},
                                   {"reset", Verb::reset}}) {
    if (!map.text(key, out.command.target)) continue;
    if (verb) map.error(*node.find(key), "two verbs in one command", "write a line for each");
    verb = meant;
  }
  if (!verb)
    map.error(node, "a command to do what?",
              "write {at: 40s, acknowledge: overheat/1, who: me}; or shelve, unshelve, reset");
  map.text("who", out.command.who);
  map.text("why", out.command.why);
  const bool until = map.time("until", test.start, out.command.until);
  if (until && verb != Verb::shelve) map.error(*node.find("until"), "until: is for shelve:", "leave it out");
  if (!until && verb == Verb::shelve && node.find("until") == nullptr)
    map.error(node, "shelve: needs until:", "write until: 2h, since the start of the test");
  map.finish();
  if (diagnostics.size() != errors) return;
  out.command.verb = *verb;
  test.commands.push_back(std::move(out));
}

}  // namespace weir::rule_test
