#include "store/salvage.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/log.h"
#include "store/digest.h"
#include "store/encryption.h"
#include "store/folder.h"
#include "store/remains.h"
#include "store/room.h"
#include "store/schema.h"
#include "store/sqlite_database.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBatch = 1 << 20;  // bytes that are written together, about
constexpr std::string_view kKeep = "keep/", kWear = "wear", kUplink = "uplink/";
constexpr std::string_view kDamaged = "damaged", kQuota = "quota";

std::size_t at(Stream stream) { return static_cast<std::size_t>(stream); }

void must(const Result<void>& done) {
  if (!done) throw sqlite::Failure(sqlite::Failure::Kind::other, done.error());
}

// Which numbers came, and which ought to have.
class Tally {
 public:
  void count(std::uint64_t number, std::uint64_t bytes) {
    up_to(number - 1);
    if (first_ == 0) first_ = number;
    last_ = number;
    ++kept_.count;
    kept_.bytes += bytes;
  }
  // It is there, and stays behind.
  void leave_out(std::uint64_t number) {
    if (first_ == 0) first_ = number;
    const std::uint64_t first = last_ != 0 ? last_ + 1 : number;
    if (!kept_.missing.empty() && kept_.missing.back().last + 1 == first) kept_.missing.back().last = number;
    else kept_.missing.push_back({first, number});
    last_ = number;
  }
  // Numbers were given up to there.
  void up_to(std::uint64_t number) {
    if (number <= last_) return;
    if (last_ != 0) kept_.missing.push_back({last_ + 1, number});
    last_ = number;
  }
  // Behind `number` all of them were to be there.
  void from(std::uint64_t number) {
    const std::uint64_t end = first_ != 0 ? first_ - 1 : last_;
    if (end > number) kept_.missing.insert(kept_.missing.begin(), {number + 1, end});
  }
  std::uint64_t last() const { return last_; }
  bool any() const { return first_ != 0; }
  // Without those that were known to be gone.
  Salvaged::Kept kept(const Holes& holes) const {
    Salvaged::Kept out = kept_;
    out.missing.clear();
    for (auto [first, last] : kept_.missing) {
      for (const Hole& hole : holes.all()) {
        if (hole.last < first || hole.first > last) continue;
        if (hole.first > first) out.missing.push_back({first, hole.first - 1});
        first = hole.last + 1;
      }
      if (first <= last) out.missing.push_back({first, last});
    }
    return out;
  }

 private:
  Salvaged::Kept kept_;
  std::uint64_t first_ = 0, last_ = 0;
};

// Those of the two that know more.
const Spans& newer(const Spans& a, const Spans& b) {
  if (a.empty() || b.empty()) return a.empty() ? b : a;
  const bool later = std::ranges::any_of(
      kStreams, [&](Stream stream) { return b.newest().first[at(stream)] > a.newest().first[at(stream)]; });
  return later ? b : a;
}

std::uint64_t room(const Options& options) {
  std::error_code error;
  const auto space = fs::space(folder_of(options.file), error);
  if (error) return options.limits.quota;
  const std::uint64_t others = left_to_others(options.limits, space.capacity);
  return std::min(options.limits.quota, space.available - std::min(space.available, others));
}

std::unique_ptr<SqliteDatabase> create(const Options& options, const Remains& from, const Clock& clock) {
  auto vfs = std::make_unique<Vfs>(options.io);
  auto connection = std::make_unique<sqlite::Connection>(options.file, sqlite::Access::read_write, vfs->name());
  connection->run("PRAGMA page_size = 4096");
  configure(*connection);
  // Until it is complete it is nobody's store: it is synced once, at the end.
  connection->run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
  {
    sqlite::Scope scope(*connection);
    create_tables(*connection);
    const Seal plain;  // encrypted with the rest, if there is a key
    MetaTable meta(*connection, plain);
    for (const auto& [key, value] : from.meta())
      if (key.starts_with(kKeep) || key == kWear) meta.put(key, value);
    scope.commit();
  }
  return std::make_unique<SqliteDatabase>(options, clock, std::move(vfs), std::move(connection),
                                          std::vector<std::string>());
}

void complete(const Options& options) {
  {
    const Vfs vfs(options.io);
    sqlite::Connection connection(options.file, sqlite::Access::read_write, vfs.name());
    connection.run("PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL");
  }
  if (auto synced = sync_file(options.file); !synced)
    throw sqlite::Failure(sqlite::Failure::Kind::io, synced.error());
  sync_folder(options.file);
}

