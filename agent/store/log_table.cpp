#include "store/log_table.h"

#include <algorithm>

#include "store/seal.h"

namespace weir::store {
namespace {

// Rows without readings that one fetch may look at before it gives back what it has.
constexpr std::uint64_t kMostPassed = 1'024;

// The bytes of a blob of the row, or a Failure that names it.
std::string vouched(const Seal& seal, Role role, LogId id, StreamSeq raw_seq, Timestamp time,
                    std::string_view sealed) {
  auto bytes = seal.open({role, id, raw_seq, static_cast<std::uint64_t>(time)}, sealed);
  if (!bytes)
    throw sqlite::damaged("log row " + std::to_string(id) + " (" + (role == Role::raw ? "raw " : "commit of ") +
                          (role == Role::raw ? std::to_string(raw_seq) : to_iso(time)) + ") fails its checksum");
  return std::move(*bytes);
}

// Pages that were swapped are sound to SQLite, and lead in circles.
sqlite::Failure out_of_order(LogId after, LogId id) {
  return sqlite::damaged("log row " + std::to_string(id) + " comes after row " + std::to_string(after));
}

}  // namespace

LogTable::LogTable(sqlite::Connection& connection, const Seal& seal)
    : seal_(seal),
      insert_(connection,
              "INSERT INTO log (id, time, raw_seq, commit_, raw, raw_bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      next_(connection, "SELECT id, time, raw_seq, commit_, raw FROM log WHERE id > ?1 ORDER BY id LIMIT 1"),
      raw_from_(connection, "SELECT id, time, raw_seq, raw FROM log WHERE id >= ?1 ORDER BY id"),
      raw_seq_(connection, "SELECT id, raw_seq FROM log WHERE id >= ?1 ORDER BY id LIMIT 1"),
      front_(connection, "SELECT id, time, raw_seq, raw IS NOT NULL FROM log WHERE id >= ?1 ORDER BY id LIMIT ?2"),
      delete_(connection, "DELETE FROM log WHERE id BETWEEN ?1 AND ?2"),
      ends_(connection,
            "SELECT id, raw_seq, raw IS NOT NULL, raw_bytes FROM log WHERE id IN"
            " ((SELECT min(id) FROM log), (SELECT max(id) - 1 FROM log), (SELECT max(id) FROM log)) ORDER BY id"),
      run_(connection,
           "SELECT id, time, raw_seq, raw, raw_bytes, length(raw) FROM log WHERE id BETWEEN ?1 AND ?2 ORDER BY id") {}

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
    if (rows.integer(0) <= 0 || id >> 56 != 0 || rows.integer(1) < 0 || rows.integer(3) < 0 || raw_seq < own ||
        raw_seq < previous_seq || (previous_id != 0 && id == previous_id + 1 && raw_seq != previous_seq + own) ||
        (id == 1 && raw_seq != own))
      throw sqlite::damaged("the numbering of the log is broken at row " + std::to_string(rows.integer(0)));
    if (marks_.first == 0) {
      marks_.first = id;
      marks_.raw_before = raw_seq - own;
    }
    marks_.last = previous_id = id;
    marks_.raw_last = previous_seq = raw_seq;
    marks_.raw_bytes = static_cast<std::uint64_t>(rows.integer(3));
  }
}

LogId LogTable::append(const Transaction& transaction, Timestamp time) {
  put(marks_.last + 1, marks_.raw_last + (transaction.raw.empty() ? 0 : 1), time, transaction.commit,
      transaction.raw);
  return marks_.last;
}

void LogTable::insert(const LogRow& row, StreamSeq raw_last) {
  if (row.id <= marks_.last || raw_last < marks_.raw_last + (row.raw.empty() ? 0 : 1))
    throw sqlite::damaged("log row " + std::to_string(row.id) + " cannot follow row " + std::to_string(marks_.last));
  put(row.id, raw_last, row.time, row.commit, row.raw);
}

void LogTable::put(LogId id, StreamSeq raw_last, Timestamp time, std::string_view commit, std::string_view raw) {
  Marks marks = marks_;
  const auto stamp = static_cast<std::uint64_t>(time);
  const std::string sealed_commit = seal_.close({Role::commit, id, raw_last, stamp}, commit);
  std::string sealed_raw;
  if (!raw.empty()) sealed_raw = seal_.close({Role::raw, id, raw_last, stamp}, raw);
  marks.raw_bytes += sealed_raw.size();
  insert_.run(id, time, raw_last, sqlite::Blob{sealed_commit},
              raw.empty() ? std::nullopt : std::optional(sqlite::Blob{sealed_raw}), marks.raw_bytes);
  if (marks.first == 0) {
    marks.first = id;
    marks.raw_before = raw_last - (raw.empty() ? 0 : 1);
  }
  marks.last = id;
  marks.raw_last = raw_last;
  marks_ = marks;
}

std::optional<LogRow> LogTable::next(LogId after) {
  sqlite::Rows rows = next_.query(after);
  if (!rows.next()) return std::nullopt;
  LogRow out;
  out.id = static_cast<LogId>(rows.integer(0));
  if (out.id <= after) throw out_of_order(after, out.id);
  out.time = rows.integer(1);
  const auto raw_seq = static_cast<StreamSeq>(rows.integer(2));
  out.commit = vouched(seal_, Role::commit, out.id, raw_seq, out.time, rows.bytes(3));
  if (!rows.is_null(4)) {
    out.raw = vouched(seal_, Role::raw, out.id, raw_seq, out.time, rows.bytes(4));
    out.raw_seq = raw_seq;
  }
  return out;
}

