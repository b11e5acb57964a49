// emit, write, on_clear, write_limit, max_age: what goes out.
#include <algorithm>
#include <utility>

#include "rules/read/read_parts.h"

namespace weir::rules {
namespace {

constexpr std::size_t kMostOutputs = 64;

constexpr std::string_view kWriteKeys[] = {"value", "lease", "fallback"};
constexpr KeyHint kWriteHints[] = {{"for", "write lease: 30s"},
                                   {"timeout", "write lease: 30s"},
                                   {"default", "write fallback: false"},
                                   {"path", "the path is the key: write: {\"plc/enable\": false}"}};
constexpr DurationRange kLease{.least = kSecond, .most = kDay};

class OutputReader {
 public:
  explicit OutputReader(Draft& draft) : draft_(draft), rule_(draft.rule), reporter_(draft.reporter) {}

  void run() {
    read_emits();
    read_writes("write", rule_.writes);
    read_writes("on_clear", rule_.clear_writes);
    if (const Node* limit = draft_.find("write_limit"))
      rule_.write_limit = read_duration(*limit, {.most = 366 * kDay}, reporter_).value_or(0);
    if (const Node* age = draft_.find("max_age"))
      rule_.max_age = read_duration(*age, {.least = kMillisecond, .most = kDay}, reporter_).value_or(rule_.max_age);
    const Node::Member* lateness = find_member(draft_.node, "lateness");
    if (lateness != nullptr && !(rule_.writes.empty() && rule_.clear_writes.empty()) &&
        rule_.lateness >= rule_.max_age)
      reporter_.error(*lateness, "what has waited so long is older than max_age:, and would never be written",
                      "write max_age: and a longer time, or let another rule write");
  }

 private:
  // Null if there is nothing under it that can be used.
  const Node::Map* outputs(std::string_view key, const char* example) {
    const Node* node = draft_.find(key);
    if (node == nullptr) return nullptr;
    const Node::Map* map = node->as_map();
    if (map == nullptr || map->empty()) {
      reporter_.error(
          *node,
          std::string(key) + ": is a map of path and value, not " + (map == nullptr ? node->kind() : "an empty one"),
          std::string("write ") + example);
      return nullptr;
    }
    if (map->size() <= kMostOutputs) return map;
    reporter_.error(*node, std::to_string(map->size()) + " paths under " + std::string(key) + ":",
                    std::to_string(kMostOutputs) + " are allowed; split the rule");
    return nullptr;
  }

  PathTemplate read_path(const Node::Member& member) {
    if (!draft_.captures_known) return {};
    bool right = true;
    PathTemplate path = parse_path_template(member.key, rule_.captures, [&](Fault fault) {
      right = false;
      reporter_.inside(member)(std::move(fault));
    });
    if (right) check_captures(member, path);
    return path;
  }

  // What goes out is of a group: of all of it, and of no other.
  void check_captures(const Node::Member& member, const PathTemplate& path) {
    const std::size_t group = rule_.group_captures.size();
    for (std::size_t c = 0; c < rule_.captures.size(); ++c) {
      const bool used =
          std::ranges::any_of(path.parts, [&](const auto& part) { return part.capture == static_cast<int>(c); });
      const std::string name = "{" + rule_.captures[c] + "}";
      if (used && c >= group)
        return reporter_.error(member, name + " names one member of the group, and this is said of all together",
                               "leave it out of the path");
      if (used || c >= group) continue;
      if (rule_.captures[c].empty())
        return reporter_.error(member, "a path without a name for every {} would be the same for all groups",
                               "give it a name: {device}");
      return reporter_.error(member, "without " + name + " this path is the same for several groups",
                             "put " + name + " into it, or take all groups together: across: " + rule_.captures[c]);
    }
  }

  void read_emits() {
    const Node::Map* map = outputs("emit", "emit: {\"{device}/mean\": mean(t)}");
    if (map == nullptr) return;
    rule_.emits.resize(map->size());
    for (std::size_t i = 0; i < map->size(); ++i) {
      const Node::Member& member = (*map)[i];
      rule_.emits[i].position = member.key_position;
      rule_.emits[i].path = read_path(member);
      draft_.expressions.add(member.value, Type::any, rule_.emits[i].value);
    }
  }

