#include "store/backlog.h"

#include <algorithm>

#include "base/random.h"
#include "store/digest.h"

namespace weir::store {
namespace {

std::size_t at(Stream stream) { return static_cast<std::size_t>(stream); }

constexpr std::size_t kBeside = 128;  // what a row takes beside its bytes, about

std::size_t size_of(const LogRow& row) { return row.commit.size() + row.raw.size() + kBeside; }
std::size_t size_of(const Adopted::Output& output) { return output.body.size() + output.except.size() + kBeside; }

}  // namespace

Backlog::Backlog(const Known& after, std::uint64_t most_bytes, const Digest* digest)
    : after_(after), last_(after), most_bytes_(most_bytes), digest_(digest) {
  Incarnation& span = adopted_.spans.emplace_back();
  span.id = random_bytes(kIncarnationSize);
  for (const Stream stream : kStreams) span.first[at(stream)] = after.streams[at(stream)] + 1;
}

Committed Backlog::append(const Transaction& transaction, Timestamp now) {
  LogRow& row = adopted_.rows.emplace_back();
  row.id = ++last_.last;
  row.commit = transaction.commit;
  row.raw = transaction.raw;
  row.raw_seq = row.raw.empty() ? 0 : ++last_.streams[at(Stream::raw)];
  row.time = transaction.time != 0 ? transaction.time : now;
  bytes_ += size_of(row);
  for (const Output& output : transaction.outputs) {
    adopted_.outputs.push_back(
        {output.stream, ++last_.streams[at(output.stream)], row.id, row.time, output.body, std::string()});
    bytes_ += size_of(adopted_.outputs.back());
  }
  return {row.id};
}

void Backlog::shrink() {
  if (bytes_ <= most_bytes_) return;
  // Somewhat more than has to be: not every commit moves what is left.
  if (drop_rows(false)) return;
  if (drop_rows(true)) return;
  for (const Stream stream : {Stream::derived, Stream::backfill, Stream::alerts})
    if (drop_outputs(stream)) return;
}

bool Backlog::drop_rows(bool needed) {
  const std::uint64_t enough = most_bytes_ - most_bytes_ / 8;
  const LogId saved = adopted_.snapshot ? adopted_.snapshot->at : 0;
  std::vector<Record> gone;
  LogId log_id = 0;
  Timestamp time = 0;
  std::erase_if(adopted_.rows, [&](LogRow& row) {
    const bool has_raw = row.raw_seq != 0;
    if (bytes_ <= enough || row.id == last_.last || (has_raw && row.raw_seq == last_.streams[at(Stream::raw)]))
      return false;
    if (needed) {
      if (!has_raw || in_hand(Stream::raw, row.raw_seq)) return false;
    } else if (row.id > saved || (has_raw && is_needed(Stream::raw, row.raw_seq))) {
      return false;
    }
    bytes_ -= size_of(row);
    missing_ = std::max(missing_, row.id);
    log_id = row.id;
    time = row.time;
    if (has_raw && is_needed(Stream::raw, row.raw_seq))
      gone.push_back({.stream = Stream::raw, .seq = row.raw_seq, .body = std::move(row.raw)});
    return true;
  });
  say(std::move(gone), log_id, time);
  return bytes_ <= most_bytes_;
}

bool Backlog::drop_outputs(Stream stream) {
  const std::uint64_t enough = most_bytes_ - most_bytes_ / 8;
  std::vector<Record> gone;
  LogId log_id = 0;
  Timestamp time = 0;
  std::erase_if(adopted_.outputs, [&](Adopted::Output& output) {
    if (output.stream != stream || bytes_ <= enough || output.seq == last_.streams[at(stream)] ||
        in_hand(stream, output.seq))
      return false;
    bytes_ -= size_of(output);
    log_id = output.log_id;
    time = output.time;
    if (is_needed(stream, output.seq))
      gone.push_back({.stream = stream, .seq = output.seq, .body = std::move(output.body)});
    return true;
  });
  say(std::move(gone), log_id, time);
  return bytes_ <= most_bytes_;
}

bool Backlog::in_hand(Stream stream, StreamSeq seq) const {
  return std::ranges::any_of(uplinks_, [&](const auto& uplink) {
    return seq <= uplink.second.lent[at(stream)] && seq > uplink.second.acknowledged[at(stream)];
  });
}

std::string Backlog::except(Stream stream, StreamSeq seq) const {
  std::string out;
  for (const auto& [name, uplink] : uplinks_)
    if (!uplink.takes[at(stream)] || uplink.acknowledged[at(stream)] >= seq)
      out += (out.empty() ? "\n" : "") + name + "\n";
  return out;
}

bool Backlog::is_needed(Stream stream, StreamSeq seq) const {
  return std::ranges::any_of(uplinks_, [&](const auto& uplink) {
    return uplink.second.takes[at(stream)] && uplink.second.acknowledged[at(stream)] < seq;
  });
}

// One gap a range whose numbers follow on each other and that lacks for the same uplinks.
void Backlog::say(std::vector<Record> gone, LogId log_id, Timestamp time) {
  for (std::size_t begin = 0, end = 0; begin < gone.size(); begin = end) {
    const std::string without = except(gone[begin].stream, gone[begin].seq);
    for (end = begin + 1; end < gone.size() && gone[end].seq == gone[end - 1].seq + 1 &&
                          except(gone[end].stream, gone[end].seq) == without;)
      ++end;
    given_up_[at(gone[begin].stream)] += end - begin;
    if (digest_ != nullptr) say(std::span(gone).subspan(begin, end - begin), without, log_id, time);
  }
}

void Backlog::say(std::span<const Record> gone, const std::string& except, LogId log_id, Timestamp time) {
  const Replaced replaced{gone.front().stream, span().id, gone.front().seq, gone.back().seq, gone};
  constexpr std::string_view kReason = "memory";
  auto& last = last_.streams[at(Stream::backfill)];
  const bool goes_on = open_ && open_->seq == last && seen_[at(Stream::backfill)] < last &&
                       open_->stream == replaced.stream && open_->last + 1 == replaced.first &&
                       open_->except == except;
  if (goes_on) {
    const auto before = std::ranges::find_if(adopted_.outputs, [&](const Adopted::Output& output) {
      return output.stream == Stream::backfill && output.seq == last;
    });
    bytes_ -= size_of(*before);
    before->body = digest_->gap(replaced, kReason, before->body);
    bytes_ += size_of(*before);
    open_->last = replaced.last;
    return;
  }
  adopted_.outputs.push_back(
      {Stream::backfill, ++last, log_id, time, digest_->gap(replaced, kReason, std::nullopt), except});
  bytes_ += size_of(adopted_.outputs.back());
  open_ = Open{replaced.stream, replaced.last, except, last};
}

bool Backlog::scan(LogId after, const std::function<bool(LogRow)>& row) const {
  for (const LogRow& one : adopted_.rows) {
    if (one.id <= after) continue;
    LogRow copy = one;
    if (copy.raw_seq == 0) copy.raw.clear();
    if (!row(std::move(copy))) return false;
  }
  return true;
}

std::vector<Record> Backlog::fetch(Stream stream, StreamSeq after, std::size_t bytes) {
  std::vector<Record> out;
  std::size_t size = 0;
  const auto take = [&](StreamSeq seq, const std::string& body, const std::string& except) {
    if (!out.empty() && size + body.size() > bytes) return false;
    size += body.size();
    out.push_back({.stream = stream, .seq = seq, .body = body, .incarnation = span().id, .except = except});
    return true;
  };
  if (stream == Stream::raw) {
    for (const LogRow& row : adopted_.rows)
      if (row.raw_seq > after && !take(row.raw_seq, row.raw, {})) break;
  } else {
    for (const Adopted::Output& output : adopted_.outputs)
      if (output.stream == stream && output.seq > after && !take(output.seq, output.body, output.except)) break;
  }
  if (!out.empty()) seen_[at(stream)] = std::max(seen_[at(stream)], out.back().seq);
  return out;
}

std::optional<LogId> Backlog::first_since(Timestamp time) const {
  const auto found = std::ranges::find_if(adopted_.rows, [&](const LogRow& row) { return row.time >= time; });
  return found == adopted_.rows.end() ? std::nullopt : std::optional(found->id);
}

void Backlog::set_snapshot(const Snapshot& snapshot) { adopted_.snapshot = snapshot; }

void Backlog::keep(std::string_view key, std::string_view value) {
  adopted_.kept.insert_or_assign(std::string(key), std::string(value));
}

std::optional<std::string> Backlog::kept(std::string_view key) const {
  const auto found = adopted_.kept.find(std::string(key));
  return found == adopted_.kept.end() ? std::nullopt : std::optional(found->second);
}

void Backlog::set_uplinks(const std::vector<UplinkStreams>& uplinks) {
  std::map<std::string, Uplink, std::less<>> next;
  for (const UplinkStreams& uplink : uplinks) {
    Uplink& one = next[uplink.name];
    if (const auto before = uplinks_.find(uplink.name); before != uplinks_.end()) one = before->second;
    one.takes = {};
    for (const Stream stream : uplink.streams) one.takes[at(stream)] = true;
    one.takes[at(Stream::backfill)] = true;
  }
  uplinks_.swap(next);
}

void Backlog::acknowledge(std::string_view uplink, Stream stream, StreamSeq seq) {
  if (const auto found = uplinks_.find(uplink); found != uplinks_.end())
    found->second.acknowledged[at(stream)] = std::max(found->second.acknowledged[at(stream)], seq);
}

StreamSeq Backlog::acknowledged(std::string_view uplink, Stream stream) const {
  const auto found = uplinks_.find(uplink);
  return found == uplinks_.end() ? 0 : found->second.acknowledged[at(stream)];
}

void Backlog::lent(std::string_view uplink, Stream stream, StreamSeq seq) {
  if (const auto found = uplinks_.find(uplink); found != uplinks_.end())
    found->second.lent[at(stream)] = std::max(found->second.lent[at(stream)], seq);
}

}  // namespace weir::store
