// The engine's state as bytes: a version, the clock, the counters, and for each rule its key and its
// groups in the order of their captures.
#include <algorithm>
#include <map>
#include <utility>

#include "base/bytes.h"
#include "rules/engine_state.h"

namespace weir::rules {
namespace {

constexpr std::uint64_t kVersion = 1;

void put_time(std::string& out, Timestamp time) { put_varint(out, zigzag(time)); }
Timestamp get_time(ByteReader& in) { return unzigzag(in.varint()); }

void put_flag(std::string& out, bool flag) { out.push_back(flag ? 1 : 0); }
bool get_flag(ByteReader& in) {
  const std::string_view byte = in.take(1);
  return !byte.empty() && byte.front() != 0;
}

constexpr Nanoseconds kMost = 8000 * kDay;  // more than any sum of a rule's durations

// What cannot be, so that arithmetic on what was read does not overflow.
bool possible(Timestamp time) { return time == kLongAgo || time == kNever || (time >= -kFarthest - kMost && time <= kFarthest + kMost); }

}  // namespace

void RuleState::save(std::string& out, const Timers& timers) const {
  std::vector<std::uint32_t> order(groups_.size());
  for (std::uint32_t g = 0; g < order.size(); ++g) order[g] = g;
  std::ranges::sort(order, {}, [this](std::uint32_t g) -> const std::string& { return *groups_[g].captures; });

  const std::size_t inputs = rule_->inputs.size(), aggregates = rule_->aggregates.size();
  put_varint(out, order.size());
  for (const std::uint32_t g : order) {
    const Group& group = groups_[g];
    put_bytes(out, *group.captures);
    for (const Timestamp time : {group.newest, group.newest_at, group.judged, group.passed, group.since, group.clearing,
                                 group.window_end, group.timer == Timers::kNowhere ? kNever : timers.wake(group.timer)})
      put_time(out, time);
    out.push_back(static_cast<char>(group.phase));
    put_flag(out, group.uncertain);
    for (std::size_t i = g * inputs; i < (g + 1) * inputs; ++i) {
      const Slot& slot = slots_[i];
      put_time(out, slot.time);
      put_double(out, slot.number);
      put_varint(out, slot.quality);
      if (rule_->holds_back) {
        put_time(out, slot.arrived);
        put_time(out, slot.newest);
      }
      if (rule_->has_texts) put_bytes(out, texts_[i]);
    }
    if (group.window_end != kNever)
      for (std::size_t i = g * aggregates; i < (g + 1) * aggregates; ++i) {
        const Accumulator& one = accumulators_[i];
        put_double(out, one.a);
        put_double(out, one.b);
        put_varint(out, one.count);
        put_varint(out, one.quality);
        put_flag(out, one.left_out);
      }
    if (keeps_results())
      for (std::size_t i = g * aggregates; i < (g + 1) * aggregates; ++i) {
        put_double(out, results_[i].number);
        put_varint(out, results_[i].quality);
        put_flag(out, results_[i].known);
      }
    if (rule_->holds_back) {
      const Backlog& backlog = backlogs_[g];
      for (const Timestamp time : {backlog.settled, backlog.staged, backlog.staged_at}) put_time(out, time);
      put_varint(out, backlog.readings.size() - backlog.begin);
      for (std::size_t i = backlog.begin; i < backlog.readings.size(); ++i) {
        const Pending& one = backlog.readings[i];
        put_time(out, one.time);
        put_double(out, one.number);
        put_varint(out, one.quality);
        put_varint(out, one.slot);
        put_flag(out, one.text != nullptr);
        if (one.text) put_bytes(out, *one.text);
      }
    }
    if (group.phase == Phase::active) {
      const Active& active = active_.at(g);
      put_bytes(out, active.message);
      put_time(out, active.time);
    }
  }
}

bool RuleState::restore(ByteReader& in, Nanoseconds now, std::vector<Nanoseconds>& wakes) {
  const std::size_t inputs = rule_->inputs.size(), aggregates = rule_->aggregates.size();
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > kMostGroups || count > in.rest().size()) return false;
  wakes.clear();
  for (std::uint32_t g = 0; g < count; ++g) {
    bool created = false;
    const std::string captures(in.bytes());
    const auto parts = static_cast<std::size_t>(std::ranges::count(captures, '/')) + 1;
    if (!in.ok() || (rule_->captures.empty() ? !captures.empty() : parts != rule_->captures.size())) return false;
    if (find_or_create(captures, created) != g || !created) return false;
    Group& group = groups_[g];
    Nanoseconds wake = kNever;
    for (Timestamp* time : {&group.newest, &group.newest_at, &group.judged, &group.passed, &group.since, &group.clearing,
                            &group.window_end, &wake})
      *time = get_time(in);
    for (const Timestamp time : {group.newest, group.judged, group.passed, group.since, group.clearing, group.window_end})
      if (!possible(time)) return false;
    if (group.newest == kNever || group.newest_at < 0 || group.newest_at > now || wake < 0) return false;
    wakes.push_back(wake);
    const std::string_view phase = in.take(1);
    if (phase.empty() || static_cast<unsigned char>(phase.front()) > 2) return false;
    group.phase = static_cast<Phase>(phase.front());
    if (group.phase != Phase::idle && !rule_->alert) return false;
    if (group.window_end != kNever && rule_->window == 0) return false;
    group.uncertain = get_flag(in);
    for (std::size_t i = g * inputs; i < (g + 1) * inputs; ++i) {
      Slot& slot = slots_[i];
      slot.time = get_time(in);
      slot.number = in.float64();
      slot.quality = static_cast<std::uint32_t>(in.varint());
      if (rule_->holds_back) {
        slot.arrived = get_time(in);
        slot.newest = get_time(in);
      }
      if (!possible(slot.time) || !possible(slot.newest) || slot.newest == kNever) return false;
      if (slot.arrived < 0 || slot.arrived > now) return false;
      if (rule_->has_texts) texts_[i] = in.bytes();
    }
    if (group.window_end != kNever)
      for (std::size_t i = g * aggregates; i < (g + 1) * aggregates; ++i) {
        Accumulator& one = accumulators_[i];
        one.a = in.float64();
        one.b = in.float64();
        one.count = in.varint();
        one.quality = static_cast<std::uint32_t>(in.varint());
        one.left_out = get_flag(in);
      }
    if (keeps_results())
      for (std::size_t i = g * aggregates; i < (g + 1) * aggregates; ++i) {
        const double number = in.float64();
        const auto quality = static_cast<std::uint32_t>(in.varint());
        results_[i] = {number, nullptr, quality, get_flag(in)};
      }
    if (rule_->holds_back) {
      Backlog& backlog = backlogs_[g];
      for (Timestamp* time : {&backlog.settled, &backlog.staged, &backlog.staged_at}) *time = get_time(in);
      if (!possible(backlog.settled) || !possible(backlog.staged) || backlog.staged_at < 0 || backlog.staged_at > now) return false;
      const std::uint64_t pending = in.varint();
      if (!in.ok() || pending > kMostPending + 1 || pending > in.rest().size()) return false;
      for (std::uint64_t i = 0; i < pending; ++i) {
        Pending one{get_time(in), in.float64(), static_cast<std::uint32_t>(in.varint()), 0, nullptr};
        const std::uint64_t slot = in.varint();
        if (slot >= inputs) return false;
        one.slot = static_cast<std::uint16_t>(slot);
        if (one.time > kFarthest || one.time < -kFarthest) return false;
        const auto& before = backlogs_[g].readings;
        if (!before.empty() && std::pair(before.back().time, before.back().slot) >= std::pair(one.time, one.slot)) return false;
        if (get_flag(in)) one.text = std::make_unique<std::string>(in.bytes());
        backlogs_[g].readings.push_back(std::move(one));
      }
    }
    if (group.phase == Phase::active) {
      std::string message(in.bytes());
      active_[g] = {std::move(message), get_time(in)};
    }
    if (!in.ok()) return false;
  }
  return in.at_end();
}

