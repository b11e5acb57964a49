// Random work on a store that has too little room, with uplinks that take, lose and acknowledge, and with crashes.
// What is given up is the store's choice: the model follows from the records that it sees, and holds the store to
// what it promises of every number that it ever gave. WEIR_MODEL_SEEDS runs more seeds than the usual eight.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "base/random.h"
#include "folder.h"
#include "store/digest.h"

namespace weir::store {
namespace {

constexpr std::array kNumbered{Stream::alerts, Stream::derived, Stream::raw};

// Numbers that a record of backfill stands for.
struct Range {
  int stream = 0;
  StreamSeq first = 0, last = 0;
  std::string incarnation;  // in hex
};

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes)
    for (const int half : {c >> 4 & 15, c & 15}) out += "0123456789abcdef"[half];
  return out;
}

std::vector<Range> ranges_of(const std::string& body) {
  std::vector<Range> out;
  std::istringstream in(body);
  for (Range range; in >> range.stream >> range.first >> range.last >> range.incarnation;) out.push_back(range);
  return out;
}

std::string say(const std::vector<Range>& ranges) {
  std::ostringstream out;
  for (const Range& range : ranges)
    out << range.stream << ' ' << range.first << ' ' << range.last << ' ' << range.incarnation << '\n';
  return out.str();
}

// Says nothing but which numbers a body stands for.
class RangeDigest final : public Digest {
 public:
  std::optional<std::string> thin(const Replaced& replaced) const override {
    std::size_t size = 0;
    for (const Record& record : replaced.records) size += record.body.size();
    std::string out = say(all_of(replaced, {}));
    if (out.size() > size / 2) return std::nullopt;
    out.resize(std::max(out.size(), size / 8), '.');
    return out;
  }
  std::string gap(const Replaced& replaced, std::string_view,
                  const std::optional<std::string>& before) const override {
    return say(all_of(replaced, before.value_or("")));
  }

 private:
  static std::vector<Range> all_of(const Replaced& replaced, const std::string& before) {
    std::vector<Range> out = ranges_of(before);
    const auto add = [&](const Range& range) {
      if (!out.empty() && out.back().stream == range.stream && out.back().incarnation == range.incarnation &&
          out.back().last + 1 == range.first)
        out.back().last = range.last;
      else out.push_back(range);
    };
    if (replaced.stream != Stream::backfill)
      add({static_cast<int>(replaced.stream), replaced.first, replaced.last, hex(replaced.incarnation)});
    else
      for (const Record& record : replaced.records)
        for (const Range& range : ranges_of(record.body)) add(range);
    return out;
  }
};

struct Taker {
  std::map<Stream, std::map<StreamSeq, Record>> in_hand;  // lent, not acknowledged
  std::map<Stream, std::set<StreamSeq>> acknowledged;     // of the numbered streams
  std::map<StreamSeq, std::vector<Range>> told;           // acknowledged records of backfill
};

