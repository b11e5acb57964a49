// What SqliteDatabase gives up so that what comes has room: first what no uplink needs, then of the streams, the
// least important first. Each step is a transaction of its own, of about a MiB of records.
#include <algorithm>
#include <limits>

#include "store/digest.h"
#include "store/sqlite_database.h"

namespace weir::store {
namespace {

constexpr std::size_t kStep = 1 << 20;  // bytes of records that go at once
constexpr std::uint64_t kRows = 256;    // rows of history that go at once
constexpr Timestamp kAnyTime = std::numeric_limits<Timestamp>::max();
constexpr int kMostTried = 16;              // runs that cannot be made smaller, a step
constexpr std::uint64_t kSlack = 64 << 10;  // pages that a commit touches beside its rows
constexpr std::string_view kHoles = "holes";

std::size_t at(Stream stream) { return static_cast<std::size_t>(stream); }

std::uint64_t size_of(const Run& run) {
  std::uint64_t size = 0;
  for (const Record& record : run.records) size += record.body.size();
  return size;
}

sqlite::Failure full() {
  return {sqlite::Failure::Kind::full,
          Error{"it is full: its quota, or what the file system has beside the free space left to others, is used up",
                "bring the uplinks back, raise store.quota, or free some space on that file system"}};
}

}  // namespace

std::optional<Front> SqliteDatabase::front(Stream stream, StreamSeq after) {
  return stream == Stream::raw ? log_.front(after) : outbox_.front(stream, after);
}

StreamSeq SqliteDatabase::gone_or_acknowledged(Stream stream) const {
  return std::max(acknowledged_by_all(stream), before(stream));
}

std::uint64_t SqliteDatabase::bytes_waiting(Stream stream) {
  const StreamSeq behind = gone_or_acknowledged(stream);
  const auto oldest = front(stream, behind);
  if (!oldest) return 0;
  const std::uint64_t all = stream == Stream::raw ? log_.marks().raw_bytes : outbox_.mark(stream).bytes;
  const std::uint64_t gone = oldest->bytes_before + holes_.of(stream).bytes_after(oldest->seq);
  return all > gone ? all - gone : 0;
}

void SqliteDatabase::make_room(std::uint64_t bytes, bool with_readings) {
  bytes += kSlack;
  const std::uint64_t reserve = room_.reserve();
  if (connection_->wal_pages() != 0 && connection_->wal_pages() + bytes / 4'096 > room_.wal_pages())
    connection_->checkpoint();
  if (!room_.has(bytes + reserve)) {
    while (!room_.has(bytes + reserve) && relieve()) {
    }
    const bool blocks = options_.limits.when_full == WhenFull::block;
    if (blocks && !condition_.full && !room_.has(bytes + reserve))
      condition_.full = Trouble{clock_.now(), full().error().what, full().error().hint};
    // What was on its way when the intake was told to stop still finds room, and what it causes finds more.
    const std::uint64_t left = room_.upkeep() + (blocks && with_readings ? (reserve - room_.upkeep()) / 2 : 0);
    if (!room_.has(bytes + left)) throw full();
  }
  if (condition_.full) see_whether_full();
  const Nanoseconds now = clock_.boottime();
  if (now - own_limits_kept_ < kSecond) return;
  own_limits_kept_ = now;
  while (keep_own_limits()) {
  }
}

void SqliteDatabase::see_whether_full() {
  if (!condition_.full) return;
  const std::uint64_t enough = room_.reserve() + room_.limit() / 20;
  while (!room_.has(enough) && forget_history()) {
  }
  if (room_.has(enough)) condition_.full.reset();
}

bool SqliteDatabase::forget_history() {
  const auto firsts = [&] {
    std::vector<std::uint64_t> out{log_.marks().first};
    for (const Stream stream : kOutboxStreams) out.push_back(outbox_.mark(stream).first);
    return out;
  };
  const auto was = firsts();
  transact([&] {
    write_cursors();
    log_.trim(snapshots_.oldest_needed(), acknowledged_by_all(Stream::raw), kAnyTime, kAnyTime, kRows);
    for (const Stream stream : kOutboxStreams) {
      if (is_taken(stream)) outbox_.trim(stream, acknowledged_by_all(stream), kRows);
      else outbox_.trim_before(stream, log_.marks().first, kRows);
    }
  });
  cursors_changed_ = false;
  return firsts() != was;
}

bool SqliteDatabase::relieve() {
  if (forget_history()) return true;
  const Limits& limits = options_.limits;
  if (limits.when_full == WhenFull::block) return false;
  // Of equals the less urgent first; raw before what already stands for raw, until that weighs more.
  std::vector<Stream> order{Stream::raw, Stream::backfill, Stream::derived, Stream::alerts};
  if (bytes_waiting(Stream::backfill) > bytes_waiting(Stream::raw)) std::swap(order[0], order[1]);
  std::ranges::stable_sort(order, {}, [&](Stream stream) { return limits.streams[at(stream)].priority; });
  return std::ranges::any_of(order, [&](Stream stream) { return reduce(stream, kAnyTime, "quota"); });
}

bool SqliteDatabase::keep_own_limits() {
  for (const Stream stream : kStreams) {
    const StreamLimit& limit = options_.limits.streams[at(stream)];
    if (limit.age > 0 && reduce(stream, clock_.now() - limit.age, "age")) return true;
    const bool blocks = options_.limits.when_full == WhenFull::block && stream == Stream::raw;
    if (limit.bytes > 0 && !blocks && bytes_waiting(stream) > limit.bytes && reduce(stream, kAnyTime, "quota"))
      return true;
  }
  return false;
}

bool SqliteDatabase::reduce(Stream stream, Timestamp expired, std::string_view reason) {
  if (!is_taken(stream)) return false;
  StreamSeq after = gone_or_acknowledged(stream);
  for (int tried = 0; tried < kMostTried; ++tried) {
    const Run run = next_run(stream, after, expired);
    if (run.records.empty()) return false;
    if (replace(stream, run, reason)) return true;
    after = run.records.back().seq;
  }
  return false;
}

// No mark of an uplink, no end of a span and no number that was told of before lies within; nobody has one of them in
// its hands. Of backfill the numbers are told nowhere, and what was replaced there does not matter.
Run SqliteDatabase::next_run(Stream stream, StreamSeq after, Timestamp expired) {
  while (after + 1 < last(stream)) {
    StreamSeq until = spans_.end_of(stream, after + 1).value_or(last(stream));
    until = std::min(until, last(stream) - 1);
    StreamSeq held = 0;
    if (stream != Stream::backfill)
      for (const Hole& hole : holes_.of(stream).all()) {
        if (hole.first > after + 1) until = std::min(until, hole.first - 1);
        else if (hole.last > after) held = hole.last;
      }
    for (const auto& [name, uplink] : uplinks_) {
      if (!uplink.takes[at(stream)]) continue;
      const StreamSeq cursor = uplink.cursors[at(stream)];
      if (cursor > after) until = std::min(until, cursor);
      else held = std::max(held, uplink.lent[at(stream)]);
    }
    if (held > after) {
      after = held;
      continue;
    }
    Run run = stream == Stream::raw ? log_.run(after, until, snapshots_.oldest_needed(), expired, kStep)
                                    : outbox_.run(stream, after, until, expired, kStep);
    const auto next = front(stream, after);
    if (!run.records.empty() || !next || next->seq <= until) return run;
    after = until;
  }
  return {};
}

std::string SqliteDatabase::except_for(Stream stream, const Run& run) const {
  std::string out;
  for (const auto& [name, uplink] : uplinks_)
    if (!uplink.takes[at(stream)] || uplink.cursors[at(stream)] >= run.records.back().seq ||
        !run.records.front().is_for(name))
      out += (out.empty() ? "\n" : "") + name + "\n";
  return out;
}

bool SqliteDatabase::replace(Stream stream, const Run& run, std::string_view reason) {
  const Digest* digest = options_.digest;
  const StreamSeq first = run.records.front().seq, last = run.records.back().seq;
  const Replaced replaced{stream, spans_.id_of(stream, first), first, last, run.records};
  const std::uint64_t size = size_of(run);
  const bool may_thin = options_.limits.when_full == WhenFull::thin && digest != nullptr &&
                        (stream == Stream::raw || stream == Stream::backfill);
  std::string except = except_for(stream, run);
  std::optional<std::string> body, before;
  if (may_thin) body = digest->thin(replaced);
  if (body && body->size() > size / 4 * 3) body.reset();
  const bool thinned = body.has_value();

  const StreamSeq newest = outbox_.mark(Stream::backfill).last;
  if (!thinned && digest != nullptr) {
    const bool alone = std::ranges::all_of(uplinks_, [&](const auto& uplink) {
      return except.find('\n' + uplink.first + '\n') != std::string::npos ||
             std::max(uplink.second.lent[at(Stream::backfill)], uplink.second.cursors[at(Stream::backfill)]) < newest;
    });
    if (stream != Stream::backfill && gap_ && gap_->seq == newest && alone && gap_->stream == stream &&
        gap_->last + 1 == first && gap_->incarnation == replaced.incarnation && gap_->except == except &&
        gap_->reason == reason) {
      auto found = outbox_.fetch(Stream::backfill, newest - 1, 1);
      if (found.size() == 1 && found[0].seq == newest && !found[0].damaged) before = std::move(found[0].body);
    }
    body = digest->gap(replaced, reason, before);
    // Gaps are not given up for gaps: nothing would be won.
    if (stream == Stream::backfill && body->size() >= size) return false;
  }

  transact([&] {
    write_cursors();  // `except` stands on them
    const std::string holes = holes_.encode();
    if (stream == Stream::raw) {
      log_.erase(run.first_id, run.last_id);
      holes_.log.add({.first = run.first_id, .last = run.last_id});
    } else {
      outbox_.erase(stream, first, last);
    }
    holes_.of(stream).add({.first = first, .last = last, .bytes = run.counted});
    if (body) outbox_.append({Stream::backfill, *body}, log_.marks().last, run.time, except);
    if (before) {
      const auto replaced_gap = outbox_.front(Stream::backfill, newest - 1);
      const auto after_it = outbox_.front(Stream::backfill, newest);
      outbox_.erase(Stream::backfill, newest, newest);
      holes_.of(Stream::backfill)
          .add({.first = newest, .last = newest, .bytes = after_it->bytes_before - replaced_gap->bytes_before});
    }
    holes_.log.prune(log_.marks().first);
    for (const Stream one : kStreams) holes_.of(one).prune(this->before(one) + 1);
    if (std::string now = holes_.encode(); now != holes) meta_.put(kHoles, now);
  });
  cursors_changed_ = false;
  (thinned ? thinned_ : given_up_)[at(stream)] += run.records.size();
  gap_.reset();
  if (body && !thinned)
    gap_ = Gap{outbox_.mark(Stream::backfill).last, stream, last, replaced.incarnation, except, std::string(reason)};
  pass_over_excepted();
  return true;
}

void SqliteDatabase::pass_over_excepted() {
  const StreamSeq newest = last(Stream::backfill);
  for (auto& [name, uplink] : uplinks_) {
    StreamSeq& cursor = uplink.cursors[at(Stream::backfill)];
    while (cursor < newest) {
      const auto next = outbox_.front(Stream::backfill, cursor);
      if (!next || next->except.find('\n' + name + '\n') == std::string::npos) break;
      cursor = next->seq;
      cursors_changed_ = true;
    }
  }
}

}  // namespace weir::store