std::string Engine::State::save() const {
  std::string out;
  put_varint(out, kVersion);
  put_time(out, now_);
  put_time(out, last_arrival_);
  for (const std::uint64_t counter : {counters_.readings, counters_.late, counters_.duplicate, counters_.bad,
                                      counters_.arithmetic, counters_.refused_groups})
    put_varint(out, counter);
  std::map<Hash128, const RuleState*> by_key;
  for (const auto& state : states_) by_key.emplace(state->rule().key, state.get());
  put_varint(out, by_key.size());
  for (const auto& [key, state] : by_key) {
    put_fixed64(out, key.high);
    put_fixed64(out, key.low);
    std::string bytes;
    state->save(bytes, timers_);
    put_bytes(out, bytes);
  }
  return out;
}

Result<void> Engine::State::restore(std::string_view bytes) {
  ByteReader in(bytes);
  const std::uint64_t version = in.varint();
  if (!in.ok() || version != kVersion)
    return fail("the state of the rules is of version " + std::to_string(version) + ", not " + std::to_string(kVersion),
                "the rules begin anew");
  const Nanoseconds now = get_time(in);
  const Timestamp last_arrival = get_time(in);
  if (now < 0) return fail("the state of the rules is damaged", "the rules begin anew");
  Counters counters;
  for (std::uint64_t* counter : {&counters.readings, &counters.late, &counters.duplicate, &counters.bad,
                                 &counters.arithmetic, &counters.refused_groups})
    *counter = in.varint();

  std::map<Hash128, std::size_t> rules;
  std::vector<std::unique_ptr<RuleState>> states;
  std::vector<std::vector<Nanoseconds>> wakes(states_.size());
  for (std::size_t r = 0; r < states_.size(); ++r) {
    rules.emplace(states_[r]->rule().key, r);
    states.push_back(std::make_unique<RuleState>(states_[r]->rule()));
  }
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Hash128 key;
    key.high = in.fixed64();
    key.low = in.fixed64();
    ByteReader body(in.bytes());
    const auto found = rules.find(key);
    if (!in.ok() || found == rules.end()) continue;
    if (!states[found->second]->restore(body, now, wakes[found->second]))
      return fail("the state of the rule '" + states[found->second]->rule().name + "' is damaged", "the rules begin anew");
  }
  if (!in.ok() || !in.at_end()) return fail("the state of the rules is damaged", "the rules begin anew");

  states_ = std::move(states);
  now_ = now;
  last_arrival_ = last_arrival;
  counters_ = counters;
  timers_.clear();
  bind_all();
  set_timers(wakes);
  return {};
}

}  // namespace weir::rules
