#include "store/outbox_table.h"

#include <algorithm>

#include "base/crc32c.h"
#include "store/seal.h"

namespace weir::store {
namespace {

std::uint64_t key_of(Stream stream, StreamSeq seq) { return static_cast<std::uint64_t>(stream) << kSeqBits | seq; }

}  // namespace

// Without exceptions as in schema 1, which had none.
Place place_of_output(std::uint64_t key, LogId log_id, std::string_view except) {
  return {Role::output, key, log_id, except.empty() ? 0 : crc32c(except)};
}

OutboxTable::OutboxTable(sqlite::Connection& connection, const Seal& seal)
    : seal_(seal),
      insert_(connection,
              "INSERT INTO outbox (key, log_id, body, time, bytes, except_) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      from_(connection,
            "SELECT key, log_id, body, except_, time, bytes FROM outbox WHERE key BETWEEN ?1 AND ?2 ORDER BY key"),
      delete_(connection, "DELETE FROM outbox WHERE key BETWEEN ?1 AND ?2"),
      first_(connection, "SELECT key, bytes FROM outbox WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT 1"),
      last_(connection, "SELECT key, bytes FROM outbox WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC LIMIT 1"),
      ends_(connection, "SELECT coalesce(min(key), ?1), coalesce(max(key), ?1) FROM outbox") {}

void OutboxTable::load() {
  marks_ = {};
  // Pages of another table in the place of its own are sound to SQLite.
  {
    sqlite::Rows rows = ends_.query(key_of(Stream::alerts, 1));
    if (rows.next() && (static_cast<std::uint64_t>(rows.integer(0)) < key_of(Stream::alerts, 1) ||
                        static_cast<std::uint64_t>(rows.integer(1)) > key_of(Stream::backfill, kSeqMask)))
      throw sqlite::damaged("the outbox holds records of no stream");
  }
  for (const Stream stream : kOutboxStreams) {
    Mark& mark = marks_[static_cast<std::size_t>(stream)];
    const auto end = [&](sqlite::Statement& statement) -> StreamSeq {
      sqlite::Rows rows = statement.query(key_of(stream, 0), key_of(stream, kSeqMask));
      if (!rows.next()) return 0;
      mark.bytes = static_cast<std::uint64_t>(rows.integer(1));
      return static_cast<StreamSeq>(rows.integer(0)) & kSeqMask;
    };
    mark.first = end(first_);
    mark.last = end(last_);
  }
}

void OutboxTable::go_on_from(Stream stream, StreamSeq next) {
  Mark& mark = marks_[static_cast<std::size_t>(stream)];
  mark.last = std::max(mark.last, next - 1);
}

void OutboxTable::append(const Output& output, LogId log_id, Timestamp time, std::string_view except) {
  insert(output.stream, mark(output.stream).last + 1, log_id, time, except, output.body);
}

void OutboxTable::insert(Stream stream, StreamSeq seq, LogId log_id, Timestamp time, std::string_view except,
                         std::string_view body) {
  Mark& mark = marks_[static_cast<std::size_t>(stream)];
  if (seq <= mark.last || seq > kSeqMask)
    throw sqlite::damaged("record " + std::to_string(seq) + " of " + to_text(stream) + " cannot follow " +
                          std::to_string(mark.last));
  const std::uint64_t key = key_of(stream, seq);
  const std::string sealed = seal_.close(place_of_output(key, log_id, except), body);
  insert_.run(key, log_id, sqlite::Blob{sealed}, time, mark.bytes + sealed.size(),
              except.empty() ? std::nullopt : std::optional(except));
  mark.bytes += sealed.size();
  mark.last = seq;
  if (mark.first == 0) mark.first = seq;
}

std::vector<Record> OutboxTable::fetch(Stream stream, StreamSeq after, std::size_t bytes) {
  std::vector<Record> out;
  if (after >= mark(stream).last) return out;
  std::size_t total = 0;
  sqlite::Rows rows = from_.query(key_of(stream, after + 1), key_of(stream, kSeqMask));
  while (rows.next()) {
    const auto key = static_cast<std::uint64_t>(rows.integer(0));
    // Pages that were swapped are sound to SQLite.
    if (key <= key_of(stream, out.empty() ? after : out.back().seq))
      throw sqlite::damaged("the records of " + std::string(to_text(stream)) + " are out of order");
    const std::string_view sealed = rows.bytes(2);
    if (!out.empty() && total + sealed.size() > bytes) break;
    total += sealed.size();
    const std::string_view except = rows.bytes(3);
    auto body = seal_.open(place_of_output(key, static_cast<LogId>(rows.integer(1)), except), sealed);
    out.push_back({.stream = stream,
                   .seq = key & kSeqMask,
                   .body = body ? std::move(*body) : std::string(),
                   .damaged = !body,
                   .except = std::string(except)});
    if (total >= bytes) break;
  }
  return out;
}

bool OutboxTable::trim(Stream stream, StreamSeq through, std::uint64_t most) {
  Mark& mark = marks_[static_cast<std::size_t>(stream)];
  if (mark.first == 0) return false;
  const StreamSeq cut = std::min({through, mark.last - 1, mark.first + most - 1});
  if (cut < mark.first) return false;
  const StreamSeq end = std::min(through, mark.last - 1);
  erase(stream, mark.first, cut);
  return cut < end;
}

void OutboxTable::erase(Stream stream, StreamSeq first, StreamSeq last) {
  Mark& mark = marks_[static_cast<std::size_t>(stream)];
  delete_.run(key_of(stream, first), key_of(stream, last));
  if (first > mark.first) return;
  sqlite::Rows rows = first_.query(key_of(stream, 0), key_of(stream, kSeqMask));
  mark.first = rows.next() ? static_cast<StreamSeq>(rows.integer(0)) & kSeqMask : 0;
}

Run OutboxTable::run(Stream stream, StreamSeq after, StreamSeq until, Timestamp expired, std::size_t bytes) {
  Run out;
  std::size_t total = 0;
  std::uint64_t before = 0;
  sqlite::Rows rows = from_.query(key_of(stream, after + 1), key_of(stream, until));
  while (rows.next()) {
    const auto key = static_cast<std::uint64_t>(rows.integer(0));
    const std::string_view sealed = rows.bytes(2), except = rows.bytes(3);
    if (rows.integer(4) > expired || (total != 0 && total + sealed.size() > bytes) ||
        (!out.records.empty() && out.records.back().except != except))
      break;
    auto body = seal_.open(place_of_output(key, static_cast<LogId>(rows.integer(1)), except), sealed);
    total += sealed.size();
    const auto counted = static_cast<std::uint64_t>(rows.integer(5));
    if (out.records.empty()) before = counted - std::min<std::uint64_t>(counted, sealed.size());
    out.time = rows.integer(4);
    out.counted = counted - before;
    out.records.push_back({.stream = stream,
                           .seq = key & kSeqMask,
                           .body = body ? std::move(*body) : std::string(),
                           .damaged = !body,
                           .except = std::string(except)});
  }
  return out;
}

std::optional<Front> OutboxTable::front(Stream stream, StreamSeq after) {
  if (after >= mark(stream).last) return std::nullopt;
  sqlite::Rows rows = from_.query(key_of(stream, after + 1), key_of(stream, kSeqMask));
  if (!rows.next()) return std::nullopt;
  const auto counted = static_cast<std::uint64_t>(rows.integer(5));
  return Front{.seq = static_cast<StreamSeq>(rows.integer(0)) & kSeqMask,
               .time = rows.integer(4),
               .bytes_before = counted - std::min<std::uint64_t>(counted, rows.bytes(2).size()),
               .except = std::string(rows.bytes(3))};
}

bool OutboxTable::trim_before(Stream stream, LogId log_id, std::uint64_t most) {
  const Mark& mark = this->mark(stream);
  if (mark.first == 0) return false;
  StreamSeq through = 0;
  std::uint64_t seen = 0;
  {
    sqlite::Rows rows = from_.query(key_of(stream, mark.first), key_of(stream, kSeqMask));
    while (seen < most && rows.next() && static_cast<LogId>(rows.integer(1)) < log_id) {
      through = static_cast<StreamSeq>(rows.integer(0)) & kSeqMask;
      ++seen;
    }
  }
  trim(stream, through, most);
  return seen == most;
}

void OutboxTable::verify(const AllHoles& holes, std::vector<std::string>& wrong) {
  for (const Stream stream : kOutboxStreams) {
    StreamSeq expected = mark(stream).first;
    const auto name = [&](StreamSeq seq) { return std::string(to_text(stream)) + " " + std::to_string(seq); };
    sqlite::Rows rows = from_.query(key_of(stream, 0), key_of(stream, kSeqMask));
    while (rows.next()) {
      const auto key = static_cast<std::uint64_t>(rows.integer(0));
      const StreamSeq seq = key & kSeqMask;
      if (seq != expected && !holes.of(stream).covers(expected, seq - 1))
        wrong.push_back("records " + name(expected) + " to " + std::to_string(seq - 1) + " are missing");
      if (!seal_.open(place_of_output(key, static_cast<LogId>(rows.integer(1)), rows.bytes(3)), rows.bytes(2)))
        wrong.push_back("record " + name(seq) + " fails its checksum");
      expected = seq + 1;
    }
  }
}

}  // namespace weir::store
