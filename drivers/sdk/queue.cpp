#include "sdk/queue.h"

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace weir::sdk {

// The bytes that an entry takes beside its body.
std::size_t Queue::Entry::cost() const { return body.bytes.size() + sizeof(Entry) + dropped.reason.size(); }

void Queue::push(Body body) {
  if (body.readings == 0) return;
  entries_.push_back({std::move(body), {}});
  bytes_ += entries_.back().cost();
  make_room();
}

void Queue::give_up(Entry& entry, Dropped& into) {
  const Dropped before = entry.dropped;
  const std::string why = "more than " + bytes_text(most_bytes_) + " of readings waited for the agent";
  into.add(entry.body.readings, entry.body.from, entry.body.to, why);
  if (&into != &entry.dropped) into.add(before.count, before.from, before.to, before.reason);
  dropped_ += entry.body.readings;
}

void Queue::make_room() {
  for (std::size_t emptied = 0; bytes_ > most_bytes_;) {
    if (sent_ + 1 < entries_.size()) {
      const auto oldest_unsent = entries_.begin() + static_cast<std::ptrdiff_t>(sent_);
      bytes_ -= oldest_unsent->cost();
      give_up(*oldest_unsent, pending_);
      entries_.erase(oldest_unsent);
      continue;
    }
    while (emptied < sent_ && entries_[emptied].body.readings == 0) ++emptied;
    if (emptied < sent_) {
      Entry& entry = entries_[emptied];
      bytes_ -= entry.cost();
      give_up(entry, entry.dropped);
      entry.body = {};
      bytes_ += entry.cost();
      continue;
    }
    if (sent_ == entries_.size()) return;
    bytes_ -= entries_.back().cost();
    give_up(entries_.back(), pending_);
    entries_.pop_back();
  }
}

Queue::Ack Queue::acknowledge(std::string_view incarnation, std::uint64_t epoch, std::uint64_t seq,
                              std::uint32_t credit) {
  if (epoch == 0) return Ack::stale;
  const bool same_store = incarnation == incarnation_;
  const auto allow = [&] {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    allowed_ = accepted_ > kMost - credit ? kMost : accepted_ + credit;
  };
  // A store that goes on under another incarnation, and knows what it accepted of this epoch, goes on with it.
  const bool goes_on = epoch == epoch_ && seq >= accepted_ && seq - accepted_ <= sent_;
  if (goes_on && !same_store) {
    incarnation_ = incarnation;
    rewind();
  }
  if (epoch > epoch_ || (!same_store && !goes_on)) {
    incarnation_ = incarnation;
    epoch_ = epoch;
    accepted_ = seq;
    sent_ = next_ = 0;
    allow();
    return Ack::new_epoch;
  }
  if (epoch < epoch_ || seq < accepted_) return Ack::stale;
  const std::uint64_t count = seq - accepted_;
  if (count > sent_) return Ack::beyond;
  for (std::uint64_t i = 0; i < count; ++i) {
    bytes_ -= entries_.front().cost();
    entries_.pop_front();
  }
  sent_ -= count;
  next_ -= std::min<std::size_t>(next_, count);
  accepted_ = seq;
  allow();
  return count > 0 ? Ack::progress : Ack::unchanged;
}

void Queue::rewind_to(std::uint64_t epoch, std::uint64_t seq) {
  if (epoch == epoch_ && seq > accepted_) next_ = std::min<std::size_t>(next_, seq - accepted_ - 1);
}

std::optional<Queue::Outgoing> Queue::next(std::string_view boot_id, Nanoseconds boottime) {
  const std::uint64_t seq = accepted_ + next_ + 1;
  if (epoch_ == 0 || seq > allowed_) return std::nullopt;
  if (next_ == sent_) {
    if (sent_ == entries_.size()) {
      if (pending_.count == 0) return std::nullopt;
      entries_.emplace_back();
      bytes_ += entries_.back().cost();
    }
    Entry& entry = entries_[sent_];
    bytes_ -= entry.cost();
    entry.dropped.add(pending_.count, pending_.from, pending_.to, pending_.reason);
    bytes_ += entry.cost();
    pending_ = {};
    ++sent_;
  }
  const Entry& entry = entries_[next_++];
  return Outgoing{epoch_, seq, encode_batch(epoch_, seq, boot_id, boottime, entry.body, entry.dropped)};
}

}  // namespace weir::sdk
