// Raised and cleared, what people do to alerts, and the writes that follow.
#include <algorithm>
#include <utility>

#include "rules/state/rule_state.h"

namespace weir::rules {

// --- the condition ---------------------------------------------------------------------------------

// What is asked of it: whether it holds, or, while the alert is active and `clear` is given, whether that does.
Result3 RuleState::condition(std::uint32_t g, const Scene& scene) const {
  const Program& program = asked(groups_[g]);
  if (!rule_->detect || &program == &rule_->clear) return run(program, scene);
  const Result3& score = scene.aggregates[kScore];
  return {detections_[g].last.anomalous ? 1.0 : 0.0, nullptr, score.quality, score.known};
}

void RuleState::judge(std::uint32_t g, Timestamp time, Scene& scene, Sink& sink) {
  Group& group = groups_[g];
  // A `for` that ran out while nothing came may have moved the group past this reading.
  scene.time = group.judged = std::max(group.judged, time);
  decide(g, scene.time, condition(g, scene), scene, sink);
}

// Whether that leaves the alert as it is; of a rule without `suppress`.
bool RuleState::stays(const Group& group, const Result3& condition) const {
  if (group.phase == Phase::idle) return !is_true(condition);
  if (group.phase == Phase::pending) return is_true(condition);
  const bool clears = (condition.number != 0) != rule_->clear.empty();
  return condition.known && !group.uncertain && clears == (group.clearing != kNever);
}

void RuleState::decide(std::uint32_t g, Timestamp time, const Result3& condition, const Scene& scene, Sink& sink) {
  Group& group = groups_[g];
  if (group.phase == Phase::idle) {
    if (!is_true(condition)) return update_suppressed(g, time, scene, sink);  // it may be latched
    group.phase = Phase::pending;
    group.since = time;
  } else if (group.phase == Phase::pending) {
    if (!is_true(condition)) group.phase = Phase::idle;
  } else {
    const bool clears = rule_->clear.empty() ? is_false(condition) : is_true(condition);
    if (!clears) group.clearing = kNever;
    else if (group.clearing == kNever) group.clearing = time;
    // What is known to be over is cleared at this instant, and that says enough.
    if (clears && rule_->clear_hold == 0) group.uncertain = false;
    if (group.uncertain == condition.known) {
      group.uncertain = !condition.known;
      say(g, time, group.uncertain ? "uncertain" : "certain", &scene, sink);
    }
    update_suppressed(g, time, scene, sink);
  }
}

Timestamp RuleState::alert_deadline(std::uint32_t g) const {
  const Group& group = groups_[g];
  if (group.phase == Phase::pending) return saturated(group.since, rule_->hold);
  if (group.phase == Phase::active && group.clearing != kNever) return saturated(group.clearing, rule_->clear_hold);
  return kNever;
}

// A duration of the condition has run out.
void RuleState::run_out(std::uint32_t g, Timestamp time, Sink& sink) {
  Group& group = groups_[g];
  group.judged = std::max(group.judged, time);
  const Scene now = whole_scene(g, time, sink);
  if (group.phase == Phase::pending) raise(g, time, now, sink);
  else clear(g, time, "cleared", now, sink);
}

// --- the alert -------------------------------------------------------------------------------------

void RuleState::raise(std::uint32_t g, Timestamp time, const Scene& scene, Sink& sink) {
  Group& group = groups_[g];
  group.phase = Phase::active;
  group.clearing = kNever;
  group.uncertain = false;
  Alarm& alarm = alarms_[g];
  const Timestamp shelved = alarm.shelved_until;
  alarm = {};
  alarm.shelved_until = shelved;
  alarm.since = group.since;
  alarm.suppressed = !rule_->suppress.empty() && is_true(run(rule_->suppress, scene));
  if (rule_->alert && rule_->alert->repeat > 0) alarm.repeat_at = saturated(time, rule_->alert->repeat);
  say(g, time, "raised", &scene, sink);
  want_write(g, true, time, scene, sink);
}

void RuleState::clear(std::uint32_t g, Timestamp time, const char* what, const Scene& scene, Sink& sink) {
  Group& group = groups_[g];
  group.phase = Phase::idle;
  group.clearing = kNever;
  group.uncertain = false;
  Alarm& alarm = alarms_[g];
  alarm.latched = rule_->alert && rule_->alert->latch && std::string_view(what) == "cleared";
  alarm.repeat_at = kNever;
  say(g, time, what, &scene, sink);
  // What is latched stays as it was written, leases and all, until somebody has looked.
  if (!alarm.latched) want_write(g, false, time, scene, sink);
  drop_if_over(g);
}

void RuleState::drop_if_over(std::uint32_t g) {
  const auto found = alarms_.find(g);
  if (found == alarms_.end() || groups_[g].phase == Phase::active) return;
  if (!found->second.latched && found->second.shelved_until == 0) alarms_.erase(found);
}

void RuleState::update_suppressed(std::uint32_t g, Timestamp time, const Scene& scene, Sink& sink) {
  if (rule_->suppress.empty()) return;
  const auto found = alarms_.find(g);
  const bool active = groups_[g].phase == Phase::active;
  if (found == alarms_.end() || !(active || found->second.latched)) return;
  const bool suppressed = is_true(run(rule_->suppress, scene));
  if (std::exchange(found->second.suppressed, suppressed) == suppressed) return;
  say(g, time, suppressed ? "suppressed" : "unsuppressed", active ? &scene : nullptr, sink);
  if (active && !suppressed) want_write(g, true, time, scene, sink);
}

Timestamp RuleState::repeat_due(std::uint32_t g) const {
  if (groups_[g].phase != Phase::active || !rule_->alert || rule_->alert->repeat == 0) return kNever;
  const auto found = alarms_.find(g);
  if (found == alarms_.end() || found->second.acknowledged || found->second.shelved_until != 0) return kNever;
  return found->second.repeat_at;
}

void RuleState::repeat(std::uint32_t g, Timestamp time, Sink& sink) {
  Alarm& alarm = alarms_[g];
  // Of those that fell due while the box was away, one is enough.
  alarm.repeat_at = saturated(std::max(time, groups_[g].newest), rule_->alert->repeat);
  const Scene now = whole_scene(g, time, sink);
  say(g, time, "repeated", &now, sink);
}

// A change of the alert goes out. Without a scene its message stays as it was.
void RuleState::say(std::uint32_t g, Timestamp time, const char* what, const Scene* scene, Sink& sink) {
  if (!rule_->alert) return;
  Alarm& alarm = alarms_[g];
  alarm.time = time;
  if (scene != nullptr) alarm.message = fill(rule_->alert->message, captures_of(g), *scene);
  sink.outputs.alerts.push_back(alert_event(g, what, alarm));
}

AlertEvent RuleState::alert_event(std::uint32_t g, const char* what, const Alarm& alarm) const {
  const Group& group = groups_[g];
  AlertEvent event;
  event.rule = rule_->name;
  Hash128 id;
  id.add_text(rule_->name);
  id.add_text(*group.captures);
  id.add_number(static_cast<std::uint64_t>(alarm.since));
  event.id = id.hex();
  const auto captures = captures_of(g);
  for (const std::uint16_t c : rule_->group_captures)
    event.group[rule_->captures[c].empty() ? std::to_string(c + 1) : rule_->captures[c]] = captures[c];
  event.target = group.captures->empty() ? rule_->name : rule_->name + "/" + *group.captures;
  event.severity = rule_->alert->severity;
  event.active = group.phase == Phase::active;
  event.acknowledged = alarm.acknowledged;
  event.latched = alarm.latched;
  event.shelved = alarm.shelved_until != 0;
  event.shelved_until = alarm.shelved_until;
  event.suppressed = alarm.suppressed;
  event.uncertain = group.uncertain;
  event.since = alarm.since;
  event.time = alarm.time;
  event.message = alarm.message;
  event.change = what;
  return event;
}

void RuleState::alerts(std::vector<AlertEvent>& out) const {
  if (!rule_->alert) return;
  std::vector<std::uint32_t> groups;
  for (const auto& [g, alarm] : alarms_) groups.push_back(g);
  std::ranges::sort(groups, {}, [this](std::uint32_t g) -> const std::string& { return *groups_[g].captures; });
  for (const std::uint32_t g : groups) {
    const Alarm& alarm = alarms_.at(g);
    const bool active = groups_[g].phase == Phase::active;
    out.push_back(alert_event(g,
                              active          ? (groups_[g].uncertain ? "uncertain" : "raised")
                              : alarm.latched ? "cleared"
                                              : "shelved",
                              alarm));
    out.back().who = alarm.who;
    out.back().why = alarm.why;
  }
}

// --- people ----------------------------------------------------------------------------------------

// The groups meant by RULE, RULE/CAPTURES or the id of an alert, by name.
std::vector<std::uint32_t> RuleState::named(const std::string& target) const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t g = 0; g < groups_.size(); ++g) {
    const auto alarm = alarms_.find(g);
    if (target == rule_->name || target == rule_->name + "/" + *groups_[g].captures ||
        (alarm != alarms_.end() && rule_->alert && alert_event(g, "", alarm->second).id == target))
      out.push_back(g);
  }
  std::ranges::sort(out, {}, [this](std::uint32_t g) -> const std::string& { return *groups_[g].captures; });
  return out;
}

