#include "uplink/lane.h"

#include <algorithm>
#include <utility>

namespace weir::uplink {

std::optional<std::uint64_t> Lane::add(std::vector<Record> records) {
  for (auto& record : records) {
    if (record.seq <= last()) continue;
    const State state = record.is_ours ? State::waiting : State::done;
    records_.push_back({std::move(record), state});
    if (state == State::waiting) ++waiting_;
  }
  return drop_done();
}

const Record* Lane::take() {
  const auto next = std::ranges::find(records_, State::waiting, &Entry::state);
  if (next == records_.end()) return nullptr;
  next->state = State::under_way;
  --waiting_;
  return &next->record;
}

std::optional<std::uint64_t> Lane::succeeded(std::uint64_t seq) {
  auto* entry = find(seq);
  if (entry == nullptr || entry->state == State::done) return {};
  if (entry->state == State::waiting) --waiting_;
  entry->state = State::done;
  entry->record.body = {};
  return drop_done();
}

std::optional<std::uint64_t> Lane::drop_done() {
  const auto before = acknowledged_;
  while (!records_.empty() && records_.front().state == State::done) {
    acknowledged_ = records_.front().record.seq;
    records_.pop_front();
  }
  if (acknowledged_ == before) return {};
  return acknowledged_;
}

void Lane::failed(std::uint64_t seq) {
  auto* entry = find(seq);
  if (entry == nullptr || entry->state != State::under_way) return;
  entry->state = State::waiting;
  ++waiting_;
}

void Lane::all_failed() {
  for (auto& entry : records_) {
    if (entry.state == State::under_way) {
      entry.state = State::waiting;
      ++waiting_;
    }
  }
}

Lane::Entry* Lane::find(std::uint64_t seq) {
  const auto found = std::ranges::lower_bound(records_, seq, {}, [](const Entry& entry) { return entry.record.seq; });
  return found == records_.end() || found->record.seq != seq ? nullptr : &*found;
}

}  // namespace weir::uplink
