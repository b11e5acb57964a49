#include "rules/memory/sliding_window.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace weir::rules {
namespace {

constexpr std::size_t kBlock = 16;
constexpr char kUnknown = 0, kReading = 1, kMany = 2;  // stretches, saved

// Of what is counted in one total the stacks hold only what cannot be taken away again: the worst quality, and
// whether something is left out.
const Aggregate& of_stacks(const Aggregate& aggregate) {
  static const Aggregate kCount{AggregateKind::count, {}, {}, 0, kForever, false, false};
  return counts_values(aggregate.kind) ? kCount : aggregate;
}

// A single number needs no accumulator.
bool needs_text(const Aggregate& aggregate) {
  return keeps_text(aggregate) || (aggregate.of_text && counts_values(aggregate.kind));
}

bool is_quantile(AggregateKind kind) { return kind == AggregateKind::median || kind == AggregateKind::quantile; }

}  // namespace

void SlidingWindow::gather(const Aggregate& aggregate, Accumulator& to, const Stretch& stretch) {
  if (stretch.many) merge(aggregate, to, *stretch.many);
  else rules::add(aggregate, to, stretch.time, {stretch.number, nullptr, stretch.quality, stretch.known});
}

void SlidingWindow::add(const Aggregate& aggregate, Nanoseconds span, Timestamp time, const Result3& value) {
  if (span != kForever) drop_until(aggregate, time - span);
  Stretch stretch{time, value.number, value.quality, value.known, nullptr};
  if (needs_text(aggregate)) {
    stretch.many = std::make_unique<Accumulator>();
    rules::add(aggregate, *stretch.many, time, value);
  }
  push(aggregate, std::move(stretch));
  if (span != kForever && stretches() > kMostStretches) put_together(aggregate, span);
}

void SlidingWindow::add(const Aggregate& aggregate, Timestamp end, Accumulator pane) {
  push(aggregate, {end, 0, 0, false, std::make_unique<Accumulator>(std::move(pane))});
}

void SlidingWindow::push(const Aggregate& aggregate, Stretch stretch) {
  gather(of_stacks(aggregate), since_turn_, stretch);
  if (counts_values(aggregate.kind)) {
    if (!whole_.more) whole_.more = std::make_unique<Accumulator::More>();
    ValueCounts& total = whole_.more->counts;
    if (stretch.many && stretch.many->more) total.add(stretch.many->more->counts);
    if (!stretch.many && stretch.known && is_quantile(aggregate.kind)) total.add(stretch.number);
    if (!stretch.many && stretch.known && !is_quantile(aggregate.kind)) total.add_exact(stretch.number);
  }
  stretches_.push_back(std::move(stretch));
}

void SlidingWindow::pop(const Aggregate& aggregate) {
  if (begin_ == turned_) turn(aggregate);
  Stretch& first = stretches_[begin_];
  if (carries(aggregate.kind)) gather(aggregate, before_, first);
  if (counts_values(aggregate.kind)) {
    ValueCounts& total = whole_.more->counts;
    if (first.many && first.many->more) total.remove(first.many->more->counts);
    if (!first.many && first.known && is_quantile(aggregate.kind)) total.remove(first.number);
    if (!first.many && first.known && !is_quantile(aggregate.kind)) total.remove_exact(first.number);
  }
  first.many.reset();
  ++begin_;
  if (sums_.size() > (turned_ - begin_) / kBlock) sums_.pop_back();
  if (begin_ == stretches_.size() || (begin_ >= kBlock && begin_ > stretches_.size() / 8)) {
    stretches_.erase(stretches_.begin(), stretches_.begin() + static_cast<std::ptrdiff_t>(begin_));
    turned_ -= begin_;
    begin_ = 0;
  }
}

void SlidingWindow::drop_until(const Aggregate& aggregate, Timestamp time) {
  while (begin_ < stretches_.size() && stretches_[begin_].time <= time) pop(aggregate);
}

void SlidingWindow::keep_last(const Aggregate& aggregate, std::size_t count) {
  while (stretches() > count) pop(aggregate);
}

// All that is there is gathered anew, so that its oldest can go one by one.
void SlidingWindow::turn(const Aggregate& aggregate) {
  const Aggregate& stacks = of_stacks(aggregate);
  turned_ = stretches_.size();
  sums_.clear();
  since_turn_ = Accumulator();
  for (std::size_t block = 0; block < stretches() / kBlock; ++block) {
    Accumulator sum;
    const std::size_t first = turned_ - (block + 1) * kBlock;
    for (std::size_t i = first; i < first + kBlock; ++i) gather(stacks, sum, stretches_[i]);
    if (block > 0) merge(stacks, sum, sums_.back());
    sums_.push_back(std::move(sum));
  }
}