std::size_t RuleState::command(const AlertCommand& command, Sink& sink) {
  using Verb = AlertCommand::Verb;
  std::size_t count = 0;
  for (const std::uint32_t g : named(command.target)) {
    const bool resets_window = command.verb == Verb::reset && rule_->window.kind == Window::Kind::since_reset;
    if (resets_window) {
      const Timestamp boundary = std::max(groups_[g].newest, sink.arrival);
      for (std::size_t i = 0; i < rule_->aggregates.size(); ++i) {
        Accumulator& one = accumulators_[g * rule_->aggregates.size() + i];
        one = next_window(rule_->aggregates[i], one, std::max(boundary, one.to));
      }
      ++count;
      // What it says now is said at once: its input may not come again for long.
      if (groups_[g].newest != kLongAgo) {
        sum_up(g, kLongAgo, boundary, sink);
        speak(g, boundary, sink);
      }
    }
    if (!rule_->alert) continue;
    const auto found = alarms_.find(g);
    const char* what = nullptr;
    switch (command.verb) {
      case Verb::acknowledge:
        if (found == alarms_.end() || found->second.acknowledged) break;
        if (groups_[g].phase != Phase::active && !found->second.latched) break;
        found->second.acknowledged = true;
        what = "acknowledged";
        break;
      case Verb::shelve:
        if (command.until <= sink.arrival) break;
        if (found == alarms_.end() || found->second.shelved_until == 0) ++shelved_;
        alarms_[g].shelved_until = command.until;
        what = "shelved";
        break;
      case Verb::unshelve:
        if (found == alarms_.end() || found->second.shelved_until == 0) break;
        found->second.shelved_until = 0;
        --shelved_;
        what = "unshelved";
        break;
      case Verb::reset:
        if (found == alarms_.end() || !found->second.latched) break;
        found->second.latched = false;
        what = "reset";
        if (groups_[g].phase != Phase::active && !(rule_->writes.empty() && rule_->clear_writes.empty())) {
          const Scene now = whole_scene(g, std::max(groups_[g].judged, groups_[g].newest), sink);
          want_write(g, false, std::max(now.time, sink.arrival), now, sink);
        }
        if (resets_window) --count;
        break;
    }
    if (what == nullptr) continue;
    ++count;
    Alarm& alarm = alarms_[g];
    alarm.who = command.who;
    alarm.why = command.why;
    say(g, sink.arrival, what, nullptr, sink);
    sink.outputs.alerts.back().who = command.who;
    sink.outputs.alerts.back().why = command.why;
    drop_if_over(g);
  }
  return count;
}

