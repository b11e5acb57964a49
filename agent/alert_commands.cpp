#include "agent/alert_commands.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostPayload = 4 << 10;
constexpr Nanoseconds kLongestShelf = 30 * kDay;

struct Member {
  std::string_view key;
  std::size_t most;  // bytes
};
constexpr Member kMembers[] = {{"verb", 16}, {"target", 704}, {"who", 128}, {"why", 512}, {"for", 32}, {"id", 64}};
constexpr std::string_view kVerbs[] = {"acknowledge", "shelve", "unshelve", "reset"};

Result<void> check_members(const Node& request) {
  if (request.as_map() == nullptr)
    return fail(std::string("a command is a map, and this is ") + request.kind(),
                R"(write {"verb": "acknowledge", "target": "RULE/GROUP", "who": "NAME"})");
  for (const Node::Member& member : *request.as_map()) {
    const auto known = std::ranges::find(kMembers, member.key, &Member::key);
    if (known == std::end(kMembers)) {
      std::vector<std::string_view> keys;
      for (const Member& one : kMembers) keys.push_back(one.key);
      const std::string near = did_you_mean(member.key, keys);
      return fail("a command has no '" + to_utf8(member.key, 64) + "'",
                  near.empty() ? "it has verb, target, who, why, for and id" : near);
    }
    const std::string* text = member.value.as_string();
    if (text == nullptr) return fail("'" + member.key + "' is " + member.value.kind(), "write it as a text");
    if (text->size() > known->most)
      return fail("'" + member.key + "' has " + std::to_string(text->size()) + " bytes",
                  "at most " + std::to_string(known->most));
    if (!is_utf8(*text) || std::ranges::any_of(*text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
      return fail("'" + member.key + "' holds control characters or is not UTF-8", "write plain text");
  }
  return {};
}

}  // namespace

Result<v1::Command> alert_command(const Node& request, Timestamp now) {
  if (auto ok = check_members(request); !ok) return std::unexpected(ok.error());
  const auto text = [&](std::string_view key) {
    const Node* node = request.find(key);
    return node != nullptr ? *node->as_string() : std::string();
  };
  v1::Command command;
  command.set_verb(text("verb"));
  command.set_target(text("target"));
  command.set_who(text("who"));
  command.set_why(text("why"));
  if (std::ranges::find(kVerbs, command.verb()) == std::end(kVerbs)) {
    const std::string near = did_you_mean(command.verb(), kVerbs);
    return fail("nothing can be done to an alert that is called '" + command.verb() + "'",
                near.empty() ? "write acknowledge, shelve, unshelve or reset" : near);
  }
  if (command.target().empty())
    return fail(command.verb() + " what?",
                "give a target: an alert's id, RULE, or RULE/GROUP; weir alerts shows them");
  if (command.who().empty()) return fail("who says so?", R"(add "who": a name, for the log)");

  const std::string lasts = text("for");
  if (command.verb() != "shelve") {
    if (!lasts.empty()) return fail("'for' is only of shelve", "leave it out");
    return command;
  }
  Nanoseconds duration = 0;
  if (lasts.empty()) return fail("shelve for how long?", "say for: 8h, at most 30d");
  if (!parse_duration(lasts, duration)) return fail("'" + lasts + "' is no duration", "write 30m, 8h or 7d");
  if (duration < kSecond || duration > kLongestShelf)
    return fail("an alert is shelved for 1s to 30d, and not for " + lasts, "shelve it again when that is over");
  if (command.why().empty()) return fail("shelve why?", "say why: whoever comes next has to know");
  command.set_until(now + duration);
  return command;
}

Result<Node> alert_request(std::string_view payload) {
  if (payload.size() > kMostPayload)
    return fail("a command of " + std::to_string(payload.size()) + " bytes",
                "at most " + std::to_string(kMostPayload));
  auto request = parse_json(payload);
  if (!request) return context("the command", request.error());
  return request;
}

Error nothing_to_change(const rules::Engine& engine, const v1::Command& command) {
  const std::string& target = command.target();
  const std::vector<rules::AlertEvent> standing = engine.active_alerts();
  const std::vector<std::string> rules = engine.rules();
  const bool stands = std::ranges::any_of(standing, [&](const auto& alert) {
    return target == alert.id || target == alert.target || target == alert.rule;
  });
  const bool rule = std::ranges::any_of(
      rules, [&](const std::string& name) { return target == name || target.starts_with(name + "/"); });
  if (stands || std::ranges::find(rules, target) != rules.end()) {
    const std::string& verb = command.verb();
    const char* why = verb == "acknowledge" ? "is active or latched, and not acknowledged yet"
                      : verb == "shelve"    ? "raises an alert in any group so far"
                      : verb == "unshelve"  ? "is shelved"
                                            : "is latched, or a window since reset";
    return {"there is nothing to " + verb + " in '" + target + "': nothing there " + why, "weir alerts --all"};
  }
  std::vector<std::string_view> known(rules.begin(), rules.end());
  for (const rules::AlertEvent& alert : standing) known.insert(known.end(), {alert.target, alert.id});
  const std::string near = did_you_mean(target, known);
  if (!near.empty()) return {"no alert is called '" + target + "'", near};
  if (rule) return {"the rule has no group '" + target + "'", "weir alerts --all, or weir explain RULE"};
  return {"no alert and no rule is called '" + target + "'", "weir alerts --all lists the alerts"};
}

void AlertCommands::ask(const Node& request, Answer answer) {
  const auto command = alert_command(request, clock_.now());
  if (!command) return answer(std::unexpected(command.error()));
  if (under_way_ >= kMostUnderWay) return answer(fail("too many commands are under way", "try again in a second"));
  const auto committed = [this, answer, command = *command](std::size_t alerts) {
    --under_way_;
    answer(Node::object().set("verb", command.verb()).set("target", command.target()).set("alerts", alerts));
  };
  if (line_.command(*command, committed) > 0) ++under_way_;
  else answer(std::unexpected(nothing_to_change(line_.state().engine(), *command)));
}

void AlertCommands::heard(std::string_view payload) {
  const auto request = alert_request(payload);
  const Node* given = request ? request->find("id") : nullptr;
  const std::string* text = given != nullptr ? given->as_string() : nullptr;
  const auto answer = [this, id = text != nullptr && text->size() <= 64 ? to_utf8(*text)
                                                                        : std::string()](const Result<Node>& result) {
    Node out = result ? *result : Node::object().set("error", result.error().what).set("hint", result.error().hint);
    if (!id.empty()) out.set("id", id);
    publish_(kAlertAnswerTopic, to_json(out));
  };
  if (!request) return answer(std::unexpected(request.error()));
  ask(*request, answer);
}

}  // namespace weir