class Salvage {
 public:
  Salvage(Remains& from, const Options& options, const Clock& clock, const Known& known)
      : from_(from), options_(options), clock_(clock), spans_(newer(from.spans(), known.spans)), last_(known.last) {
    for (const Stream stream : kStreams) streams_[at(stream)] = known.streams[at(stream)];
    if (!spans_.empty())
      for (const Stream stream : kStreams) given(stream, spans_.newest().first[at(stream)] - 1);
    for (const auto& [key, value] : from.meta())
      if (key.starts_with(kUplink))
        if (const auto marks = from.marks(std::string_view(key).substr(kUplink.size())))
          for (const Stream stream : kStreams) given(stream, (*marks)[at(stream)]);
    for (const UplinkStreams& uplink : options.uplinks) marks_.emplace_back(&uplink, from.marks(uplink.name));
    for (const Snapshot& snapshot : from.snapshots()) last_ = std::max(last_, snapshot.at);
  }

  Salvaged run() {
    leave_out();
    from_.set_needed_after(least_marks(), from_.snapshots().empty() ? 0 : from_.snapshots().back().at);
    into_ = create(options_, from_, clock_);
    if (!spans_.empty()) must(into_->adopt({.spans = spans_.all(), .rows = {}, .outputs = {}}));
    take_rows();
    take_outputs();
    go_on_behind();
    take_snapshots();
    acknowledge();
    tell_gaps();
    out_.spoilt = from_.spoilt();
    out_.unread = from_.unread();
    out_.incarnation = into_->incarnation();
    into_.reset();
    complete(options_);
    tell();
    return std::move(out_);
  }

 private:
  void given(Stream stream, StreamSeq last) { streams_[at(stream)] = std::max(streams_[at(stream)], last); }

  // What all uplinks that take a stream had of it; where that is not known, everything.
  PerStream least_marks() const {
    PerStream out{};
    for (const Stream stream : kStreams) {
      std::optional<StreamSeq> least;
      for (const auto& [uplink, marks] : marks_)
        if (marks && std::ranges::find(uplink->streams, stream) != uplink->streams.end())
          least = std::min(least.value_or((*marks)[at(stream)]), (*marks)[at(stream)]);
      out[at(stream)] = least.value_or(kSeqMask);
    }
    return out;
  }

  // Without room for all, the oldest rows of the log stay where they are.
  void leave_out() {
    const std::uint64_t need = (from_.log_bytes() + from_.outbox_bytes()) / 32 * 33 + (1 << 20);
    const std::uint64_t have = room(options_);
    excess_ = need > have ? need - have : 0;
  }

  void take_rows() {
    Adopted batch;
    std::size_t bytes = 0;
    const LogId replayed_after = from_.snapshots().empty() ? 0 : from_.snapshots().back().at;
    from_.each_row([&](Remains::Row found) {
      const std::size_t size = found.row.commit.size() + found.row.raw.size();
      if (size < excess_ && found.row.id <= replayed_after) {
        excess_ -= size;
        ++left_out_;
        left_out_raw_ = found.raw_last;
        log_.leave_out(found.row.id);
        if (found.row.raw.empty()) raw().up_to(found.raw_last);
        else raw().leave_out(found.raw_last);
        return true;
      }
      log_.count(found.row.id, size);
      if (found.row.raw.empty()) raw().up_to(found.raw_last);
      else raw().count(found.raw_last, found.row.raw.size());
      bytes += size;
      batch.rows.push_back(std::move(found.row));
      if (bytes >= kBatch) {
        must(into_->adopt(std::exchange(batch, {})));
        bytes = 0;
      }
      return true;
    });
    must(into_->adopt(batch));
  }

  void take_outputs() {
    Adopted batch;
    std::size_t bytes = 0;
    from_.each_output([&](Remains::Output found) {
      tallies_[at(found.stream)].count(found.seq, found.body.size());
      last_ = std::max(last_, found.log_id);
      bytes += found.body.size();
      batch.outputs.push_back({.stream = found.stream,
                               .seq = found.seq,
                               .log_id = found.log_id,
                               .time = found.time,
                               .body = std::move(found.body),
                               .except = std::move(found.except)});
      if (bytes >= kBatch) {
        must(into_->adopt(std::exchange(batch, {})));
        bytes = 0;
      }
      return true;
    });
    must(into_->adopt(batch));
  }

