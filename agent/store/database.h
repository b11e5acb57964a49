// The store's database, synchronous: one log, its snapshots, the streams to the clouds.
//
// What the payloads mean is not its business: it keeps them in order, numbers the streams, vouches for
// each with a CRC32C, and gives back exactly what was committed. SQLite 3, WAL, synchronous=FULL.
// One thread at a time; store.h puts it on a thread of its own.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "store/key.h"

namespace weir::store {

using LogId = std::uint64_t;      // dense from 1
using StreamSeq = std::uint64_t;  // dense from 1 within a stream

enum class Stream : std::uint8_t { alerts = 1, derived = 2, raw = 3, backfill = 4 };  // most urgent first
inline constexpr std::array kStreams{Stream::alerts, Stream::derived, Stream::raw, Stream::backfill};
const char* to_text(Stream stream);

struct Output {
  Stream stream = Stream::alerts;  // never raw
  std::string body;
};

// What is committed together or not at all.
struct Transaction {
  std::string commit;           // weir.v1.Commit
  std::string raw;              // weir.v1.RawRecord; empty: no readings. The next record of stream raw
  Timestamp time = 0;           // wall clock of the commit: what `retain` counts from; 0: now
  std::vector<Output> outputs;  // caused by it; numbered in this order
};

struct Committed {
  LogId id = 0;
};

struct LogRow {
  LogId id = 0;
  std::string commit;
  std::string raw;
  StreamSeq raw_seq = 0;  // 0: no raw
  Timestamp time = 0;
};

struct Record {
  Stream stream = Stream::raw;
  StreamSeq seq = 0;
  std::string body;
  bool damaged = false;          // fails its checksum: the body is empty, and a gap is to go in its place
  std::string incarnation = {};  // under which it was numbered: the other part of its identity
  std::string except = {};       // uplinks that are not to get it: their names, '\n' around and between
  bool is_for(std::string_view uplink) const {
    return except.find('\n' + std::string(uplink) + '\n') == std::string::npos;
  }
};

struct Snapshot {
  LogId at = 0;  // the state after this commit
  std::string state;
};

// A life of the store's numbering. A new one begins with a new database, on another machine, when the file is
// not the one it was (a backup that was put back), after damage, and when the disk takes nothing any more. The
// numbers go on; what was numbered before keeps its old identity.
struct Incarnation {
  std::string id;                    // 16 bytes
  std::array<StreamSeq, 5> first{};  // by Stream: the first number given under it
};

// What is not as it should be, since when, and what to do.
struct Trouble {
  Timestamp since = 0;
  std::string why, hint;
  friend bool operator==(const Trouble&, const Trouble&) = default;
};

struct Condition {
  // No room, and the policy is to block: readings must stay out. What is in may still cause outputs.
  std::optional<Trouble> full;
  // Nothing can be written: what is committed is only in memory, and the promise is suspended.
  std::optional<Trouble> suspended;
  // Changes when the log was mended or shortened under a running agent: the state is to be saved anew, since it
  // does not follow from the log alone any more.
  std::uint64_t mended = 0;
  // Changes with every new incarnation.
  std::uint64_t lives = 0;
  friend bool operator==(const Condition&, const Condition&) = default;
};

struct StreamStats {
  StreamSeq last = 0;          // the newest number given
  std::uint64_t waiting = 0;   // records that some uplink that takes them has not acknowledged
  StreamSeq acknowledged = 0;  // by all uplinks that take the stream
  std::uint64_t bytes = 0;     // of what waits, about
  Timestamp oldest = 0;        // when the oldest that waits was committed; 0: none waits, or it is not known
  std::uint64_t thinned = 0;   // records that were replaced by coarser ones, since the store was opened
  std::uint64_t given_up = 0;  // records that are gone without having been acknowledged, since then
};

// What the store has written, for whoever wonders how long the card will last.
struct Wear {
  std::uint64_t total = 0;  // bytes handed to the file system, in the life of the file
  std::uint64_t today = 0;  // since midnight UTC
  std::uint64_t a_day = 0;  // over the last days, a day; 0: not known yet
};

struct Stats {
  std::uint64_t file_bytes = 0;   // database and WAL
  std::uint64_t used_bytes = 0;   // of it, by what is kept; the rest is used again
  std::uint64_t limit_bytes = 0;  // what the quota, and the free space of the file system, allow now
  Wear wear;
  LogId first = 0, last = 0;  // of the log; 0: empty
  LogId snapshot = 0;
  std::uint64_t commits = 0;         // since it was opened
  std::uint64_t bytes_written = 0;   // to the files, since it was opened
  std::vector<StreamStats> streams;  // in the order of Stream
};

// An uplink and what it takes. Of the other streams nothing waits for it.
struct UplinkStreams {
  // Not explicit: a name alone is an uplink that takes everything.
  UplinkStreams(std::string uplink) : name(std::move(uplink)) {}
  UplinkStreams(const char* uplink) : name(uplink) {}
  UplinkStreams(std::string uplink, std::vector<Stream> taken) : name(std::move(uplink)), streams(std::move(taken)) {}

