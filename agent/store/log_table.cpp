#include "store/log_table.h"

#include "store/seal.h"

namespace weir::store {
namespace {

// Rows without readings that one fetch may look at before it gives back what it has.
constexpr std::uint64_t kMostPassed = 1'024;

// The bytes of a blob of the row, or a Failure that names it.
std::string vouched(const Seal& seal, Role role, LogId id, StreamSeq raw_seq, Timestamp time, std::string_view sealed) {
  auto bytes = seal.open({role, id, raw_seq, static_cast<std::uint64_t>(time)}, sealed);
  if (!bytes)
    throw sqlite::damaged("log row " + std::to_string(id) + " (" + (role == Role::raw ? "raw " : "commit of ") +
                          (role == Role::raw ? std::to_string(raw_seq) : to_iso(time)) + ") fails its checksum");
  return std::move(*bytes);
}

}  // namespace

LogTable::LogTable(sqlite::Connection& connection, const Seal& seal)
    : seal_(seal),
      insert_(connection, "INSERT INTO log (id, time, raw_seq, commit_, raw) VALUES (?1, ?2, ?3, ?4, ?5)"),
      next_(connection, "SELECT id, time, raw_seq, commit_, raw FROM log WHERE id > ?1 ORDER BY id LIMIT 1"),
      raw_from_(connection, "SELECT id, time, raw_seq, raw FROM log WHERE id >= ?1 ORDER BY id"),
      raw_seq_(connection, "SELECT raw_seq FROM log WHERE id = ?1"),
      front_(connection, "SELECT id, time, raw_seq FROM log WHERE id >= ?1 ORDER BY id LIMIT ?2"),
      delete_(connection, "DELETE FROM log WHERE id <= ?1"),
      ends_(connection,
            "SELECT id, raw_seq, raw IS NOT NULL FROM log WHERE id IN"
            " ((SELECT min(id) FROM log), (SELECT max(id) - 1 FROM log), (SELECT max(id) FROM log)) ORDER BY id"),
      since_(connection, "SELECT id FROM log WHERE time >= ?1 ORDER BY id LIMIT 1") {}

void LogTable::load() {
  marks_ = {};
  hint_id_ = hint_seq_ = 0;
  LogId previous_id = 0;
  StreamSeq previous_seq = 0;
  sqlite::Rows rows = ends_.query();
  while (rows.next()) {
    const auto id = static_cast<LogId>(rows.integer(0));
    const auto raw_seq = static_cast<StreamSeq>(rows.integer(1));
    const StreamSeq own = rows.integer(2) != 0 ? 1 : 0;
    if (rows.integer(0) <= 0 || rows.integer(1) < 0 || raw_seq < own || raw_seq < previous_seq ||
        (previous_id != 0 && id == previous_id + 1 && raw_seq != previous_seq + own) || (id == 1 && raw_seq != own))
      throw sqlite::damaged("the numbering of the log is broken at row " + std::to_string(rows.integer(0)));
    if (marks_.first == 0) {
      marks_.first = id;
      marks_.raw_before = raw_seq - own;
    }
    marks_.last = previous_id = id;
    marks_.raw_last = previous_seq = raw_seq;
  }
}

LogId LogTable::append(const Transaction& transaction, Timestamp time) {
  Marks marks = marks_;
  ++marks.last;
  if (!transaction.raw.empty()) ++marks.raw_last;
  const auto stamp = static_cast<std::uint64_t>(time);
  const std::string commit = seal_.close({Role::commit, marks.last, marks.raw_last, stamp}, transaction.commit);
  std::string raw;
  if (!transaction.raw.empty()) raw = seal_.close({Role::raw, marks.last, marks.raw_last, stamp}, transaction.raw);
  insert_.run(marks.last, time, marks.raw_last, sqlite::Blob{commit},
              raw.empty() ? std::nullopt : std::optional(sqlite::Blob{raw}));
  if (marks.first == 0) marks.first = marks.last;
  marks_ = marks;
  return marks_.last;
}

std::optional<LogRow> LogTable::next(LogId after) {
  sqlite::Rows rows = next_.query(after);
  if (!rows.next()) return std::nullopt;
  LogRow out;
  out.id = static_cast<LogId>(rows.integer(0));
  out.time = rows.integer(1);
  const auto raw_seq = static_cast<StreamSeq>(rows.integer(2));
  out.commit = vouched(seal_, Role::commit, out.id, raw_seq, out.time, rows.bytes(3));
  if (!rows.is_null(4)) {
    out.raw = vouched(seal_, Role::raw, out.id, raw_seq, out.time, rows.bytes(4));
    out.raw_seq = raw_seq;
  }
  return out;
}

StreamSeq LogTable::raw_seq_at(LogId id) {
  sqlite::Rows rows = raw_seq_.query(id);
  if (!rows.next()) throw sqlite::damaged("log row " + std::to_string(id) + " is missing");
  return static_cast<StreamSeq>(rows.integer(0));
}

LogId LogTable::find(StreamSeq raw_seq) {
  LogId low = marks_.first, high = marks_.last;  // the answer is within
  if (hint_id_ >= low && hint_id_ < high && hint_seq_ + 1 == raw_seq) low = hint_id_ + 1;
  if (raw_seq_at(low) >= raw_seq) return low;
  while (low < high) {
    const LogId middle = low + (high - low) / 2;
    if (raw_seq_at(middle) >= raw_seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

std::vector<Record> LogTable::fetch(StreamSeq after, std::size_t bytes) {
  std::vector<Record> out;
  after = std::max(after, marks_.raw_before);
  if (after >= marks_.raw_last) return out;
  std::size_t total = 0;
  std::uint64_t passed = 0;
  sqlite::Rows rows = raw_from_.query(find(after + 1));
  while (rows.next()) {
    if (rows.is_null(3)) {
      if (!out.empty() && ++passed == kMostPassed) break;
      continue;
    }
    const auto id = static_cast<LogId>(rows.integer(0));
    Record record{.stream = Stream::raw, .seq = static_cast<StreamSeq>(rows.integer(2)), .body = {}};
    const std::string_view sealed = rows.bytes(3);
    if (!out.empty() && total + sealed.size() > bytes) break;
    auto body = seal_.open({Role::raw, id, record.seq, static_cast<std::uint64_t>(rows.integer(1))}, sealed);
    if (body) record.body = std::move(*body);
    else record.damaged = true;
    total += sealed.size();
    hint_id_ = id;
    hint_seq_ = record.seq;
    out.push_back(std::move(record));
    if (total >= bytes || out.back().seq == marks_.raw_last) break;
  }
  return out;
}

LogId LogTable::first_since(Timestamp time) {
  sqlite::Rows rows = since_.query(time);
  return rows.next() ? static_cast<LogId>(rows.integer(0)) : marks_.last + 1;
}

bool LogTable::trim(LogId through, StreamSeq raw_through, Timestamp expired, Timestamp now, std::uint64_t most) {
  through = std::min(through, marks_.last == 0 ? 0 : marks_.last - 1);
  if (marks_.first == 0 || marks_.first > through) return false;
  LogId cut = 0;
  StreamSeq raw_cut = marks_.raw_before;
  std::uint64_t count = 0;
  {
    sqlite::Rows rows = front_.query(marks_.first, most);
    while (rows.next()) {
      const auto id = static_cast<LogId>(rows.integer(0));
      const Timestamp time = rows.integer(1);
      const auto raw_seq = static_cast<StreamSeq>(rows.integer(2));
      if (id > through || raw_seq > raw_through || (time > expired && time <= now)) break;
      cut = id;
      raw_cut = raw_seq;
      ++count;
    }
  }
  if (cut == 0) return false;
  delete_.run(cut);
  marks_.first = cut + 1;
  marks_.raw_before = raw_cut;
  return count == most;
}

void LogTable::verify(std::vector<std::string>& wrong) {
  LogId expected = marks_.first;
  StreamSeq raw_expected = marks_.raw_before;
  for (LogId after = marks_.first == 0 ? 0 : marks_.first - 1;;) {
    sqlite::Rows rows = next_.query(after);
    if (!rows.next()) break;
    const auto id = static_cast<LogId>(rows.integer(0));
    const Timestamp time = rows.integer(1);
    const auto raw_seq = static_cast<StreamSeq>(rows.integer(2));
    if (id != expected)
      wrong.push_back("log rows " + std::to_string(expected) + " to " + std::to_string(id - 1) + " are missing");
    const bool has_raw = !rows.is_null(4);
    if (id == expected && raw_seq != raw_expected + (has_raw ? 1 : 0))
      wrong.push_back("log row " + std::to_string(id) + ": the numbering of raw records is broken");
    for (const Role role : {Role::commit, Role::raw}) {
      if (role == Role::raw && !has_raw) continue;
      try {
        vouched(seal_, role, id, raw_seq, time, rows.bytes(role == Role::raw ? 4 : 3));
      } catch (const sqlite::Failure& failure) {
        wrong.push_back(failure.error().what);
      }
    }
    after = id;
    expected = id + 1;
    raw_expected = raw_seq;
  }
}

}  // namespace weir::store
