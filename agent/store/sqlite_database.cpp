#include "store/sqlite_database.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>

#include "base/bytes.h"
#include "base/file.h"
#include "base/random.h"
#include "store/encryption.h"

namespace weir::store {
namespace {

constexpr std::string_view kIncarnation = "incarnation";
constexpr std::string_view kIncarnations = "incarnations";
constexpr std::string_view kHoles = "holes";
constexpr std::string_view kMachine = "machine";
constexpr std::string_view kFile = "file";
constexpr std::string_view kWear = "wear";
constexpr std::string_view kUplink = "uplink/";
constexpr std::string_view kKeep = "keep/";

constexpr std::uint64_t kMostTrimmed = 256;  // rows of a table a call
constexpr std::uint64_t kRowCosts = 128;     // beside what it holds
constexpr Nanoseconds kCursorsLinger = 10 * kSecond;
// Pages of 4 KiB. A checkpoint writes each page once, however often it is in the WAL: later is less wear,
// and a larger WAL to read at the start.
constexpr std::uint64_t kCheckpointAt = 500;
constexpr std::uint64_t kCheckpointAtLast = 2'000;  // in commit(), when nobody called tidy()

std::string named(std::string_view prefix, std::string_view name) { return std::string(prefix) + std::string(name); }

// machine-id(5) asks not to show the id itself around.
std::string hash_of(std::string_view machine_id) {
  const std::string text = named("weir store ", machine_id);
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

// Which file it is: its inode number, and when it was made, as inode numbers are given out again (0: the file system
// does not say). A file that was copied or put back has others.
std::string identity_of(const std::filesystem::path& file) {
  struct ::statx about{};
  if (::statx(AT_FDCWD, file.c_str(), 0, STATX_INO | STATX_BTIME, &about) != 0 || (about.stx_mask & STATX_INO) == 0)
    return {};
  std::string out;
  put_varint(out, about.stx_ino);
  const bool known = (about.stx_mask & STATX_BTIME) != 0;
  put_varint(out, known ? static_cast<std::uint64_t>(about.stx_btime.tv_sec) : 0);
  put_varint(out, known ? about.stx_btime.tv_nsec : 0);
  return out;
}

}  // namespace

SqliteDatabase::SqliteDatabase(const Options& options, const Clock& clock, std::unique_ptr<Vfs> vfs,
                               std::unique_ptr<sqlite::Connection> connection, std::vector<std::string> notes)
    : options_(options),
      clock_(clock),
      vfs_(std::move(vfs)),
      connection_(std::move(connection)),
      seal_(unlock(*connection_, options.key)),
      meta_(*connection_, seal_),
      log_(*connection_, seal_),
      outbox_(*connection_, seal_),
      snapshots_(*connection_, seal_),
      room_(*connection_, options.file, clock),
      notes_(std::move(notes)),
      cursors_written_(clock.boottime()) {
  load();
}

SqliteDatabase::~SqliteDatabase() {
  if (options_.read_only || !cursors_changed_) return;
  try {
    transact([&] { write_cursors(); });
  } catch (const sqlite::Failure&) {
    // They go out again after the next start, with the same identity.
  }
}

void SqliteDatabase::load() {
  log_.load();
  outbox_.load();
  load_encryption();
  for (const LogId at : snapshots_.load()) {
    notes_.push_back("the snapshot at log row " + std::to_string(at) +
                     " was damaged and is not used; the one before it and the log give the same state");
    if (!options_.read_only) transact([&] { snapshots_.erase(at); });
  }
  room_.set_snapshot(snapshots_.bytes());
  load_identity();
  load_cursors(options_.uplinks);
  load_wear();
  if (!options_.read_only) room_.set_limits(options_.limits);
}

void SqliteDatabase::load_encryption() {
  if (options_.read_only) return;
  if (options_.key && !seal_.encrypts()) seal_ = encrypt(*connection_, *options_.key, log_.marks().last);
  // What was there before the key is overwritten when it is trimmed.
  const bool in_clear = log_.marks().first != 0 && log_.marks().first <= seal_.plain_through();
  connection_->run(in_clear ? "PRAGMA secure_delete = 1" : "PRAGMA secure_delete = 0");
}

// Of schema 1 only the newest is known, and was the only one.
Spans SqliteDatabase::stored_spans() {
  const auto incarnation = meta_.get(kIncarnation);
  const auto incarnations = meta_.get(kIncarnations);
  if (!incarnation) return {};
  if (!incarnations) return Spans({{*incarnation, Spans::from_one()}});
  Spans spans = Spans::decode(*incarnations);
  if (spans.empty() || spans.newest().id != *incarnation)
    throw sqlite::damaged("the newest of the incarnations is not the incarnation");
  return spans;
}

void SqliteDatabase::forget_numbers() {
  PerStream oldest{};
  bool fewer = holes_.log.prune(log_.marks().first);
  for (const Stream stream : kStreams) {
    const auto at = static_cast<std::size_t>(stream);
    oldest[at] = before(stream) + 1;
    fewer |= holes_.of(stream).prune(oldest[at]);
  }
  if (fewer) meta_.put(kHoles, holes_.encode());
  if (spans_.prune(oldest)) meta_.put(kIncarnations, spans_.encode());
}

PerStream SqliteDatabase::next_numbers() const {
  PerStream next{};
  for (const Stream stream : kStreams) next[static_cast<std::size_t>(stream)] = last(stream) + 1;
  return next;
}

void SqliteDatabase::begin_span(std::string id, const PerStream& first) {
  spans_.begin(std::move(id), first);
  meta_.put(kIncarnation, spans_.newest().id);
  meta_.put(kIncarnations, spans_.encode());
}

void SqliteDatabase::keep_numbers() {
  if (spans_.empty()) return;
  for (const Stream stream : kOutboxStreams)
    outbox_.go_on_from(stream, spans_.newest().first[static_cast<std::size_t>(stream)]);
}

void SqliteDatabase::load_identity() {
  spans_ = stored_spans();
  keep_numbers();
  const auto holes = meta_.get(kHoles);
  holes_ = holes ? AllHoles::decode(*holes) : AllHoles();
  if (options_.read_only) return;
  const auto machine_id = read_file(options_.machine_id, 4'096);
  const std::string machine = machine_id && !machine_id->empty() ? hash_of(*machine_id) : std::string();
  const auto known_machine = meta_.get(kMachine);
  const std::string file = identity_of(options_.file);
  const auto known_file = meta_.get(kFile);

  const bool cloned = known_machine && !machine.empty() && *known_machine != machine;
  const bool restored = known_file && !file.empty() && *known_file != file;
  if (cloned)
    notes_.push_back(
        "this machine's id differs from the one that wrote the store: the store is a copy (a cloned"
        " image?) and goes on under a new incarnation; what was waiting for the clouds is sent under its old one");
  else if (restored)
    notes_.push_back(
        "the store is not the file that it was, but a copy of it (was a backup put back?): it goes on under a new"
        " incarnation; what was waiting for the clouds is sent under its old one, and what was committed after the"
        " copy was made is not in it");
  const bool begins = spans_.empty() || cloned || restored;
  const bool says_machine = !machine.empty() && known_machine != machine;
  const bool says_file = !file.empty() && known_file != file;
  if (!begins && !says_machine && !says_file) return;
  transact([&] {
    if (begins) begin_span(random_bytes(kIncarnationSize), spans_.empty() ? Spans::from_one() : next_numbers());
    if (says_machine) meta_.put(kMachine, machine);
    if (says_file) meta_.put(kFile, file);
  });
}

Result<std::string> SqliteDatabase::begin_life(const PerStream& at_least) {
  return attempt("begin a new incarnation", [&] {
    transact([&] {
      PerStream first = next_numbers();
      for (const Stream stream : kOutboxStreams) {
        const auto at = static_cast<std::size_t>(stream);
        if (at_least[at] <= first[at]) continue;
        if (outbox_.mark(stream).first != 0) holes_.of(stream).add({.first = first[at], .last = at_least[at] - 1});
        first[at] = at_least[at];
      }
      begin_span(random_bytes(kIncarnationSize), first);
      keep_numbers();
      meta_.put(kHoles, holes_.encode());
    });
    ++condition_.lives;
    return spans_.newest().id;
  });
}

Result<void> SqliteDatabase::adopt(const Adopted& adopted) {
  return attempt("take over rows", [&] {
    transact([&] {
      const std::string holes = holes_.encode();
      if (!adopted.spans.empty()) {
        if (next_numbers() == Spans::from_one()) spans_ = {};
        std::vector<Incarnation> all = spans_.all();
        all.insert(all.end(), adopted.spans.begin(), adopted.spans.end());
        spans_ = Spans(std::move(all));
        begin_span(spans_.newest().id, spans_.newest().first);
      }
      for (const LogRow& row : adopted.rows) {
        const auto before = log_.marks();
        const StreamSeq raw_last = row.raw.empty() ? std::max(before.raw_last, row.raw_seq) : row.raw_seq;
        log_.insert(row, raw_last);
        if (before.last == 0) continue;
        holes_.log.add({.first = before.last + 1, .last = row.id - 1});
        holes_.of(Stream::raw).add({.first = before.raw_last + 1, .last = raw_last - (row.raw.empty() ? 0 : 1)});
      }
      for (const auto& [stream, seq, log_id, time, body, except] : adopted.outputs) {
        const StreamSeq last = outbox_.mark(stream).last;
        outbox_.insert(stream, seq, log_id, time, except, body);
        if (last != 0) holes_.of(stream).add({.first = last + 1, .last = seq - 1});
      }
      if (std::string now = holes_.encode(); now != holes) meta_.put(kHoles, now);
      if (adopted.snapshot) snapshots_.save(*adopted.snapshot);
      for (const auto& [key, value] : adopted.kept) meta_.put(named(kKeep, key), value);
    });
    if (!adopted.spans.empty()) ++condition_.lives;
  });
}

// Built aside: with some of the uplinks only, trim() would delete what the others were not sent.
void SqliteDatabase::load_cursors(const std::vector<UplinkStreams>& uplinks) {
  Uplinks loaded;
  std::vector<std::string> notes;
  for (const auto& [uplink, streams] : uplinks) {
    auto& [cursors, lent, takes] = loaded[uplink];
    for (const Stream stream : streams) takes[static_cast<std::size_t>(stream)] = true;
    // What stands for other records is for all that were to get those (Record::except).
    takes[static_cast<std::size_t>(Stream::backfill)] = true;
    // A new uplink starts with the oldest record that is there.
    for (const Stream stream : kStreams) cursors[static_cast<std::size_t>(stream)] = before(stream);
    try {
      if (const auto stored = meta_.get(named(kUplink, uplink))) {
        ByteReader reader(*stored);
        for (StreamSeq& seq : cursors) seq = std::max(seq, reader.varint());
      }
    } catch (const sqlite::Failure& failure) {
      if (failure.kind() != sqlite::Failure::Kind::damaged) throw;
      notes.push_back("how far uplink " + uplink +
                      " had acknowledged was damaged: all that is still here is sent"
                      " again, with the same identities");
    }
    for (const Stream stream : kStreams) {
      StreamSeq& seq = cursors[static_cast<std::size_t>(stream)];
      if (seq > last(stream))
        throw sqlite::damaged("uplink " + uplink + " acknowledged " + to_text(stream) + " " + std::to_string(seq) +
                              ", but the newest here is " + std::to_string(last(stream)));
    }
  }
  if (!options_.read_only) {
    std::vector<std::string> gone = meta_.keys(kUplink);
    std::erase_if(gone, [&](std::string_view key) { return loaded.contains(key.substr(kUplink.size())); });
    if (!gone.empty())
      transact([&] {
        for (const std::string& key : gone) meta_.erase(key);
      });
  }
  notes_.insert(notes_.end(), notes.begin(), notes.end());
  uplinks_.swap(loaded);
}

void SqliteDatabase::write_cursors() {
  if (!cursors_changed_) return;
  for (const auto& [name, uplink] : uplinks_) {
    std::string value;
    for (const StreamSeq seq : uplink.cursors) put_varint(value, seq);
    meta_.put(named(kUplink, name), value);
  }
  write_wear();
}

// It is only for people: a store is not mended for it.
void SqliteDatabase::load_wear() {
  try {
    const auto stored = meta_.get(kWear);
    if (!stored) return;
    if (const auto wear = WearCounter::decode(*stored)) {
      wear_ = *wear;
      return;
    }
  } catch (const sqlite::Failure& failure) {
    if (failure.kind() != sqlite::Failure::Kind::damaged) throw;
  }
  if (!options_.read_only) notes_.push_back("how much was written so far was damaged: it is counted anew");
}

void SqliteDatabase::count_wear() {
  const std::uint64_t written = vfs_->counters().bytes_written;
  if (written == counted_) return;
  wear_.add(written - counted_, clock_.now());
  counted_ = written;
}

void SqliteDatabase::write_wear() {
  count_wear();
  meta_.put(kWear, wear_.encode());
}

void SqliteDatabase::refresh() {
  if (!options_.read_only) return;
  log_.load();
  outbox_.load();
  snapshots_.load();
  load_identity();
  load_wear();
}

template <class Work>
auto SqliteDatabase::attempt(const std::string& doing, Work work) -> Result<decltype(work())> {
  try {
    if constexpr (std::is_void_v<decltype(work())>) {
      work();
      return {};
    } else {
      return work();
    }
  } catch (const sqlite::Failure& failure) {
    return std::unexpected(
        Error{"the store " + options_.file.string() + " cannot " + doing + ": " + failure.error().what,
              failure.error().hint, failure.is_damage(), failure.is_unwritable()});
  }
}

// Does it all or leaves everything, the marks in memory too, as it was.
void SqliteDatabase::transact(const std::function<void()>& work) {
  const auto log = log_.marks();
  const auto outbox = outbox_.marks();
  const auto snapshots = snapshots_.marks();
  const Spans spans = spans_;
  const AllHoles holes = holes_;
  // What the checkpoint meets, the transaction meets as well, and says.
  if (!options_.read_only && connection_->wal_pages() >= room_.wal_pages() / 2) static_cast<void>(tidy());
  try {
    sqlite::Scope scope(*connection_);
    work();
    scope.commit();
  } catch (...) {
    log_.set_marks(log);
    outbox_.set_marks(outbox);
    snapshots_.set_marks(snapshots);
    spans_ = spans;
    holes_ = holes;
    throw;
  }
}

Result<std::vector<Committed>> SqliteDatabase::commit(std::span<const Transaction> transactions) {
  for (const Transaction& transaction : transactions)
    for (const Output& output : transaction.outputs)
      if (std::ranges::find(kOutboxStreams, output.stream) == kOutboxStreams.end())
        return fail("an output cannot go to the stream raw", "readings go into Transaction::raw");

  return attempt("commit", [&] {
    std::uint64_t bytes = 0;
    bool with_readings = false;
    for (const Transaction& transaction : transactions) {
      bytes += kRowCosts + transaction.commit.size() + transaction.raw.size();
      for (const Output& output : transaction.outputs) bytes += kRowCosts + output.body.size();
      with_readings |= !transaction.raw.empty();
    }
    make_room(bytes, with_readings);
    const bool with_cursors = cursors_changed_ && clock_.boottime() - cursors_written_ >= kCursorsLinger;
    std::vector<Committed> out;
    transact([&] {
      for (const Transaction& transaction : transactions) {
        const Timestamp time = transaction.time != 0 ? transaction.time : clock_.now();
        const LogId id = log_.append(transaction, time);
        for (const Output& output : transaction.outputs) outbox_.append(output, id, time);
        out.push_back({id});
      }
      if (with_cursors) write_cursors();
    });
    room_.took(bytes);
    count_wear();
    pass_over_excepted();
    commits_ += transactions.size();
    if (with_cursors) {
      cursors_changed_ = false;
      cursors_written_ = clock_.boottime();
    }
    // It is committed: what the checkpoint meets, the next one meets again and tidy() says.
    if (connection_->wal_pages() >= std::min(kCheckpointAtLast, room_.wal_pages() / 2)) static_cast<void>(tidy());
    return out;
  });
}

Result<void> SqliteDatabase::scan(LogId after, const std::function<bool(LogRow)>& row) {
  // One read lock a row: a long replay or export does not keep the WAL from being moved.
  return attempt("read the log", [&] {
    while (auto next = log_.next(after)) {
      after = next->id;
      if (!row(std::move(*next))) return;
    }
  });
}

Result<std::optional<Snapshot>> SqliteDatabase::newest_snapshot() {
  return attempt("read the newest snapshot", [&] {
    refresh();
    return snapshots_.newest();
  });
}

Result<void> SqliteDatabase::save_snapshot(const Snapshot& snapshot) {
  if (snapshot.at == 0 || snapshot.at > log_.marks().last || snapshot.at < snapshots_.newest_at())
    return fail("a snapshot at log row " + std::to_string(snapshot.at) + " cannot be: the log ends at " +
                std::to_string(log_.marks().last) + ", the newest snapshot is at " +
                std::to_string(snapshots_.newest_at()));
  return attempt("save a snapshot", [&] {
    room_.set_snapshot(snapshot.state.size());
    transact([&] {
      snapshots_.save(snapshot);
      write_cursors();
      write_wear();
    });
    cursors_changed_ = false;
    cursors_written_ = clock_.boottime();
  });
}

Result<std::vector<Record>> SqliteDatabase::fetch(Stream stream, StreamSeq after, std::size_t bytes) {
  return attempt("fetch " + std::string(to_text(stream)) + " after " + std::to_string(after), [&] {
    refresh();
    auto records = stream == Stream::raw ? log_.fetch(after, bytes) : outbox_.fetch(stream, after, bytes);
    for (Record& record : records) record.incarnation = spans_.id_of(stream, record.seq);
    return records;
  });
}

void SqliteDatabase::lent(std::string_view uplink, Stream stream, StreamSeq seq) {
  const auto found = uplinks_.find(uplink);
  if (found == uplinks_.end()) return;
  StreamSeq& lent = found->second.lent[static_cast<std::size_t>(stream)];
  lent = std::max(lent, seq);
}

Result<LogId> SqliteDatabase::first_since(Timestamp time) {
  return attempt("find a row by its time", [&] {
    refresh();
    return log_.first_since(time);
  });
}

StreamSeq SqliteDatabase::last(Stream stream) const {
  return stream == Stream::raw ? log_.marks().raw_last : outbox_.mark(stream).last;
}

StreamSeq SqliteDatabase::before(Stream stream) const {
  if (stream == Stream::raw) return log_.marks().raw_before;
  const auto& mark = outbox_.mark(stream);
  return mark.first == 0 ? mark.last : mark.first - 1;
}

Result<void> SqliteDatabase::acknowledge(std::string_view uplink, Stream stream, StreamSeq seq) {
  const auto found = uplinks_.find(uplink);
  if (found == uplinks_.end()) return fail("the store knows no uplink " + std::string(uplink));
  if (seq > last(stream))
    return fail("uplink " + std::string(uplink) + " acknowledged " + to_text(stream) + " " + std::to_string(seq) +
                ", which was never sent: the newest is " + std::to_string(last(stream)));
  StreamSeq& cursor = found->second.cursors[static_cast<std::size_t>(stream)];
  if (seq <= cursor) return {};
  cursor = seq;
  cursors_changed_ = true;
  return attempt("go on behind " + std::to_string(seq), [&] {
    if (stream == Stream::backfill) pass_over_excepted();
    if (condition_.full) see_whether_full();
  });
}

StreamSeq SqliteDatabase::acknowledged(std::string_view uplink, Stream stream) const {
  const auto found = uplinks_.find(uplink);
  return found == uplinks_.end() ? 0 : found->second.cursors[static_cast<std::size_t>(stream)];
}

bool SqliteDatabase::is_taken(Stream stream) const {
  return std::ranges::any_of(
      uplinks_, [stream](const auto& uplink) { return uplink.second.takes[static_cast<std::size_t>(stream)]; });
}

StreamSeq SqliteDatabase::acknowledged_by_all(Stream stream) const {
  const auto at = static_cast<std::size_t>(stream);
  StreamSeq least = last(stream);
  for (const auto& [name, uplink] : uplinks_)
    if (uplink.takes[at]) least = std::min(least, uplink.cursors[at]);
  return least;
}

Result<void> SqliteDatabase::set_uplinks(const std::vector<UplinkStreams>& uplinks) {
  return attempt("change its uplinks", [&] {
    transact([&] { write_cursors(); });
    cursors_changed_ = false;
    load_cursors(uplinks);
    pass_over_excepted();
  });
}

void SqliteDatabase::set_limits(const Limits& limits) {
  options_.limits = limits;
  static_cast<void>(attempt("take other limits", [&] {
    room_.set_limits(limits);
    see_whether_full();
  }));
}

Result<bool> SqliteDatabase::trim() {
  return attempt("trim", [&] {
    bool more = false;
    transact([&] {
      write_cursors();
      const Timestamp now = clock_.now();
      more |= log_.trim(snapshots_.oldest_needed(), acknowledged_by_all(Stream::raw), now - options_.retain, now,
                        kMostTrimmed);
      for (const Stream stream : kOutboxStreams)
        more |= is_taken(stream) ? outbox_.trim(stream, acknowledged_by_all(stream), kMostTrimmed)
                                 : outbox_.trim_before(stream, log_.marks().first, kMostTrimmed);
      forget_numbers();
    });
    if (cursors_changed_) cursors_written_ = clock_.boottime();
    cursors_changed_ = false;
    own_limits_kept_ = 0;
    more |= keep_own_limits();
    if (condition_.full) see_whether_full();
    return more;
  });
}

Result<void> SqliteDatabase::keep(std::string_view key, std::string_view value) {
  return attempt("keep " + std::string(key), [&] { transact([&] { meta_.put(named(kKeep, key), value); }); });
}

Result<std::optional<std::string>> SqliteDatabase::kept(std::string_view key) {
  return attempt("read " + std::string(key), [&] { return meta_.get(named(kKeep, key)); });
}

Result<void> SqliteDatabase::tidy() {
  if (connection_->wal_pages() < std::min(kCheckpointAt, room_.wal_pages() / 4)) return {};
  return attempt("move its WAL into the file", [&] { connection_->checkpoint(); });
}

Stats SqliteDatabase::stats() {
  static_cast<void>(attempt("read its ends", [&] { refresh(); }));
  Stats out;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const auto size = std::filesystem::file_size(options_.file.string() + suffix, error);
    if (!error) out.file_bytes += size;
  }
  out.first = log_.marks().first;
  out.last = log_.marks().last;
  out.snapshot = snapshots_.newest_at();
  out.commits = commits_;
  out.bytes_written = vfs_->counters().bytes_written;
  count_wear();
  out.wear = wear_.at(clock_.now());
  static_cast<void>(attempt("say what waits", [&] {
    if (!options_.read_only) {
      out.used_bytes = room_.used();
      out.limit_bytes = room_.limit();
    }
  }));
  for (const Stream stream : kStreams) {
    const auto at = static_cast<std::size_t>(stream);
    const StreamSeq behind = gone_or_acknowledged(stream);
    StreamStats& stats = out.streams.emplace_back();
    stats.last = last(stream);
    stats.waiting = last(stream) - behind - holes_.of(stream).count_after(behind);
    stats.acknowledged = acknowledged_by_all(stream);
    stats.thinned = thinned_[at];
    stats.given_up = given_up_[at];
    if (stats.waiting == 0) continue;
    static_cast<void>(attempt("say what waits", [&] {
      stats.bytes = bytes_waiting(stream);
      if (const auto oldest = front(stream, behind)) stats.oldest = oldest->time;
    }));
  }
  return out;
}

Result<std::vector<std::string>> SqliteDatabase::verify() {
  return attempt("be read", [&] {
    std::vector<std::string> wrong;
    sqlite::Statement check(*connection_, "PRAGMA quick_check(100)");
    {
      sqlite::Rows rows = check.query();
      while (rows.next())
        if (rows.bytes(0) != "ok") wrong.emplace_back(rows.bytes(0));
    }
    refresh();
    log_.verify(holes_, wrong);
    outbox_.verify(holes_, wrong);
    snapshots_.verify(wrong);
    for (const std::string& key : meta_.keys("")) try {
        static_cast<void>(meta_.get(key));
      } catch (const sqlite::Failure& failure) {
        wrong.push_back(failure.error().what);
      }
    return wrong;
  });
}

}  // namespace weir::store