  // No number is given twice, even if the rows that had it are gone.
  void go_on_behind() {
    log_.up_to(last_);
    for (const Stream stream : kStreams) tallies_[at(stream)].up_to(streams_[at(stream)]);
    const Stats stats = into_->stats();
    if (log_.last() > stats.last || raw().last() > stats.streams[at(Stream::raw) - 1].last) {
      LogRow marker;
      marker.id = log_.last() + 1;
      marker.raw_seq = raw().last();
      marker.time = clock_.now();
      must(into_->adopt({.spans = {}, .rows = {marker}, .outputs = {}}));
    }
    PerStream next{};
    for (const Stream stream : kStreams) next[at(stream)] = tallies_[at(stream)].last() + 1;
    if (auto begun = into_->begin_life(next); !begun)
      throw sqlite::Failure(sqlite::Failure::Kind::other, begun.error());

    log_.from(from_.snapshots().empty() ? 0 : from_.snapshots().back().at);
    out_.log = log_.kept(from_.holes().log);
    const PerStream acknowledged = least_marks();
    for (const Stream stream : kStreams) {
      Tally& tally = tallies_[at(stream)];
      tally.from(acknowledged[at(stream)]);
      out_.streams[at(stream)] = tally.kept(from_.holes().of(stream));
    }
  }

  void take_snapshots() {
    for (const Snapshot& snapshot : from_.snapshots()) must(into_->save_snapshot(snapshot));
    out_.snapshot = from_.snapshots().empty() ? 0 : from_.snapshots().back().at;
    for (const auto& [first, last] : out_.log.missing)
      if (last > out_.snapshot) out_.after_snapshot += last - std::max(first - 1, out_.snapshot);
  }

  void acknowledge() {
    for (const auto& [uplink, marks] : marks_) {
      if (!marks) continue;
      for (const Stream stream : kStreams) must(into_->acknowledge(uplink->name, stream, (*marks)[at(stream)]));
    }
  }

  // For each set of uplinks that lack something one record, of all that it lacks.
  void tell_gaps() {
    if (options_.digest == nullptr) return;
    std::map<std::string, std::optional<std::string>> bodies;  // by except
    for (const Stream stream : kStreams)
      for (auto [first, last] : out_.streams[at(stream)].missing)
        for (; first <= last;) {
          StreamSeq end = std::min(last, spans_.end_of(stream, first).value_or(last));
          std::string except;
          std::size_t lacking = 0;
          for (const auto& [uplink, marks] : marks_) {
            const StreamSeq mark = marks ? (*marks)[at(stream)] : 0;
            const bool takes = std::ranges::find(uplink->streams, stream) != uplink->streams.end();
            if (takes && mark < first) ++lacking;
            else except += (except.empty() ? "\n" : "") + uplink->name + "\n";
            if (mark >= first) end = std::min(end, mark);
          }
          if (stream == Stream::raw && first <= left_out_raw_) end = std::min(end, left_out_raw_);
          if (lacking > 0) {
            const bool left_out = stream == Stream::raw && first <= left_out_raw_;
            auto& body = bodies[except];
            body =
                options_.digest->gap({.stream = stream,
                                      .incarnation = spans_.empty() ? out_.incarnation : spans_.id_of(stream, first),
                                      .first = first,
                                      .last = end,
                                      .records = {}},
                                     left_out ? kQuota : kDamaged, body);
          }
          first = end + 1;
        }
    Adopted gaps;
    StreamSeq seq = tallies_[at(Stream::backfill)].last();
    const LogId id = into_->stats().last;
    for (auto& [except, body] : bodies)
      gaps.outputs.push_back({.stream = Stream::backfill,
                              .seq = ++seq,
                              .log_id = id,
                              .time = clock_.now(),
                              .body = std::move(*body),
                              .except = except});
    must(into_->adopt(gaps));
  }

