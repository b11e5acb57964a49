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
  bool damaged = false;  // fails its checksum: the body is empty, and a gap is to go in its place
};

struct Snapshot {
  LogId at = 0;  // the state after this commit
  std::string state;
};

struct StreamStats {
  StreamSeq last = 0;          // the newest number given
  std::uint64_t waiting = 0;   // records that some uplink that takes them has not acknowledged
  StreamSeq acknowledged = 0;  // by all uplinks that take the stream
};

struct Stats {
  std::uint64_t file_bytes = 0;  // database and WAL
  LogId first = 0, last = 0;     // of the log; 0: empty
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

struct Options {
  std::filesystem::path file;
  Nanoseconds retain = 7 * kDay;       // local history beyond what the uplinks need
  std::vector<UplinkStreams> uplinks;  // those that were removed from the config are forgotten
  bool read_only = false;              // for the command line beside a running agent
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

  virtual std::string incarnation() const = 0;                // 16 bytes
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

  // The uplinks from now on, as Options::uplinks: one that is new, or takes a stream anew, begins with the
  // oldest record that is still there; one that is gone is forgotten. If it fails, they are as before.
  virtual Result<void> set_uplinks(const std::vector<UplinkStreams>& uplinks) = 0;

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
