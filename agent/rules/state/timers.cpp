#include "rules/state/timers.h"

namespace weir::rules {

void Timers::put(std::size_t at, const Entry& entry) {
  heap_[at] = entry;
  places_.place(entry.rule, entry.group) = static_cast<std::uint32_t>(at);
}

void Timers::up(std::size_t at) {
  const Entry entry = heap_[at];
  while (at > 0 && entry.wake < heap_[(at - 1) / 2].wake) {
    put(at, heap_[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  put(at, entry);
}

void Timers::down(std::size_t at) {
  const Entry entry = heap_[at];
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].wake < heap_[child].wake) ++child;
    if (entry.wake <= heap_[child].wake) break;
    put(at, heap_[child]);
    at = child;
  }
  put(at, entry);
}

void Timers::set(std::uint32_t rule, std::uint32_t group, Nanoseconds wake) {
  std::size_t at = places_.place(rule, group);
  if (at == kNowhere) {
    at = heap_.size();
    heap_.push_back({wake, rule, group});
    return up(at);
  }
  const bool earlier = wake < heap_[at].wake;
  heap_[at].wake = wake;
  earlier ? up(at) : down(at);
}

void Timers::remove(std::uint32_t rule, std::uint32_t group) {
  const std::size_t at = places_.place(rule, group);
  if (at == kNowhere) return;
  places_.place(rule, group) = kNowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  put(at, last);
  up(at);
  down(places_.place(last.rule, last.group));
}

}  // namespace weir::rules
