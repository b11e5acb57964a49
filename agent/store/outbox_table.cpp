#include "store/outbox_table.h"

#include <algorithm>

#include "store/seal.h"

namespace weir::store {
namespace {

constexpr int kSeqBits = 56;
constexpr StreamSeq kSeqMask = (StreamSeq{1} << kSeqBits) - 1;

std::uint64_t key_of(Stream stream, StreamSeq seq) { return static_cast<std::uint64_t>(stream) << kSeqBits | seq; }

}  // namespace

OutboxTable::OutboxTable(sqlite::Connection& connection, const Seal& seal)
    : seal_(seal),
      insert_(connection, "INSERT INTO outbox (key, log_id, body) VALUES (?1, ?2, ?3)"),
      from_(connection, "SELECT key, log_id, body FROM outbox WHERE key BETWEEN ?1 AND ?2 ORDER BY key"),
      delete_(connection, "DELETE FROM outbox WHERE key BETWEEN ?1 AND ?2"),
      first_(connection, "SELECT key FROM outbox WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT 1"),
      last_(connection, "SELECT key FROM outbox WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC LIMIT 1") {}

void OutboxTable::load() {
  marks_ = {};
  for (const Stream stream : kOutboxStreams) {
    Mark& mark = marks_[static_cast<std::size_t>(stream)];
    const auto end = [&](sqlite::Statement& statement) -> StreamSeq {
      sqlite::Rows rows = statement.query(key_of(stream, 0), key_of(stream, kSeqMask));
      return rows.next() ? static_cast<StreamSeq>(rows.integer(0)) & kSeqMask : 0;
    };
    mark = {end(first_), end(last_)};
  }
}

void OutboxTable::append(const Output& output, LogId log_id) {
  Mark& mark = marks_[static_cast<std::size_t>(output.stream)];
  const std::uint64_t key = key_of(output.stream, mark.last + 1);
  const std::string body = seal_.close({Role::output, key, log_id}, output.body);
  insert_.run(key, log_id, sqlite::Blob{body});
  ++mark.last;
  if (mark.first == 0) mark.first = mark.last;
}

std::vector<Record> OutboxTable::fetch(Stream stream, StreamSeq after, std::size_t bytes) {
  std::vector<Record> out;
  if (after >= mark(stream).last) return out;
  std::size_t total = 0;
  sqlite::Rows rows = from_.query(key_of(stream, after + 1), key_of(stream, kSeqMask));
  while (rows.next()) {
    const auto key = static_cast<std::uint64_t>(rows.integer(0));
    const std::string_view sealed = rows.bytes(2);
    if (!out.empty() && total + sealed.size() > bytes) break;
    total += sealed.size();
    auto body = seal_.open({Role::output, key, static_cast<LogId>(rows.integer(1))}, sealed);
    out.push_back(
        {.stream = stream, .seq = key & kSeqMask, .body = body ? std::move(*body) : std::string(), .damaged = !body});
    if (total >= bytes) break;
  }
  return out;
}

bool OutboxTable::trim(Stream stream, StreamSeq through, std::uint64_t most) {
  Mark& mark = marks_[static_cast<std::size_t>(stream)];
  if (mark.first == 0) return false;
  const StreamSeq cut = std::min({through, mark.last - 1, mark.first + most - 1});
  if (cut < mark.first) return false;
  delete_.run(key_of(stream, mark.first), key_of(stream, cut));
  mark.first = cut + 1;
  return cut < std::min(through, mark.last - 1);
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

void OutboxTable::verify(std::vector<std::string>& wrong) {
  for (const Stream stream : kOutboxStreams) {
    StreamSeq expected = mark(stream).first;
    const auto name = [&](StreamSeq seq) { return std::string(to_text(stream)) + " " + std::to_string(seq); };
    sqlite::Rows rows = from_.query(key_of(stream, 0), key_of(stream, kSeqMask));
    while (rows.next()) {
      const auto key = static_cast<std::uint64_t>(rows.integer(0));
      const StreamSeq seq = key & kSeqMask;
      if (seq != expected)
        wrong.push_back("records " + name(expected) + " to " + std::to_string(seq - 1) + " are missing");
      if (!seal_.open({Role::output, key, static_cast<LogId>(rows.integer(1))}, rows.bytes(2)))
        wrong.push_back("record " + name(seq) + " fails its checksum");
      expected = seq + 1;
    }
  }
}

}  // namespace weir::store