  void tell() {
    std::string kept = "kept: " + std::to_string(out_.log.count) + " log rows";
    std::uint64_t missing = 0;
    for (const Stream stream : kStreams) {
      const auto& of = out_.streams[at(stream)];
      kept += ", " + std::to_string(of.count) + " " + to_text(stream);
      for (const auto& [first, last] : of.missing) missing += last - first + 1;
    }
    out_.notes.push_back(kept);
    if (missing > 0)
      out_.notes.push_back(std::to_string(missing) +
                           " records that had not reached every cloud are missing; the clouds are told which");
    if (from_.wal_damage()) out_.notes.push_back(*from_.wal_damage());
    if (out_.spoilt > 0)
      out_.notes.push_back(std::to_string(out_.spoilt) + " rows were found whose checksum fails, and were left out");
    if (out_.unread > 0)
      out_.notes.push_back(std::to_string(out_.unread) + " pages could not be read from the disk: see 'dmesg'");
    if (left_out_ > 0)
      out_.notes.push_back("there was no room for the oldest " + std::to_string(left_out_) +
                           " rows of the log: they are only in the file that was set aside");
    if (spans_.empty() && (out_.log.count > 0 || tallies_[at(Stream::alerts)].any()))
      out_.notes.push_back(
          "under which incarnation its records were numbered is lost: what waits is sent under a new"
          " one, and what a cloud had got and not acknowledged comes twice");
    if (out_.snapshot == 0 && out_.log.count > 0)
      out_.notes.push_back("no snapshot of the state was left: the state is made from the log that is there");
    if (out_.after_snapshot > 0)
      out_.notes.push_back(std::to_string(out_.after_snapshot) + " log rows after the snapshot at row " +
                           std::to_string(out_.snapshot) + " are missing: the state of rules is as of what is left");
  }

  Tally& raw() { return tallies_[at(Stream::raw)]; }

  Remains& from_;
  const Options& options_;
  const Clock& clock_;
  Spans spans_;
  LogId last_ = 0;       // the last that was given, as far as is known
  PerStream streams_{};  // the same of each stream
  std::vector<std::pair<const UplinkStreams*, std::optional<PerStream>>> marks_;
  std::unique_ptr<SqliteDatabase> into_;
  Tally log_;
  std::array<Tally, 5> tallies_;
  std::uint64_t excess_ = 0, left_out_ = 0;
  StreamSeq left_out_raw_ = 0;
  Salvaged out_;
};

fs::path beside(const fs::path& file, const char* suffix) { return file.string() + suffix; }

}  // namespace

Result<Salvaged> salvage(const fs::path& damaged, const Options& options, const Clock& clock, const Known& known) {
  const auto cannot = [&](const Error& error) {
    remove_store(options.file);
    return fail("cannot salvage " + damaged.string() + ": " + error.what, error.hint);
  };
  std::error_code ignored;
  if (fs::exists(options.file, ignored)) return fail(options.file.string() + " is there already");
  auto remains = Remains::read(damaged, options.key, clock);
  if (!remains) return std::unexpected(remains.error());
  try {
    return Salvage(*remains, options, clock, known).run();
  } catch (const sqlite::Failure& failure) {
    return cannot(failure.error());
  }
}

Result<Salvaged> mend(const Options& options, const Clock& clock, const std::string& why, const Known& known) {
  const fs::path mended = beside(options.file, ".mended");
  Options beside_it = options;
  beside_it.file = beside(options.file, ".mending");
  remove_store(beside_it.file);
  remove_store(mended);
  log::warn("the store {} is damaged ({}): what its checksums vouch for is taken over into a new one",
            options.file.string(), why);
  auto out = salvage(options.file, beside_it, clock, known);
  if (!out) return out;
  if (auto moved = move_file(beside_it.file, mended); !moved) return std::unexpected(moved.error());
  auto aside = Database::set_aside(options.file, clock);
  if (!aside) return std::unexpected(aside.error());
  if (auto moved = move_file(mended, options.file); !moved) return std::unexpected(moved.error());
  out->aside = *aside;
  out->notes.insert(out->notes.begin(),
                    "THE STORE WAS DAMAGED (" + why + ") and was set aside as " + aside->string() +
                        "; what its checksums vouch for was taken over into a new one, which goes on under a new"
                        " incarnation. Keep the file that was set aside until nothing is missed");
  return out;
}

Result<void> finish_mending(const fs::path& file) {
  const fs::path mended = beside(file, ".mended");
  std::error_code ignored;
  if (!fs::exists(mended, ignored)) return {};
  if (fs::exists(file, ignored)) {
    remove_store(mended);
    return {};
  }
  // Of the old one something may not have been moved yet, which is not to be taken for the new one's.
  SystemClock clock;
  if (auto aside = Database::set_aside(file, clock); !aside) return std::unexpected(aside.error());
  return move_file(mended, file);
}

}  // namespace weir::store