  void read_writes(std::string_view key, std::vector<Write>& into) {
    const Node::Map* map = outputs(key, "write: {\"plc/enable\": false}");
    if (map == nullptr) return;
    into.resize(map->size());
    for (std::size_t i = 0; i < map->size(); ++i) {
      const Node::Member& member = (*map)[i];
      into[i].position = member.key_position;
      into[i].path = read_path(member);
      if (member.value.as_map() != nullptr) read_details(member, into[i]);
      else draft_.expressions.add(member.value, Type::any, into[i].value);
    }
  }

  void read_details(const Node::Member& member, Write& write) {
    const Node& node = member.value;
    read_map(node, {"a write", "{value: true, lease: 30s, fallback: false}", kWriteKeys, kWriteHints}, reporter_);
    const Node *value = node.find("value"), *lease = node.find("lease"), *fallback = node.find("fallback");
    if (value != nullptr) draft_.expressions.add(*value, Type::any, write.value);
    else reporter_.error(member, "a write without a value", "add value: true");
    if (lease != nullptr) write.lease = read_duration(*lease, kLease, reporter_).value_or(0);
    if (fallback != nullptr) draft_.expressions.add(*fallback, Type::any, write.fallback);
    if (lease != nullptr && fallback == nullptr)
      reporter_.error(member, "a lease without what holds when it runs out", "add fallback: false");
    if (lease == nullptr && fallback != nullptr)
      reporter_.error(member, "a fallback without the lease after which it holds", "add lease: 30s");
  }

  Draft& draft_;
  Rule& rule_;
  Reporter& reporter_;
};

class OutputChecker {
 public:
  explicit OutputChecker(Draft& draft) : draft_(draft), reporter_(draft.reporter) {}

  void run() {
    for (Emit& emit : draft_.rule.emits) check(emit);
    for (const auto* writes : {&draft_.rule.writes, &draft_.rule.clear_writes})
      for (const Write& write : *writes) check(write);
  }

 private:
  void check(Emit& emit) {
    if (emit.value.empty()) return;
    refuse_duration(emit.value, "emitted");
    emit.unit_of = draft_.expressions.unit_of(emit.value);
    if (const auto pattern = model::PathPattern::parse(emit.path.text))
      if (const auto& taken = draft_.signals.examples(*pattern); !taken.empty())
        reporter_.warn(emit.position, emit.path.text.size(), "a driver sends " + taken.front()->path + " already",
                       "emit under another name, so that the two are not mixed");
  }

  void check(const Write& write) {
    if (write.value.empty()) return;
    refuse_duration(write.value, "written");
    if (!write.fallback.empty() && write.fallback.type != write.value.type)
      reporter_.error(
          write.position, write.path.text.size(),
          std::string("the value is ") + to_text(write.value.type) + ", its fallback " + to_text(write.fallback.type),
          "both go to one signal: let them be of one kind");
    if (const auto pattern = model::PathPattern::parse(write.path.text); pattern && !draft_.signals.empty())
      check_target(write, draft_.signals.examples(*pattern));
  }

  void refuse_duration(const Program& value, const char* what) {
    if (value.type == Type::duration)
      reporter_.error(draft_.expressions.node_of(value), std::string("a duration cannot be ") + what,
                      "divide it by its unit: … / 1s");
  }

  void check_target(const Write& write, const std::vector<const model::Signal*>& targets) {
    const auto warn = [&](std::string message, const char* hint) {
      reporter_.warn(write.position, write.path.text.size(), std::move(message), hint);
    };
    if (targets.empty())
      warn("no signal that is known matches " + write.path.text, "compare with what the driver announces");
    for (const model::Signal* target : targets) {
      const Type type = type_of(target->type);
      if (!target->writable)
        return warn(target->path + " does not take writes", "allow it with writes: of its driver in weir.yaml");
      if (type != write.value.type && write.value.type != Type::any)
        return warn(target->path + " is " + to_text(type) + ", and not " + to_text(write.value.type),
                    "its driver will refuse the write");
    }
  }

  Draft& draft_;
  Reporter& reporter_;
};

}  // namespace

void read_outputs(Draft& draft) { OutputReader(draft).run(); }
void check_outputs(Draft& draft) { OutputChecker(draft).run(); }

}  // namespace weir::rules
