#include "store/steady_database.h"

#include <algorithm>

#include "base/log.h"
#include "store/digest.h"
#include "store/open.h"

namespace weir::store {
namespace {

constexpr Nanoseconds kRetry = kSecond;
constexpr Nanoseconds kMostRetry = kMinute;
// What goes wrong again so soon was not mended by what was done about it.
constexpr Nanoseconds kCalm = kMinute;
constexpr Nanoseconds kRememberEvery = 5 * kSecond;
constexpr std::uint64_t kBesideBacklog = 1 << 20;  // what writing it takes beside its bytes, about

std::size_t at(Stream stream) { return static_cast<std::size_t>(stream); }

Error nothing_there(const Options& options) {
  return {"the store " + options.file.string() + " cannot be read now",
          "see its status: what comes is only in memory"};
}

}  // namespace

SteadyDatabase::SteadyDatabase(const Options& options, const Clock& clock)
    : options_(options), clock_(clock), retry_every_(kRetry), durable_since_(clock.boottime()) {}

Result<std::unique_ptr<Database>> SteadyDatabase::open(const Options& options, const Clock& clock) {
  std::unique_ptr<SteadyDatabase> database(new SteadyDatabase(options, clock));
  if (auto ok = database->start(); !ok) return std::unexpected(ok.error());
  return database;
}

SteadyDatabase::~SteadyDatabase() {
  if (backlog_) static_cast<void>(write_back());
  if (!backlog_) remember();
}

void SteadyDatabase::note(const std::string& text) {
  log::warn("store: {}", text);
  notes_.push_back(text);
}

Result<void> SteadyDatabase::start() {
  auto lock = Lock::take(options_.file);
  if (lock) lock_.emplace(std::move(*lock));
  else if (!lock.error().unwritable) return std::unexpected(lock.error());

  auto opened = lock_ ? open_inner() : std::unexpected(lock.error());
  if (!opened && opened.error().damage) opened = heal(opened.error());
  if (backlog_) return {};
  if (!opened && opened.error().unwritable) {
    look(opened.error());
    return {};
  }
  if (!opened) return opened;
  if (!healed_) notice_lost_rows();
  remember();
  return {};
}

Result<void> SteadyDatabase::open_inner() {
  auto opened = open_file(options_, clock_, {});
  if (!opened) return std::unexpected(opened.error());
  for (const std::string& said : (*opened)->notes()) note(said);
  put_in_place(std::move(*opened));
  return {};
}

void SteadyDatabase::put_in_place(std::unique_ptr<SqliteDatabase> inner) {
  if (inner_) {
    mended_ += inner_->condition().mended;
    lives_ += inner_->condition().lives + 1;
  }
  inner_ = std::move(inner);
  only_reads_ = false;
}

// The disk takes nothing from the start: what can be read is what there is.
void SteadyDatabase::look(const Error& why) {
  only_reads_ = true;
  std::error_code error;
  const auto size = std::filesystem::file_size(options_.file, error);
  if (error || size == 0) return suspend(why);  // there is none yet
  auto looked = look_into(options_, clock_);
  if (looked) inner_ = std::move(*looked);
  else note("the store cannot be read now: " + looked.error().text());
  suspend(why);
  if (looked) return;
  // Whatever its numbers are: it never gave one every millisecond since 1970.
  Known beyond;
  beyond.last = static_cast<LogId>(clock_.now() / kMillisecond);
  for (const Stream stream : kStreams) beyond.streams[at(stream)] = beyond.last;
  backlog_.emplace(beyond, options_.volatile_bytes, options_.digest);
  backlog_->set_uplinks(options_.uplinks);
}

// A WAL that was removed or torn takes committed rows with it, and SQLite does not say so.
void SteadyDatabase::notice_lost_rows() {
  const auto& before = lock_->known();
  const Known now = known();
  if (!before) return;
  // A longer copy that was written over the file, which is the same file then: its numbers may have been given
  // before.
  if (before->last <= now.last && !before->spans.empty() &&
      std::ranges::find(now.spans.all(), before->spans.newest().id, &Incarnation::id) == now.spans.all().end()) {
    note("the store is not the one that was here last (was a backup put back?): it goes on under a new incarnation");
    if (auto begun = inner_->begin_life(); !begun) suspend(begun.error());
    return;
  }
  for (const Stream stream : kStreams)
    if (before->last <= now.last && before->streams[at(stream)] > now.streams[at(stream)]) {
      static_cast<void>(heal({std::string(to_text(stream)) + " ends at " + std::to_string(now.streams[at(stream)]) +
                                  ", and " + std::to_string(before->streams[at(stream)]) + " was given",
                              "", true}));
      return;
    }
  if (before->last <= now.last) return;
  if (now.last == 0) {
    note("THE STORE IS GONE: it held rows up to " + std::to_string(before->last) +
         " of the log, and there is nothing in its place. A new one is begun, under a new incarnation");
    // It may be a copy from when it was empty.
    if (auto begun = inner_->begin_life(); !begun) suspend(begun.error());
    return;
  }
  note("THE STORE HAS LOST ROWS: it ends at row " + std::to_string(now.last) + " of the log, and row " +
       std::to_string(before->last) +
       " was committed. Was its -wal removed, or an older copy put back? It goes on under a new incarnation");
  if (auto begun = inner_->begin_life(); !begun) return suspend(begun.error());
  if (options_.digest == nullptr) return;
  Transaction gaps;
  const Spans spans(inner_->incarnations());
  for (const Stream stream : {Stream::alerts, Stream::derived, Stream::raw}) {
    const StreamSeq last = now.streams[at(stream)];
    if (before->streams[at(stream)] <= last) continue;
    const Replaced lost{
        stream, spans.id_of(stream, std::max<StreamSeq>(last, 1)), last + 1, before->streams[at(stream)], {}};
    gaps.outputs.push_back({Stream::backfill, options_.digest->gap(lost, "damaged", std::nullopt)});
  }
  if (!gaps.outputs.empty()) static_cast<void>(commit(gaps));
}

Known SteadyDatabase::known() const {
  if (!inner_) return lock_ ? lock_->known().value_or(Known()) : Known();
  Known out;
  out.spans = Spans(inner_->incarnations());
  const Stats stats = inner_->stats();
  out.last = stats.last;
  for (std::size_t i = 0; i < kStreams.size(); ++i) out.streams[at(kStreams[i])] = stats.streams[i].last;
  return out;
}

void SteadyDatabase::remember() {
  remembered_ = clock_.boottime();
  if (lock_ && inner_ && !only_reads_) lock_->remember(known());
}

template <class Call>
auto SteadyDatabase::steadily(Call call) -> decltype(call(std::declval<SqliteDatabase&>())) {
  if (!inner_) return std::unexpected(nothing_there(options_));
  auto result = call(*inner_);
  if (result || !result.error().damage) return result;
  if (!heal(result.error()) || !inner_) return result;
  return call(*inner_);
}

Result<void> SteadyDatabase::heal(const Error& why) {
  const Nanoseconds now = clock_.boottime();
  if (!lock_ || only_reads_) return std::unexpected(why);
  if (healed_ && now - *healed_ < kCalm) {
    suspend(why);
    return std::unexpected(why);
  }
  healed_ = now;
  Known before = known();
  if (const auto& last_time = lock_->known()) {
    if (before.spans.empty()) before.spans = last_time->spans;
    before.last = std::max(before.last, last_time->last);
    for (const Stream stream : kStreams)
      before.streams[at(stream)] = std::max(before.streams[at(stream)], last_time->streams[at(stream)]);
  }
  const auto acknowledged_before = [&] {
    std::vector<std::pair<std::string, PerStream>> out;
    for (const UplinkStreams& uplink : options_.uplinks) {
      PerStream& marks = out.emplace_back(uplink.name, PerStream{}).second;
      for (const Stream stream : kStreams) marks[at(stream)] = acknowledged(uplink.name, stream);
    }
    return out;
  }();
  if (inner_) {
    mended_ += inner_->condition().mended;
    lives_ += inner_->condition().lives;
    inner_.reset();
  }
  auto replaced = replace_damaged(options_, clock_, why.what, before);
  auto opened = replaced ? open_inner() : std::unexpected(replaced.error());
  if (replaced) {
    for (const std::string& note : *replaced) log::error("store: {}", note);
    notes_.insert(notes_.end(), replaced->begin(), replaced->end());
  }
  if (!opened) {
    log::error("store: {}", opened.error().text());
    if (!backlog_) {
      suspend(opened.error());
      backlog_.emplace(before, options_.volatile_bytes, options_.digest);
      backlog_->set_uplinks(options_.uplinks);
    }
    return opened;
  }
  ++mended_;
  ++lives_;
  const Known after = known();
  for (const auto& [uplink, marks] : acknowledged_before)
    for (const Stream stream : kStreams)
      static_cast<void>(inner_->acknowledge(uplink, stream, std::min(marks[at(stream)], after.streams[at(stream)])));
  remember();
  return {};
}

Result<void> SteadyDatabase::mend(const Error& why) { return heal(why); }

// A store that is full by its limits, and blocks, keeps readings out; the disk itself is another matter.
bool SteadyDatabase::suspends(const Error& error, std::span<const Transaction> transactions) const {
  const bool with_raw = std::ranges::any_of(transactions, [](const Transaction& one) { return !one.raw.empty(); });
  return error.unwritable && !(inner_ && inner_->condition().full && with_raw);
}

void SteadyDatabase::suspend(const Error& why) {
  if (suspended_) {
    suspended_->why = why.what;
    suspended_->hint = why.hint;
    return;
  }
  suspended_ = Trouble{clock_.now(), why.what, why.hint};
  backlog_.emplace(known(), options_.volatile_bytes, options_.digest);
  backlog_->set_uplinks(options_.uplinks);
  asked_for_ = 0;
  ++lives_;
  const Nanoseconds now = clock_.boottime();
  retry_every_ = now - durable_since_ < kCalm ? std::min(2 * retry_every_, kMostRetry) : kRetry;
  retry_at_ = now + retry_every_;
  tried_ = now;
}

void SteadyDatabase::retry() {
  const Nanoseconds now = clock_.boottime();
  if (!backlog_ || now < retry_at_) return;
  retry_at_ = now + retry_every_;
  // A try that comes to the end of the disk has written all that was left of it: that is not done every second.
  if (now - tried_ < kMostRetry && !has_room()) return;
  tried_ = now;
  if (auto ok = write_back(); !ok && suspended_) suspend(ok.error());
}

bool SteadyDatabase::has_room() const {
  std::error_code error;
  const auto space = std::filesystem::space(options_.file.parent_path(), error);
  return error || space.available >= backlog_->bytes() + kBesideBacklog;
}

Result<void> SteadyDatabase::write_back() {
  if (!lock_) {
    auto lock = Lock::take(options_.file);
    if (!lock) return std::unexpected(lock.error());
    lock_.emplace(std::move(*lock));
  }
  if (!inner_ || only_reads_) {
    auto opened = open_file(options_, clock_, {});
    if (!opened && opened.error().damage) {
      only_reads_ = false;
      if (auto ok = heal(opened.error()); !ok) return ok;
    } else if (!opened) {
      return std::unexpected(opened.error());
    } else {
      put_in_place(std::move(*opened));
    }
  }
  const Known there = known();
  bool behind = there.last <= backlog_->after().last;
  for (const Stream stream : kStreams) behind &= there.streams[at(stream)] <= backlog_->after().streams[at(stream)];
  if (!behind)
    return fail("the store " + options_.file.string() + " holds rows that were not there before",
                "was another file put in its place? Restart the agent: what is only in memory goes");

  const LogId saved =
      std::max(there.last == 0 ? 0 : inner_->stats().snapshot, backlog_->snapshot() ? backlog_->snapshot()->at : 0);
  if (backlog_->missing() > saved) {
    if (asked_for_ < backlog_->missing()) ++mended_;
    asked_for_ = backlog_->missing();
    return fail("readings that had no room in memory are not in the log: the state is to be saved first");
  }
  if (auto ok = inner_->set_uplinks(options_.uplinks); !ok) return ok;
  if (!backlog_->adopted().rows.empty())
    if (auto ok = inner_->adopt(backlog_->adopted()); !ok) {
      if (ok.error().damage) static_cast<void>(heal(ok.error()));
      return ok;
    }
  const Known now = known();
  for (const UplinkStreams& uplink : options_.uplinks)
    for (const Stream stream : kStreams)
      static_cast<void>(inner_->acknowledge(
          uplink.name, stream, std::min(backlog_->acknowledged(uplink.name, stream), now.streams[at(stream)])));
  for (const Stream stream : kStreams)
    if (const auto gone = backlog_->given_up(stream); gone > 0)
      log::warn("store: {} records of {} had no room in memory, and are gone", gone, to_text(stream));
  backlog_.reset();
  suspended_.reset();
  ++mended_;
  durable_since_ = clock_.boottime();
  remember();
  return {};
}

std::string SteadyDatabase::incarnation() const {
  if (backlog_) return backlog_->span().id;
  return inner_ ? inner_->incarnation() : std::string();
}

std::vector<Incarnation> SteadyDatabase::incarnations() const {
  auto out = inner_ ? inner_->incarnations() : std::vector<Incarnation>();
  if (backlog_) out.push_back(backlog_->span());
  return out;
}

Condition SteadyDatabase::condition() const {
  Condition out = inner_ ? inner_->condition() : Condition();
  out.suspended = suspended_;
  out.mended += mended_;
  out.lives += lives_;
  return out;
}

Result<std::vector<Committed>> SteadyDatabase::commit(std::span<const Transaction> transactions) {
  retry();
  if (!backlog_) {
    auto committed = steadily([&](SqliteDatabase& inner) { return inner.commit(transactions); });
    if (committed) {
      if (clock_.boottime() - remembered_ >= kRememberEvery) remember();
      return committed;
    }
    if (!backlog_ && !suspends(committed.error(), transactions)) return committed;
    if (!backlog_) suspend(committed.error());
  }
  for (const Transaction& transaction : transactions)
    if (std::ranges::find(transaction.outputs, Stream::raw, &Output::stream) != transaction.outputs.end())
      return fail("an output cannot go to the stream raw", "readings go into Transaction::raw");
  std::vector<Committed> out;
  for (const Transaction& transaction : transactions) out.push_back(backlog_->append(transaction, clock_.now()));
  backlog_->shrink();
  return out;
}

Result<void> SteadyDatabase::scan(LogId after, const std::function<bool(LogRow)>& row) {
  bool enough = false;
  const auto counting = [&](LogRow one) {
    after = one.id;
    enough = !row(std::move(one));
    return !enough;
  };
  if (inner_) {
    auto scanned = steadily([&](SqliteDatabase& inner) { return inner.scan(after, counting); });
    if (!scanned) return scanned;
  }
  if (backlog_ && !enough) backlog_->scan(after, counting);
  return {};
}

Result<std::optional<Snapshot>> SteadyDatabase::newest_snapshot() {
  if (backlog_ && backlog_->snapshot()) return backlog_->snapshot();
  if (!inner_) return std::nullopt;
  return steadily([](SqliteDatabase& inner) { return inner.newest_snapshot(); });
}

Result<void> SteadyDatabase::save_snapshot(const Snapshot& snapshot) {
  if (!backlog_) return steadily([&](SqliteDatabase& inner) { return inner.save_snapshot(snapshot); });
  if (snapshot.at == 0 || snapshot.at > backlog_->last().last ||
      (backlog_->snapshot() && snapshot.at < backlog_->snapshot()->at))
    return fail("a snapshot at log row " + std::to_string(snapshot.at) + " cannot be: the log ends at " +
                std::to_string(backlog_->last().last));
  backlog_->set_snapshot(snapshot);
  return {};
}

Result<std::vector<Record>> SteadyDatabase::fetch(Stream stream, StreamSeq after, std::size_t bytes) {
  if (backlog_ && backlog_->has(stream, after)) return backlog_->fetch(stream, after, bytes);
  auto records = steadily([&](SqliteDatabase& inner) { return inner.fetch(stream, after, bytes); });
  if (!backlog_ || !records) return records;
  for (const Record& record : *records) {
    after = record.seq;
    bytes -= std::min(bytes, record.body.size());
  }
  if (!records->empty() && (bytes == 0 || !backlog_->has(stream, after))) return records;
  for (Record& record : backlog_->fetch(stream, after, bytes)) records->push_back(std::move(record));
  return records;
}

Result<void> SteadyDatabase::acknowledge(std::string_view uplink, Stream stream, StreamSeq seq) {
  if (!backlog_) return steadily([&](SqliteDatabase& inner) { return inner.acknowledge(uplink, stream, seq); });
  if (std::ranges::find(options_.uplinks, uplink, &UplinkStreams::name) == options_.uplinks.end())
    return fail("the store knows no uplink " + std::string(uplink));
  if (seq > backlog_->last().streams[at(stream)])
    return fail("uplink " + std::string(uplink) + " acknowledged " + to_text(stream) + " " + std::to_string(seq) +
                ", which was never sent: the newest is " + std::to_string(backlog_->last().streams[at(stream)]));
  backlog_->acknowledge(uplink, stream, seq);
  if (inner_)
    static_cast<void>(inner_->acknowledge(uplink, stream, std::min(seq, backlog_->after().streams[at(stream)])));
  return {};
}

StreamSeq SteadyDatabase::acknowledged(std::string_view uplink, Stream stream) const {
  const StreamSeq there = inner_ ? inner_->acknowledged(uplink, stream) : 0;
  return backlog_ ? std::max(there, backlog_->acknowledged(uplink, stream)) : there;
}

void SteadyDatabase::lent(std::string_view uplink, Stream stream, StreamSeq seq) {
  if (inner_) inner_->lent(uplink, stream, seq);
  if (backlog_) backlog_->lent(uplink, stream, seq);
}

Result<void> SteadyDatabase::set_uplinks(const std::vector<UplinkStreams>& uplinks) {
  if (!backlog_) {
    auto set = steadily([&](SqliteDatabase& inner) { return inner.set_uplinks(uplinks); });
    if (!set && !set.error().unwritable) return set;
    if (!set && !backlog_) suspend(set.error());
  }
  options_.uplinks = uplinks;
  if (backlog_) backlog_->set_uplinks(uplinks);
  return {};
}

void SteadyDatabase::set_limits(const Limits& limits) {
  options_.limits = limits;
  if (inner_) inner_->set_limits(limits);
}

void SteadyDatabase::set_retain(Nanoseconds retain) {
  options_.retain = retain;
  if (inner_) inner_->set_retain(retain);
}

Result<LogId> SteadyDatabase::first_since(Timestamp time) {
  LogId found = 1;
  if (inner_) {
    auto there = steadily([&](SqliteDatabase& inner) { return inner.first_since(time); });
    if (!there || !backlog_ || *there <= backlog_->after().last) return there;
    found = *there;
  }
  return backlog_ ? backlog_->first_since(time).value_or(backlog_->last().last + 1) : found;
}

Result<bool> SteadyDatabase::trim() {
  retry();
  if (backlog_) return false;
  return steadily([](SqliteDatabase& inner) { return inner.trim(); });
}

Result<void> SteadyDatabase::keep(std::string_view key, std::string_view value) {
  retry();
  if (!backlog_) {
    auto done = steadily([&](SqliteDatabase& inner) { return inner.keep(key, value); });
    if (done || (!backlog_ && !done.error().unwritable)) return done;
    if (!backlog_) suspend(done.error());
  }
  backlog_->keep(key, value);
  return {};
}

Result<std::optional<std::string>> SteadyDatabase::kept(std::string_view key) {
  if (backlog_)
    if (auto kept = backlog_->kept(key)) return kept;
  if (!inner_) return std::nullopt;
  return steadily([&](SqliteDatabase& inner) { return inner.kept(key); });
}

Result<void> SteadyDatabase::tidy() {
  retry();
  if (backlog_) return {};
  return steadily([](SqliteDatabase& inner) { return inner.tidy(); });
}

Stats SteadyDatabase::stats() {
  retry();
  Stats out;
  if (inner_) out = inner_->stats();
  else out.streams.resize(kStreams.size());
  if (!backlog_) return out;
  out.commits += backlog_->adopted().rows.size();
  out.last = backlog_->last().last;
  if (backlog_->snapshot()) out.snapshot = std::max(out.snapshot, backlog_->snapshot()->at);
  for (std::size_t i = 0; i < kStreams.size(); ++i) {
    const Stream stream = kStreams[i];
    StreamStats& one = out.streams[i];
    one.last = one.acknowledged = backlog_->last().streams[at(stream)];
    for (const UplinkStreams& uplink : options_.uplinks)
      if (std::ranges::find(uplink.streams, stream) != uplink.streams.end())
        one.acknowledged = std::min(one.acknowledged, acknowledged(uplink.name, stream));
    one.waiting = one.last - one.acknowledged;
    one.given_up += backlog_->given_up(stream);
  }
  return out;
}

Result<std::vector<std::string>> SteadyDatabase::verify() {
  return steadily([](SqliteDatabase& inner) { return inner.verify(); });
}

}  // namespace weir::store