  std::string name;
  std::vector<Stream> streams{kStreams.begin(), kStreams.end()};
};

enum class WhenFull : std::uint8_t { thin, drop_oldest, block };

// 0: none of its own.
struct StreamLimit {
  std::uint64_t bytes = 0;  // of what waits
  Nanoseconds age = 0;      // of what waits, since its commit
  int priority = 0;         // the higher, the later it is given up
};

struct Limits {
  std::uint64_t quota = 2ULL << 30;         // of database, WAL and -shm together: never more
  std::optional<std::uint64_t> free_space;  // of the file system, left to others; none: 64 MiB, at most a tenth of it
  WhenFull when_full = WhenFull::thin;
  std::array<StreamLimit, 5> streams{StreamLimit{}, {0, 0, 4}, {0, 0, 3}, {0, 0, 2}, {0, 0, 2}};  // by Stream
};

class Digest;
class IoHook;

struct Options {
  std::filesystem::path file;
  Limits limits;
  const Digest* digest = nullptr;                        // outlives the database; without one, thin is drop_oldest
  std::optional<Key> key;                                // what is written from now on is encrypted (seal.h)
  std::uint64_t volatile_bytes = 8 << 20;                // kept in memory at most while nothing can be written
  IoHook* io = nullptr;                                  // for tests: sees, and may spoil, each call to the disk
  Nanoseconds retain = 7 * kDay;                         // local history beyond what the uplinks need
  std::vector<UplinkStreams> uplinks;                    // those that were removed from the config are forgotten
  bool read_only = false;                                // for the command line beside a running agent
  std::filesystem::path machine_id = "/etc/machine-id";  // with another one, the store is a clone's
};

class Database {
 public:
  // Makes the file if there is none (with a new incarnation). A file that is damaged is set aside, and
  // that is in `notes`.
  static Result<std::unique_ptr<Database>> open(const Options& options, const Clock& clock);

  // Moves a store that nobody has open out of the way, with its -wal and -shm, as open() does with a
  // damaged one: for who finds out later that it is. Returns where it is now.
  static Result<std::filesystem::path> set_aside(const std::filesystem::path& file, const Clock& clock);

  virtual ~Database() = default;

  virtual std::string incarnation() const = 0;                // 16 bytes: the newest
  virtual std::vector<Incarnation> incarnations() const = 0;  // oldest first; those of which records are left
  virtual Condition condition() const = 0;
  virtual const std::vector<std::string>& notes() const = 0;  // what had to be repaired when it was opened

  // Each a row of its own, all of them or none; synced when it returns.
  virtual Result<std::vector<Committed>> commit(std::span<const Transaction> transactions) = 0;
  Result<Committed> commit(const Transaction& transaction);

  // The log after `after`, in order, until `row` returns false. A row whose checksum fails is an error
  // that names it; the caller may go on after it, as ids are dense.
  virtual Result<void> scan(LogId after, const std::function<bool(LogRow)>& row) = 0;

  virtual Result<std::optional<Snapshot>> newest_snapshot() = 0;
  virtual Result<void> save_snapshot(const Snapshot& snapshot) = 0;

  // The records of a stream after `after`, at most `bytes` of bodies (one at least, if there is one).
  // What was damaged is said in its place, so that a bad page does not end a stream.
  virtual Result<std::vector<Record>> fetch(Stream stream, StreamSeq after, std::size_t bytes) = 0;

  // Everything of the stream up to seq has reached this uplink. Written with the next snapshot or trim,
  // or with a commit ten seconds later: a page less a commit, for which a record may go out again after
  // a crash, with the same identity.
  virtual Result<void> acknowledge(std::string_view uplink, Stream stream, StreamSeq seq) = 0;
  virtual StreamSeq acknowledged(std::string_view uplink, Stream stream) const = 0;

  // The uplink has the records up to `seq` in its hands: they are not thinned or given up before it has
  // acknowledged them. Forgotten with the process.
  virtual void lent(std::string_view uplink, Stream stream, StreamSeq seq) = 0;

  // The uplinks from now on, as Options::uplinks: one that is new, or takes a stream anew, begins with the
  // oldest record that is still there; one that is gone is forgotten. If it fails, they are as before.
  virtual Result<void> set_uplinks(const std::vector<UplinkStreams>& uplinks) = 0;

  virtual void set_limits(const Limits& limits) = 0;
  virtual void set_retain(Nanoseconds retain) = 0;  // as Options::retain, from the next trim() on

  // Where the rows that were committed at `time` or later begin; one more than the last if there are none. Where the
  // clock was set back, one of the places where they do.
  virtual Result<LogId> first_since(Timestamp time) = 0;

  // What was read shows that the file is damaged: sets it aside, begins a new one in its place, and takes over
  // what its checksums vouch for. notes() says what became of it. Where that cannot be done, `why` comes back.
  virtual Result<void> mend(const Error& why) { return std::unexpected(why); }

  // Deletes what nobody needs: acknowledged by all uplinks that take it, older than `retain`, before the older of the
  // two snapshots that are kept (the newest may turn out to be damaged). Bounded work a call; true if
  // there is more.
  virtual Result<bool> trim() = 0;

  // Small things that must survive beside the log: the last good config, the last epoch.
  virtual Result<void> keep(std::string_view key, std::string_view value) = 0;
  virtual Result<std::optional<std::string>> kept(std::string_view key) = 0;

  // Work that can wait until nobody else does: moves the WAL into the file once it is worth it. If it
  // is never called, commit() does it, late.
  virtual Result<void> tidy() = 0;

  virtual Stats stats() = 0;

  // Reads everything and checks every CRC: what is wrong, a line each; empty if all is well.
  virtual Result<std::vector<std::string>> verify() = 0;
};

}  // namespace weir::store
