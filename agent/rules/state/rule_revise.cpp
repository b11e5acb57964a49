// Windows that are computed anew when a late reading comes (late: revise).
//
// The readings of the windows of a while are kept, and what was computed with when each began. A late reading takes
// its place among them, and everything from its window on is computed again; what then says something else goes out
// as a revision. Kept are windows for as long again as they are, an hour at least; kMostKept of them and kMostPending
// readings at most.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "rules/state/rule_state.h"

namespace weir::rules {
namespace {

constexpr std::size_t kMostKept = 256;

// Something to compare what was said by.
double mark(const Result3& value) {
  if (!value.known) return std::nan("");
  if (value.text == nullptr) return value.number;
  Hash128 hash;
  hash.add_text(*value.text);
  return static_cast<double>(hash.low >> 11);
}

}  // namespace

void RuleState::keep_window(std::uint32_t g, Timestamp begin, Timestamp end) {
  if (revising_ != nullptr) return;
  auto& kept = kept_[g];
  if (!kept.empty() && kept.back().full) kept.clear();
  Kept& one = kept.emplace_back();
  one.begin = begin;
  one.end = end;
  save_computation(g, one.before);
  const Nanoseconds keep = std::max(end - begin, kHour);
  std::size_t readings = 0;
  for (const Kept& each : kept) readings += each.readings.size();
  while (kept.size() > 1 && (begin - kept.front().end > keep || readings > kMostPending || kept.size() > kMostKept)) {
    readings -= kept.front().readings.size();
    kept.pop_front();
  }
}

// What has come with an event, in the window that is open.
void RuleState::keep_readings(std::uint32_t g, Timestamp time, const std::vector<Fresh>& fresh) {
  if (revising_ != nullptr || kept_[g].empty() || kept_[g].back().full) return;
  Kept& window = kept_[g].back();
  for (const Fresh& one : fresh)
    for (std::uint16_t i = 0; i < rule_->inputs.size(); ++i) {
      if ((one.slots >> i & 1) == 0) continue;
      const Slot& from = slot(g, one.member, i);
      std::unique_ptr<std::string> text;
      if (rule_->inputs[i].type == Type::text) text = std::make_unique<std::string>(text_of(g, one.member, i));
      window.readings.add({time, from.number, from.quality, one.member, i, std::move(text)});
    }
  if (window.readings.size() <= kMostPending) return;
  window.full = true;
  window.readings = {};
}

// False if nothing is kept any more of when it was.
bool RuleState::keep_late(std::uint32_t g, std::uint16_t i, const Incoming& reading, Sink& sink) {
  auto& kept = kept_[g];
  if (kept.empty() || kept.back().full || reading.time < kept.front().begin) return false;
  auto at = std::ranges::find_if(kept, [&](const Kept& one) { return reading.time < one.end; });
  if (at == kept.end() || reading.time < at->begin) {
    const auto [begin, end] = window_around(reading.time);
    at = kept.insert(at, Kept{begin, end, {}, {}, {}, false});
  }
  if (at->readings.size() >= kMostPending) return false;
  if (at->readings.add({reading.time, reading.number, reading.quality, reading.member, i,
                        reading.text ? std::make_unique<std::string>(*reading.text) : nullptr}))
    at->dirty = true;
  else ++sink.counters.duplicate;
  return true;
}

// Remembers what the window says; false if it said so before.
bool RuleState::keep_said(std::uint32_t g, std::size_t emit, const Result3& value) {
  if (kept_[g].empty()) return true;
  Kept& window = revising_ != nullptr ? *revising_ : kept_[g].back();
  if (window.said.empty()) window.said.resize(2 * rule_->emits.size(), HUGE_VAL);
  const double now[2] = {mark(value), static_cast<double>(value.quality)};
  bool same = true;
  for (std::size_t i = 0; i < 2; ++i) {
    double& before = window.said[2 * emit + i];
    same = same && (now[i] == before || (std::isnan(now[i]) && std::isnan(before)));
    before = now[i];
  }
  return revising_ == nullptr || !same;
}

void RuleState::revise(std::uint32_t g, Sink& sink) {
  auto& kept = kept_[g];
  auto at = std::ranges::find_if(kept, &Kept::dirty);
  if (at == kept.end()) return;
  Group& group = groups_[g];
  const bool open = group.window_end != kNever && group.window_end == kept.back().end;
  const Timestamp passed = group.passed;
  // From the last window before it whose beginning is known.
  while (at->before.empty() && at != kept.begin()) --at;
  ByteReader before(at->before);
  if (!restore_computation(g, before)) return;
  for (; at != kept.end(); ++at) {
    revising_ = &*at;
    // Windows that there were none of before: something holds now.
    while (group.window_end != kNever && group.window_end <= at->begin) {
      Kept between{0, group.window_end, {}, {}, {}, false};
      revising_ = &between;
      close_window(g, group.window_end, sink);
      revising_ = &*at;
    }
    at->before.clear();
    save_computation(g, at->before);
    group.window_end = at->end;
    if (std::exchange(at->dirty, false)) ++sink.counters.revised;
    fresh_.clear();
    Timestamp time = kLongAgo;
    const auto compute = [&] {
      if (fresh_.empty()) return;
      sort_fresh(g);
      event(g, time, fresh_, sink);
      fresh_.clear();
    };
    at->readings.each([&](const Pending& next) {
      if (next.time != time) compute();
      time = next.time;
      arrive(g, next);
    });
    compute();
    if (open && std::next(at) == kept.end()) break;
    close_window(g, at->end, sink);
  }
  revising_ = nullptr;
  group.passed = std::max(passed, group.passed);
}

}  // namespace weir::rules