LogId LogTable::find(StreamSeq raw_seq) {
  LogId low = marks_.first, high = marks_.last;  // the answer is within
  if (hint_id_ >= low && hint_id_ < high && hint_seq_ + 1 == raw_seq) low = hint_id_ + 1;
  // The usual case first, and then by halves; there may be none with the very id.
  for (LogId at = low; low < high; at = low + (high - low) / 2) {
    sqlite::Rows rows = raw_seq_.query(at);
    if (!rows.next()) throw sqlite::damaged("log row " + std::to_string(high) + " is missing");
    const auto id = static_cast<LogId>(rows.integer(0));
    if (id < at) throw out_of_order(at - 1, id);
    if (static_cast<StreamSeq>(rows.integer(1)) >= raw_seq) high = at;
    else low = id + 1;
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
    if (record.seq <= (out.empty() ? after : out.back().seq))
      throw sqlite::damaged("the raw records are out of order at log row " + std::to_string(id));
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
  // By bisection: a page a step, where a look at each row reads the whole file.
  LogId low = std::max<LogId>(marks_.first, 1), high = marks_.last + 1;
  while (low < high) {
    const LogId middle = low + (high - low) / 2;
    sqlite::Rows rows = front_.query(middle, 1);
    if (!rows.next() || rows.integer(1) >= time) high = middle;
    else low = std::max(middle, static_cast<LogId>(rows.integer(0))) + 1;  // of a hole, the row behind it
  }
  return high;
}

bool LogTable::trim(LogId through, StreamSeq raw_through, Timestamp expired, Timestamp now, std::uint64_t most) {
  through = std::min(through, marks_.last == 0 ? 0 : marks_.last - 1);
  if (marks_.first == 0 || marks_.first > through) return false;
  LogId cut = 0;
  std::uint64_t count = 0;
  {
    sqlite::Rows rows = front_.query(marks_.first, most);
    while (rows.next()) {
      const auto id = static_cast<LogId>(rows.integer(0));
      const Timestamp time = rows.integer(1);
      const auto raw_seq = static_cast<StreamSeq>(rows.integer(2));
      if (id > through || (rows.integer(3) != 0 && raw_seq > raw_through) || (time > expired && time <= now)) break;
      cut = id;
      ++count;
    }
  }
  if (cut == 0) return false;
  erase(marks_.first, cut);
  return count == most;
}

void LogTable::erase(LogId first, LogId last) {
  delete_.run(first, last);
  if (first <= marks_.first) load_front();
}

void LogTable::load_front() {
  sqlite::Rows rows = front_.query(LogId{0}, 1);
  if (!rows.next()) throw sqlite::damaged("the log is empty");
  marks_.first = static_cast<LogId>(rows.integer(0));
  marks_.raw_before = static_cast<StreamSeq>(rows.integer(2)) - (rows.integer(3) != 0 ? 1 : 0);
}

Run LogTable::run(StreamSeq after, StreamSeq until, LogId through, Timestamp expired, std::size_t bytes) {
  Run out;
  after = std::max(after, marks_.raw_before);
  if (after >= until || after >= marks_.raw_last) return out;
  through = std::min(through, marks_.last - 1);
  std::size_t total = 0;
  std::uint64_t before = 0;
  sqlite::Rows rows = run_.query(find(after + 1), through);
  while (rows.next()) {
    if (rows.is_null(3)) continue;
    Record record{.stream = Stream::raw, .seq = static_cast<StreamSeq>(rows.integer(2)), .body = {}};
    const std::string_view sealed = rows.bytes(3);
    if (record.seq > until || rows.integer(1) > expired || (total != 0 && total + sealed.size() > bytes)) break;
    const auto id = static_cast<LogId>(rows.integer(0));
    auto body = seal_.open({Role::raw, id, record.seq, static_cast<std::uint64_t>(rows.integer(1))}, sealed);
    if (body) record.body = std::move(*body);
    else record.damaged = true;
    total += sealed.size();
    const auto counted = static_cast<std::uint64_t>(rows.integer(4));
    if (out.records.empty()) {
      out.first_id = id;
      before = counted - std::min<std::uint64_t>(counted, sealed.size());
    }
    out.last_id = id;
    out.time = rows.integer(1);
    out.counted = counted - before;
    out.records.push_back(std::move(record));
  }
  return out;
}

std::optional<Front> LogTable::front(StreamSeq after) {
  after = std::max(after, marks_.raw_before);
  if (after >= marks_.raw_last) return std::nullopt;
  sqlite::Rows rows = run_.query(find(after + 1), marks_.last);
  while (rows.next()) {
    if (rows.is_null(3)) continue;
    const auto counted = static_cast<std::uint64_t>(rows.integer(4));
    return Front{
        .seq = static_cast<StreamSeq>(rows.integer(2)),
        .time = rows.integer(1),
        .bytes_before = counted - std::min<std::uint64_t>(counted, static_cast<std::uint64_t>(rows.integer(5))),
        .except = {}};
  }
  return std::nullopt;
}

void LogTable::verify(const AllHoles& holes, std::vector<std::string>& wrong) {
  LogId expected = marks_.first;
  StreamSeq raw_expected = marks_.raw_before;
  for (LogId after = marks_.first == 0 ? 0 : marks_.first - 1;;) {
    sqlite::Rows rows = next_.query(after);
    if (!rows.next()) break;
    const auto id = static_cast<LogId>(rows.integer(0));
    if (id <= after) {
      wrong.push_back(out_of_order(after, id).error().what);
      break;
    }
    const Timestamp time = rows.integer(1);
    const auto raw_seq = static_cast<StreamSeq>(rows.integer(2));
    if (id != expected && !holes.log.covers(expected, id - 1))
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
