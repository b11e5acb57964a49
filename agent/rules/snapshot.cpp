// The engine's state as bytes: a version, the clock, the counters, and for each rule its key and its state.
#include "rules/state/snapshot.h"

#include <map>
#include <utility>

#include "rules/engine_state.h"

namespace weir::rules {
namespace {

constexpr std::uint64_t kVersion = 3;

}  // namespace

std::string Engine::State::save() const {
  std::string out;
  put_varint(out, kVersion);
  put_time(out, now_);
  put_time(out, last_arrival_);
  for (const std::uint64_t counter :
       {counters_.readings, counters_.late, counters_.duplicate, counters_.bad, counters_.arithmetic,
        counters_.refused_groups, counters_.late_side, counters_.revised, counters_.stale_writes, counters_.units})
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
  validity_.save(out);
  return out;
}

Result<void> Engine::State::restore(std::string_view bytes) {
  ByteReader in(bytes);
  const std::uint64_t version = in.varint();
  if (!in.ok() || version != kVersion)
    return fail(
        "the state of the rules is of version " + std::to_string(version) + ", not " + std::to_string(kVersion),
        "the rules begin anew");
  const Nanoseconds now = get_time(in);
  const Timestamp last_arrival = get_time(in);
  if (now < 0 || now > kFarthest) return fail("the state of the rules is damaged", "the rules begin anew");
  Counters counters;
  for (std::uint64_t* counter :
       {&counters.readings, &counters.late, &counters.duplicate, &counters.bad, &counters.arithmetic,
        &counters.refused_groups, &counters.late_side, &counters.revised, &counters.stale_writes, &counters.units})
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
      return fail("the state of the rule '" + states[found->second]->rule().name + "' is damaged",
                  "the rules begin anew");
  }
  Validity validity = validity_;
  if (!in.ok() || !validity.restore(in) || !in.at_end())
    return fail("the state of the rules is damaged", "the rules begin anew");

  validity_ = std::move(validity);
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