// Neighbours that are no longer than 1/64 of the window, together. Of two that remain side by side this is not so:
// no more than half of kMostStretches remain, and a few.
void SlidingWindow::put_together(const Aggregate& aggregate, Nanoseconds span) {
  std::vector<Stretch> out;
  out.reserve(kMostStretches + 2);
  for (std::size_t i = begin_; i < stretches_.size(); ++i) {
    Stretch& next = stretches_[i];
    if (out.size() < 2 || next.time - out[out.size() - 2].time > span / 64) {
      out.push_back(std::move(next));
      continue;
    }
    Stretch& last = out.back();
    const auto keep_as_total = [&](Accumulator& many) {
      if (is_quantile(aggregate.kind) && whole_.more) many.need_more().counts.keep_as(whole_.more->counts);
    };
    if (!last.many) {
      auto many = std::make_unique<Accumulator>();
      keep_as_total(*many);
      gather(aggregate, *many, last);
      last.many = std::move(many);
    }
    keep_as_total(*last.many);
    gather(aggregate, *last.many, next);
    last.time = next.time;
  }
  stretches_ = std::move(out);
  begin_ = 0;
  turn(aggregate);
}

Result3 SlidingWindow::finish(const Aggregate& aggregate, Timestamp begin, Timestamp end,
                              std::uint64_t& arithmetic) const {
  const Aggregate& stacks = of_stacks(aggregate);
  Accumulator all = begin == kLongAgo ? Accumulator() : next_window(aggregate, before_, begin);
  const std::size_t summed = sums_.size() * kBlock;
  for (std::size_t i = begin_; i < turned_ - summed; ++i) gather(stacks, all, stretches_[i]);
  if (!sums_.empty()) merge(stacks, all, sums_.back());
  merge(stacks, all, since_turn_);
  if (counts_values(aggregate.kind)) all.more = std::move(whole_.more);
  whole_ = std::move(all);
  return rules::finish(aggregate, whole_, end, arithmetic);
}

std::size_t SlidingWindow::bytes() const {
  std::size_t bytes = stretches_.capacity() * sizeof(Stretch) + sums_.capacity() * sizeof(Accumulator);
  for (const Stretch& stretch : stretches_)
    if (stretch.many) bytes += sizeof(Accumulator) + heap_bytes(*stretch.many);
  for (const Accumulator& sum : sums_) bytes += heap_bytes(sum);
  return bytes + heap_bytes(since_turn_) + heap_bytes(before_) + heap_bytes(whole_);
}

void SlidingWindow::save(const Aggregate& aggregate, std::string& out) const {
  put_varint(out, stretches());
  put_varint(out, turned_ - begin_);
  Timestamp before = 0;
  for (std::size_t i = begin_; i < stretches_.size(); ++i) {
    const Stretch& one = stretches_[i];
    put_varint(out, zigzag(one.time - before));
    before = one.time;
    out.push_back(one.many ? kMany : one.known ? kReading : kUnknown);
    if (one.many) {
      rules::save(aggregate, *one.many, out);
    } else if (one.known) {
      put_double(out, one.number);
      put_varint(out, one.quality);
    }
  }
  if (carries(aggregate.kind)) rules::save(aggregate, before_, out);
  if (!counts_values(aggregate.kind)) return;
  out.push_back(whole_.more ? 1 : 0);
  if (whole_.more) whole_.more->counts.save(out);
}

bool SlidingWindow::restore(const Aggregate& aggregate, ByteReader& in) {
  *this = SlidingWindow();
  const std::uint64_t size = in.varint(), turned = in.varint();
  if (!in.ok() || turned > size || size > in.rest().size()) return false;
  Timestamp time = 0;
  for (std::uint64_t i = 0; i < size; ++i) {
    const auto later =
        static_cast<Timestamp>(static_cast<std::uint64_t>(time) + static_cast<std::uint64_t>(unzigzag(in.varint())));
    if ((i > 0 && later < time) || !in_reach(later)) return false;
    time = later;
    const std::string_view byte = in.take(1);
    if (byte.empty() || static_cast<unsigned char>(byte.front()) > kMany) return false;
    Stretch one{time, 0, 0, byte.front() == kReading, nullptr};
    if (byte.front() == kMany) {
      one.many = std::make_unique<Accumulator>();
      if (!rules::restore(aggregate, *one.many, in)) return false;
    } else if (needs_text(aggregate)) {
      return false;
    } else if (one.known) {
      one.number = in.float64();
      one.quality = static_cast<std::uint32_t>(in.varint());
    }
    stretches_.push_back(std::move(one));
    if (i + 1 == turned) turn(aggregate);
    else if (i >= turned) gather(of_stacks(aggregate), since_turn_, stretches_.back());
  }
  if (carries(aggregate.kind) && !rules::restore(aggregate, before_, in)) return false;
  if (counts_values(aggregate.kind)) {
    const std::string_view more = in.take(1);
    if (more.empty() || static_cast<unsigned char>(more.front()) > 1) return false;
    // What goes is taken out of the counts: they have to be there.
    if (more.front() == 0 &&
        std::ranges::any_of(stretches_, [](const Stretch& one) { return one.known || one.many; }))
      return false;
    if (more.front() == 1) {
      whole_.more = std::make_unique<Accumulator::More>();
      if (!whole_.more->counts.restore(in)) return false;
    }
  }
  return in.ok();
}

}  // namespace weir::rules