class PressureTest : public StoreTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
  using Records = std::map<StreamSeq, Record>;

  PressureTest() {
    options_.digest = &digest_;
    options_.retain = kMinute;
    options_.uplinks = {"near", {"far", {Stream::alerts, Stream::raw}}, {"pager", {Stream::alerts}}};
    Limits& limits = options_.limits;
    limits.quota = (2 + below(2)) << 20;
    limits.when_full = GetParam() % 2 == 0 ? WhenFull::drop_oldest : WhenFull::thin;
    const auto of = [&](Stream stream) -> StreamLimit& { return limits.streams[static_cast<std::size_t>(stream)]; };
    if (GetParam() % 4 >= 2) {
      of(Stream::alerts).bytes = 40'000;
      of(Stream::raw).bytes = 300'000;
    }
    if (GetParam() % 3 == 0) of(Stream::derived).age = of(Stream::raw).age = 2 * kMinute;
    if (GetParam() % 5 == 0) of(Stream::backfill).bytes = 30'000;
    begin_life();
  }

  std::uint64_t below(std::uint64_t limit) { return split_mix(seed_) % limit; }
  std::string some_bytes() {
    std::string out(below(4) == 0 ? below(40'000) : below(200), '\0');
    for (char& c : out) c = static_cast<char>(split_mix(seed_));
    return out;
  }

  // A folder of its own, where nobody has been.
  void begin_life() {
    const auto folder = folder_ / std::to_string(++lives_);
    std::filesystem::create_directory(folder);
    options_.file = folder / "weir.db";
  }

  void open_again(bool as_copy) {
    open_beneath();
    ASSERT_EQ(database_->notes().size(), as_copy ? 1U : 0U);
    if (as_copy) {
      ASSERT_THAT(database_->notes()[0], testing::HasSubstr("is not the file that it was"));
    }
    look();
    for (auto& [name, taker] : takers_) {
      taker.in_hand.clear();
      // An acknowledgement may be lost in a crash, and the record goes out again.
      for (const Stream stream : kNumbered)
        std::erase_if(taker.acknowledged[stream], [&](StreamSeq seq) {
          return as_copy && seq > mark(name, stream) && there_[stream].contains(seq);
        });
      std::erase_if(taker.told, [&](const auto& told) {
        return as_copy && told.first > mark(name, Stream::backfill) && there_[Stream::backfill].contains(told.first);
      });
    }
  }

  // The files as they are at this moment, in another place.
  void crash() {
    const auto was = options_.file;
    begin_life();
    for (const char* suffix : {"", "-wal"}) {
      std::error_code none;
      std::filesystem::copy_file(was.string() + suffix, options_.file.string() + suffix, none);
    }
    open_again(true);
    std::filesystem::remove_all(was.parent_path());
  }

  StreamSeq mark(const std::string& uplink, Stream stream) { return database_->acknowledged(uplink, stream); }
  static bool takes(const UplinkStreams& uplink, Stream stream) {
    return stream == Stream::backfill || std::ranges::find(uplink.streams, stream) != uplink.streams.end();
  }

  void commit_some() {
    std::vector<Transaction> transactions(1 + below(3));
    for (Transaction& transaction : transactions) {
      transaction.commit = some_bytes();
      if (below(3) != 0) transaction.raw = "r" + some_bytes();
      transaction.time = clock_.now();
      for (auto i = below(3); i > 0; --i)
        transaction.outputs.push_back({below(2) == 0 ? Stream::alerts : Stream::derived, some_bytes()});
    }
    const auto committed = database_->commit(transactions);
    if (!committed) {
      // Full of what must not go. Nothing of it is in.
      ASSERT_TRUE(committed.error().unwritable) << committed.error().text();
      ++refused_;
      return;
    }
    const auto number = [&](Stream stream, const std::string& body) {
      auto& records = given_[stream];
      const StreamSeq seq = records.size() + 1;
      records[seq] = {.stream = stream, .seq = seq, .body = body, .incarnation = database_->incarnation()};
    };
    for (std::size_t i = 0; i < transactions.size(); ++i) {
      const Transaction& transaction = transactions[i];
      const LogId id = (*committed)[i].id;
      ASSERT_EQ(id, log_.size() + 1);
      log_[id] = transaction;
      if (!transaction.raw.empty()) number(Stream::raw, transaction.raw);
      for (const Output& output : transaction.outputs) number(output.stream, output.body);
    }
  }

  void take_some(const UplinkStreams& uplink, Stream stream) {
    auto& hand = takers_[uplink.name].in_hand[stream];
    const StreamSeq after = std::max(mark(uplink.name, stream), hand.empty() ? 0 : hand.rbegin()->first);
    for (const Record& record : fetch(stream, after, 1 + below(60'000))) {
      if (record.is_for(uplink.name)) hand[record.seq] = record;
      database_->lent(uplink.name, stream, record.seq);
    }
  }

  void acknowledge_some(const UplinkStreams& uplink, Stream stream) {
    Taker& taker = takers_[uplink.name];
    auto& hand = taker.in_hand[stream];
    if (hand.empty()) return;
    const StreamSeq through = below(2) == 0 ? hand.rbegin()->first : hand.begin()->first;
    ASSERT_TRUE(database_->acknowledge(uplink.name, stream, through));
    for (; !hand.empty() && hand.begin()->first <= through; hand.erase(hand.begin())) {
      if (stream == Stream::backfill) taker.told[hand.begin()->first] = ranges_of(hand.begin()->second.body);
      else taker.acknowledged[stream].insert(hand.begin()->first);
    }
  }

  void save_snapshot() {
    if (log_.empty()) return;
    const LogId newest = snapshots_.empty() ? 1 : *snapshots_.rbegin();
    const LogId at = newest + below(log_.size() - newest + 1);
    ASSERT_TRUE(database_->save_snapshot({at, some_bytes()}));
    snapshots_.insert(at);
    if (snapshots_.size() > 2) snapshots_.erase(snapshots_.begin());
  }

  void step() {
    const UplinkStreams& uplink = options_.uplinks[below(options_.uplinks.size())];
    const Stream stream = kStreams[below(kStreams.size())];
    switch (below(16)) {
      default: commit_some(); break;
      case 0:
      case 1: take_some(uplink, takes(uplink, stream) ? stream : Stream::alerts); break;
      case 2:
      case 3: acknowledge_some(uplink, takes(uplink, stream) ? stream : Stream::alerts); break;
      case 4:
      case 5:
      case 6: save_snapshot(); break;
      case 7: trim(); break;
      case 8: clock_.advance(static_cast<Nanoseconds>(below(20)) * kSecond); break;
      case 9:
        if (below(4) == 0) crash();
        break;
      case 10:
        if (below(4) == 0) open_again(false);
        break;
    }
  }

  // All that is there, as any uplink sees it.
  void look() {
    there_.clear();
    for (const Stream stream : kStreams)
      for (StreamSeq after = 0;;) {
        auto records = fetch(stream, after, 64 << 20);
        if (records.empty()) break;
        after = records.back().seq;
        for (Record& record : records) there_[stream][record.seq] = std::move(record);
      }
  }

  static bool same(const Record& a, const Record& b) {
    return a.body == b.body && a.incarnation == b.incarnation && a.except == b.except && !a.damaged && !b.damaged;
  }

  void check() {
    ASSERT_LE(bytes_on_disk(), options_.limits.quota);
    look();
    check_records();
    check_log();
    check_stats();
    for (const UplinkStreams& uplink : options_.uplinks)
      for (const Stream stream : kNumbered) check_fate(uplink, stream);
  }

  void check_records() {
    for (const Stream stream : kNumbered)
      for (const auto& [seq, record] : there_[stream])
        ASSERT_TRUE(same(record, given_[stream].at(seq))) << to_text(stream) << ' ' << seq;
    auto& seen = given_[Stream::backfill];
    const StreamSeq newest = seen.empty() ? 0 : seen.rbegin()->first;
    for (const auto& [seq, record] : there_[Stream::backfill]) {
      ASSERT_TRUE(seq > newest || (seen.contains(seq) && same(record, seen[seq]))) << "backfill " << seq;
      seen[seq] = record;
      for (const Range& range : ranges_of(record.body))
        for (StreamSeq one = range.first; one <= range.last; ++one)
          ASSERT_EQ(hex(given_[static_cast<Stream>(range.stream)].at(one).incarnation), range.incarnation);
    }
    for (const auto& [name, taker] : takers_)
      for (const auto& [stream, hand] : taker.in_hand)
        for (const auto& [seq, record] : hand)
          ASSERT_TRUE(there_[stream].contains(seq) && same(record, there_[stream][seq]))
              << name << " has " << to_text(stream) << ' ' << seq << " in its hands";
  }

  void check_log() {
    LogId expected = snapshots_.size() < 2 ? 1 : *snapshots_.begin() + 1;
    for (const LogRow& row : rows()) {
      const Transaction& given = log_.at(row.id);
      ASSERT_TRUE(row.commit == given.commit && row.raw == given.raw && row.time == given.time) << row.id;
      if (row.id >= expected) {
        ASSERT_EQ(row.id, expected++) << "is needed after a crash";
      }
    }
    if (!log_.empty()) {
      ASSERT_EQ(expected, log_.size() + 1);
    }
  }

  void check_stats() {
    const Stats stats = database_->stats();
    for (const StreamStats& stream : stats.streams) {
      std::uint64_t bytes = 0, waiting = 0;
      for (const auto& [seq, record] : there_[kStreams[static_cast<std::size_t>(&stream - stats.streams.data())]])
        if (seq > stream.acknowledged) {
          ++waiting;
          bytes += record.body.size() + 4;
        }
      ASSERT_EQ(stream.waiting, waiting) << &stream - stats.streams.data();
      ASSERT_EQ(stream.bytes, bytes) << &stream - stats.streams.data();
    }
  }

  // Every number ever given: acknowledged, waiting, or told of in exactly one record for this uplink.
  void check_fate(const UplinkStreams& uplink, Stream stream) {
    const Taker& taker = takers_[uplink.name];
    std::vector<int> fates(given_[stream].size() + 1);
    const auto tell = [&](const std::vector<Range>& ranges) {
      for (const Range& range : ranges)
        if (range.stream == static_cast<int>(stream))
          for (StreamSeq seq = range.first; seq <= range.last; ++seq) ++fates.at(seq);
    };
    for (const auto& [seq, ranges] : taker.told) tell(ranges);
    for (const auto& [seq, record] : there_[Stream::backfill])
      if (seq > mark(uplink.name, Stream::backfill) && record.is_for(uplink.name)) tell(ranges_of(record.body));
    const bool taken = takes(uplink, stream);
    if (taken) {
      if (const auto own = taker.acknowledged.find(stream); own != taker.acknowledged.end())
        for (const StreamSeq seq : own->second) ++fates.at(seq);
      for (const auto& [seq, record] : there_[stream])
        if (seq > mark(uplink.name, stream)) ++fates.at(seq);
    }
    for (StreamSeq seq = 1; seq < fates.size(); ++seq)
      ASSERT_EQ(fates[seq], taken ? 1 : 0) << uplink.name << ' ' << to_text(stream) << ' ' << seq;
  }

  std::uint64_t bytes_on_disk() const {
    std::uint64_t size = 0;
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::error_code none;
      const auto one = std::filesystem::file_size(options_.file.string() + suffix, none);
      if (!none) size += one;
    }
    return size;
  }

  RangeDigest digest_;
  std::uint64_t seed_ = GetParam();
  int lives_ = 0, refused_ = 0;
  std::map<LogId, Transaction> log_;  // all that ever was
  std::map<Stream, Records> given_, there_;
  std::map<std::string, Taker> takers_;
  std::set<LogId> snapshots_;
};

TEST_P(PressureTest, LosesNothingUntold) {
  open_beneath();
  for (int i = 0; i < 400; ++i) {
    step();
    if (!HasFatalFailure()) check();
    if (HasFatalFailure()) FAIL() << "step " << i << " of seed " << GetParam();
  }
  EXPECT_THAT(verify(), testing::IsEmpty());
  EXPECT_FALSE(given_[Stream::backfill].empty()) << "nothing was ever given up";
  EXPECT_LT(refused_, 40);
}

std::uint64_t seeds() {
  const char* more = std::getenv("WEIR_MODEL_SEEDS");
  return more != nullptr ? std::max<std::uint64_t>(std::strtoull(more, nullptr, 10), 8) : 8;
}

INSTANTIATE_TEST_SUITE_P(Seeds, PressureTest, testing::Range<std::uint64_t>(8, 8 + seeds()));

}  // namespace
}  // namespace weir::store