void RuleState::unshelve_expired(Sink& sink) {
  std::vector<std::uint32_t> over;
  for (const auto& [g, alarm] : alarms_)
    if (alarm.shelved_until != 0 && alarm.shelved_until <= sink.arrival) over.push_back(g);
  std::ranges::sort(over, {}, [this](std::uint32_t g) -> const std::string& { return *groups_[g].captures; });
  for (const std::uint32_t g : over) {
    alarms_[g].shelved_until = 0;
    --shelved_;
    say(g, sink.arrival, "unshelved", nullptr, sink);
    drop_if_over(g);
  }
}

// --- writes ----------------------------------------------------------------------------------------

Timestamp RuleState::write_due(std::uint32_t g) const {
  if (writers_.empty()) return kNever;
  const auto found = writers_.find(g);
  return found == writers_.end() ? kNever : found->second.due;
}

// The alert went this way: what belongs to it is written now, or as soon as the limit allows.
void RuleState::want_write(std::uint32_t g, bool raised, Timestamp time, const Scene& scene, Sink& sink) {
  if (rule_->writes.empty() && rule_->clear_writes.empty()) return;
  Writer& writer = writers_[g];
  writer.raised = raised;
  writer.renews = false;
  writer.due = writer.last == kLongAgo ? time : std::max(time, saturated(writer.last, rule_->write_limit));
  if (writer.due <= time) write(g, time, scene, sink);
}

void RuleState::write(std::uint32_t g, Timestamp time, const Scene& scene, Sink& sink) {
  Writer& writer = writers_[g];
  writer.due = kNever;
  const bool renews = std::exchange(writer.renews, writer.raised);
  const std::vector<Write>& writes = writer.raised ? rule_->writes : rule_->clear_writes;
  if (writer.raised)
    for (const Write& one : writes)
      if (one.lease > 0)
        writer.due = std::min(writer.due, saturated(std::max(time, groups_[g].newest), one.lease / 3));
  const auto alarm = alarms_.find(g);
  if (alarm != alarms_.end() && alarm->second.suppressed) return;
  // What is no longer so must not move anything.
  if (sink.arrival - time > rule_->max_age) {
    ++sink.counters.stale_writes;
    return;
  }
  if (!renews) writer.last = time;
  ++writer.count;
  for (const Write& one : writes) {
    const Result3 value = run(one.value, scene);
    if (!value.known) continue;
    WriteRequest request;
    request.rule = rule_->name;
    request.path = one.path.fill(captures_of(g));
    Hash128 id;
    id.add_text(rule_->name);
    id.add_text(request.path);
    id.add_number(static_cast<std::uint64_t>(time));
    id.add_number(writer.count);
    request.id = id.hex();
    request.value = value_of(value, one.value.type);
    if (!one.fallback.empty())
      if (const Result3 fallback = run(one.fallback, scene); fallback.known)
        request.fallback = value_of(fallback, one.fallback.type);
    request.lease = one.lease;
    request.time = time;
    request.max_age = rule_->max_age;
    sink.outputs.writes.push_back(std::move(request));
  }
}

}  // namespace weir::rules
