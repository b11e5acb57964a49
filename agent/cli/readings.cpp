#include "cli/readings.h"

#include <algorithm>
#include <cstdio>
#include <span>

#include "codec/codec.h"
#include "csv/text.h"

namespace weir::cli {
namespace {

constexpr int kMostFailures = 1'000;
constexpr std::size_t kPage = 1 << 20;

template <class T>
bool move_column(model::Series& from, std::vector<T>& to) {
  auto* column = std::get_if<std::vector<T>>(&from.values);
  if (column == nullptr) return false;
  to = std::move(*column);
  return true;
}

// The next of a thinned record's signals, off the front of the block's series; false if they do not fit.
bool read_form(const v1::Thinned& form, std::span<model::Series> series, std::size_t& at, Thinned& out) {
  const std::size_t wanted = form.form() == v1::Thinned::SUMMARY ? 4 : 2;
  if (series.size() - at < wanted) return false;
  const auto mine = series.subspan(at, wanted);
  at += wanted;
  for (const model::Series& one : mine)
    if (one.signal != mine[0].signal || one.size() != mine[0].size()) return false;
  out.interval = form.interval();
  if (wanted == 4 && !(move_column(mine[0], out.min) && move_column(mine[2], out.max))) return false;
  out.values = std::move(mine[wanted == 4 ? 1 : 0]);
  return move_column(mine.back(), out.counts);
}

}  // namespace

bool Readings::run(store::LogId begin, const Handlers& handlers) {
  handlers_ = &handlers;
  read_snapshot();
  if (handlers.thinned) read_backfill();
  read_log(begin);
  return failures_ == 0;
}

void Readings::complain(const std::string& what) {
  ++failures_;
  // A row that is damaged behind a hole of the log is met once for each id of the hole.
  if (what != last_failure_) handlers_->wrong(what);
  last_failure_ = what;
}

void Readings::define(const v1::SignalDefined& defined) {
  const std::string& path = defined.signal().path();
  names_[defined.id()] = {path, defined.signal().unit(), !pattern_ || pattern_->match(path).has_value()};
}

const SignalName& Readings::name(model::SignalId signal) {
  SignalName& name = names_[signal];
  if (name.path.empty()) {
    name.path = "#" + std::to_string(signal);
    name.wanted = !pattern_;
  }
  return name;
}

// An id stands for one path for good, so a later snapshot names the signals of rows before it.
void Readings::read_snapshot() {
  const auto snapshot = database_.newest_snapshot();
  v1::Snapshot state;
  if (!snapshot) return complain(snapshot.error().text());
  if (!*snapshot || !state.ParseFromString((*snapshot)->state)) return;
  for (const v1::SignalDefined& defined : state.signals()) define(defined);
  named_through_ = (*snapshot)->at;
}

void Readings::read_backfill() {
  store::StreamSeq after = 0;
  while (failures_ < kMostFailures) {
    const auto records = database_.fetch(store::Stream::backfill, after, kPage);
    if (!records) return complain(records.error().text());
    if (records->empty()) return;
    for (const store::Record& record : *records) {
      after = record.seq;
      const auto ok = record.damaged ? Result<void>(fail("fails its checksum")) : take_thinned(record.body);
      if (!ok) complain("record " + std::to_string(record.seq) + " of backfill: " + ok.error().text());
    }
  }
}

void Readings::read_log(store::LogId begin) {
  const store::LogId last = database_.stats().last;
  // The rows between the snapshot and the first that counts may name signals.
  store::LogId after = std::min(begin, named_through_ + 1) - 1;
  while (failures_ < kMostFailures) {
    const auto scanned = database_.scan(after, [&](const store::LogRow& row) {
      after = row.id;
      if (auto ok = take(row, row.id >= begin); !ok)
        complain("row " + std::to_string(row.id) + " of the log: " + ok.error().text());
      return std::ferror(stdout) == 0;
    });
    if (scanned) return;
    complain(scanned.error().text());
    if (++after >= last) return;  // what comes behind the damaged row can be read
  }
}

Result<void> Readings::take(const store::LogRow& row, bool readings_too) {
  if (row.id > named_through_) {
    if (!commit_.ParseFromString(row.commit)) return fail("it is no commit");
    for (const v1::Entry& entry : commit_.entries())
      if (entry.has_signal()) define(entry.signal());
  }
  if (!readings_too || row.raw.empty()) return {};
  if (!raw_.ParseFromString(row.raw)) return fail("it is no commit");
  if (raw_.readings().empty()) return {};
  if (auto ok = codec::decode(raw_.readings(), {}, series_); !ok) return ok;
  for (const model::Series& one : series_)
    if (const SignalName& its = name(one.signal); its.wanted) handlers_->series(its, one);
  return {};
}

Result<void> Readings::take_thinned(std::string_view body) {
  if (!raw_.ParseFromArray(body.data(), static_cast<int>(body.size()))) return fail("it is no record");
  if (raw_.readings().empty()) return {};
  auto series = codec::decode(raw_.readings());
  if (!series) return std::unexpected(series.error());
  std::size_t at = 0;
  for (const v1::Thinned& form : raw_.thinned()) {
    if (form.form() == v1::Thinned::ORIGINAL) {
      if (at == series->size()) return fail("it has fewer series than it says");
      const model::Series& one = (*series)[at++];
      if (const SignalName& its = name(one.signal); its.wanted) handlers_->series(its, one);
      continue;
    }
    Thinned thinned;
    if (!read_form(form, *series, at, thinned)) return fail("its series do not fit together");
    if (const SignalName& its = name(thinned.values.signal); its.wanted) handlers_->thinned(its, thinned);
  }
  return {};
}

Result<Timestamp> parse_when(std::string_view option, const std::string& text, Timestamp now) {
  Timestamp out = 0;
  Nanoseconds ago = 0;
  if (parse_iso(text, out)) return out;
  if (parse_duration(text, ago)) return now - ago;
  return fail(std::string(option) + " " + csv::no_time(text), "write 2h for two hours ago, or 2026-11-21T01:18:39Z");
}

Result<model::PathPattern> parse_pattern(std::string_view option, std::string text) {
  for (std::size_t at = 0; (at = text.find('*', at)) != std::string::npos; at += 2) text.replace(at, 1, "{}");
  auto pattern = model::PathPattern::parse(text);
  if (!pattern) return context(option, pattern.error());
  return pattern;
}

}  // namespace weir::cli
